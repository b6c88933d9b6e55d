"""`headless-conformance compare`: what differs between runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from headless_conformance.core.errors import UserError


def compare(
    reports: Annotated[
        list[str] | None,
        typer.Argument(metavar="REPORT REPORT ...", help="`conformance.yaml` files", show_default=False),
    ] = None,
) -> int:
    """Print the comparison of two reports or more."""
    from headless_conformance.core.paths import command_line
    from headless_conformance.results.comparison import compare_reports
    from headless_conformance.results.report_file import read_report

    names = reports or [os.environ[name] for name in ("A", "B") if os.environ.get(name)]
    if len(names) < 2:
        example = command_line("compare A=first/conformance.yaml B=second/conformance.yaml")
        raise UserError(f"Name two reports or more: `{example}`.")
    print("\n".join(compare_reports(names, [read_report(Path(name)) for name in names])))
    return 0
