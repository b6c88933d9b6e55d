"""`headless-conformance faults`: what is broken on purpose, and which requirements fail because of it."""

from __future__ import annotations

import os
from typing import Annotated

from headless_conformance.cli.options import argument


def faults(names: Annotated[list[str] | None, argument("FAULT")] = None) -> int:
    """Run them, or those of these names; 1 when anything is not as expected."""
    from headless_conformance.faults.detection import detect
    from headless_conformance.providers.registry import settings_of_run
    from headless_conformance.run.undoing import undone_when_interrupted

    with undone_when_interrupted():
        return detect(settings_of_run(os.environ), "faults", names or ())
