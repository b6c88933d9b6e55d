"""`headless-conformance doctor`: what this machine has and what a run would use."""

from __future__ import annotations

import os


def doctor() -> int:
    """Print the table."""
    from headless_conformance.core.settings import from_env
    from headless_conformance.core.tables import aligned
    from headless_conformance.run.doctor import table

    print("\n".join(aligned(table(from_env(os.environ)))))
    return 0
