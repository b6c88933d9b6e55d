"""`headless-conformance list`: the requirements, one line each."""

from __future__ import annotations

import contextlib
import os

from headless_conformance.core.errors import UserError


def list_requirements() -> int:
    """Print the chosen requirements with what their tests need and how long they took in the last run."""
    from headless_conformance.core.paths import REPORTS
    from headless_conformance.core.settings import from_env
    from headless_conformance.plugin.collection import collect_tests
    from headless_conformance.requirements.coverage import requirement_lines
    from headless_conformance.requirements.documents import load_documents
    from headless_conformance.results.report_file import REPORT_NAME, read_report
    from headless_conformance.results.selection import select_requirements

    documents = load_documents()
    chosen = select_requirements(documents, from_env(os.environ).selection)
    seconds: dict[str, float] = {}
    with contextlib.suppress(UserError):
        rows = read_report(REPORTS / REPORT_NAME).requirements()
        seconds = {row.id: row.seconds for row in rows if row.tests}
    print("\n".join(requirement_lines(documents, chosen.values(), collect_tests(), seconds)))
    return 0
