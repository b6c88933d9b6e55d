"""`headless-conformance prepare`: everything that a run needs, without the run."""

from __future__ import annotations

import os


def prepare() -> int:
    """Get or build what the chosen provider needs."""
    from headless_conformance.providers.registry import settings_of_run
    from headless_conformance.run.runner import prepare_only

    prepare_only(settings_of_run(os.environ))
    return 0
