"""`headless-conformance e2e`: the suite on a cluster."""

from __future__ import annotations

import os
import shlex
from typing import Annotated

import typer

from headless_conformance.core.errors import UserError


def e2e(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[--] PYTEST_ARGUMENT", help="for pytest, as in: -- -k nslookup", show_default=False
        ),
    ] = None,
) -> int:
    """Run the suite; the exit status says what came of it."""
    from headless_conformance.core.paths import SUITES
    from headless_conformance.providers.registry import settings_of_run
    from headless_conformance.providers.run_context import tools_handed_on
    from headless_conformance.run.runner import end_to_end

    settings = settings_of_run(os.environ)
    try:
        more = shlex.split(settings.arguments)
    except ValueError as error:
        raise UserError(f"ARGS cannot be split into words ({error}); correct its quotation marks.") from None
    words = [str(SUITES), *more, *(arguments or [])]
    return end_to_end(settings, words, handed_on=tools_handed_on(os.environ))
