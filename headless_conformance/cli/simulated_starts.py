"""`headless-conformance simulated-starts`: how long simulated clusters take to start."""

from __future__ import annotations

import os
from typing import Annotated

import typer


def simulated_starts(count: Annotated[int, typer.Argument(min=1, help="how many starts")]) -> int:
    """Start clusters one after another and print the times; ends with the first failure."""
    from headless_conformance.providers.registry import settings_of_run
    from headless_conformance.providers.simulated.starts import measure_starts

    measure_starts(settings_of_run(os.environ), count)
    return 0
