"""`headless-conformance distclean`: remove what this clone made, and the caches."""

from __future__ import annotations

import os


def distclean() -> int:
    """Remove clusters, work files, reports and the caches of all clones."""
    from headless_conformance.providers.registry import settings_of_run
    from headless_conformance.run import cleanup

    cleanup.distclean(settings_of_run(os.environ))
    return 0
