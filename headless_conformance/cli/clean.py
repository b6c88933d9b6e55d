"""`headless-conformance clean`: remove what this clone made."""

from __future__ import annotations

import os


def clean() -> int:
    """Remove clusters, work files and reports of this clone."""
    from headless_conformance.providers.registry import settings_of_run
    from headless_conformance.run import cleanup

    cleanup.clean(settings_of_run(os.environ))
    return 0
