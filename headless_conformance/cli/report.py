"""`headless-conformance report`: the HTML report."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import Annotated

from headless_conformance.cli.options import argument


def report(results: Annotated[list[str] | None, argument("RESULTS")] = None) -> int:
    """Build the report and print where it is."""
    from headless_conformance.core.paths import REPORTS
    from headless_conformance.core.progress import Progress
    from headless_conformance.core.settings import from_env
    from headless_conformance.results.html import build_html_report

    # No shell has expanded what a variable says, which may be an absolute pattern: Path.glob takes none.
    names = [name for given in results or () for name in sorted(glob.glob(given)) or [given]]  # noqa: PTH207
    folders = [Path(name).resolve() for name in names]
    print(build_html_report(from_env(os.environ), folders or [REPORTS / "allure-results"], Progress(total=3)))
    return 0
