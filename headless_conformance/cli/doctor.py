"""`headless-conformance doctor`: what this machine has and what a run would use."""

from __future__ import annotations

import os


def doctor() -> int:
    """Print the table."""
    from headless_conformance.core.settings import from_env
    from headless_conformance.core.tables import show
    from headless_conformance.run.doctor import table

    show(table(from_env(os.environ)))
    return 0
