"""`headless-conformance clean`: remove what this clone made."""

from __future__ import annotations

import os


def clean() -> int:
    """Remove clusters, work files and reports of this clone."""
    from headless_conformance.core.settings import from_env
    from headless_conformance.run import cleanup

    cleanup.clean(from_env(os.environ))
    return 0
