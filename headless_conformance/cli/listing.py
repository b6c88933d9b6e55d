"""`headless-conformance list`: the requirements, one line each."""

from __future__ import annotations

import contextlib
import os

from headless_conformance.core.errors import UserError


def list_requirements() -> int:
    """Print the chosen requirements with what their tests need and how long they took in the last run."""
    from headless_conformance.core.paths import REPORTS, ROOT
    from headless_conformance.plugin.markers import collect_tests
    from headless_conformance.requirements.coverage import listing
    from headless_conformance.requirements.register import load
    from headless_conformance.results.report_file import read
    from headless_conformance.results.selection import selected

    register = load()
    chosen = selected(register, os.environ)
    seconds: dict[str, float] = {}
    with contextlib.suppress(UserError):
        rows = read(REPORTS / "conformance.yaml")["requirements"]
        seconds = {row["id"]: row["seconds"] for row in rows if "tests" in row}
    print("\n".join(listing(chosen, collect_tests(ROOT / "suites" / register.id), seconds)))
    return 0
