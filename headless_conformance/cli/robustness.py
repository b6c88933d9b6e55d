"""`headless-conformance robustness`: runs whose cluster is disturbed."""

from __future__ import annotations

import os
from typing import Annotated

from headless_conformance.cli.options import argument


def robustness(names: Annotated[list[str] | None, argument("DISTURBANCE")] = None) -> int:
    """Run the disturbances, all or those of these names; 1 when one of them was not well taken."""
    from headless_conformance.run.robustness import disturb_all
    from headless_conformance.run.undoing import undone_when_interrupted

    with undone_when_interrupted():
        runs = disturb_all(os.environ, " ".join(names or ()).replace(",", " ").split())
    print("\n" + "\n".join(map(str, runs)))
    return int(any(run.problems() for run in runs))
