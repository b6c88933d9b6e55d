"""`headless-conformance doctor`: what this machine has and what a run would use."""

from __future__ import annotations

import os


def doctor() -> int:
    """Print the table."""
    from headless_conformance.core.tables import show
    from headless_conformance.providers.registry import settings_of_run
    from headless_conformance.run.doctor import doctor_table

    show(doctor_table(settings_of_run(os.environ)))
    return 0
