"""`headless-conformance clean-existing`: remove what killed runs left on a cluster of the person's own."""

from __future__ import annotations

import os


def clean_existing() -> int:
    """Remove the namespaces of such runs."""
    from headless_conformance.providers.existing import connection
    from headless_conformance.providers.registry import settings_of_run

    connection.clean_existing(settings_of_run({**os.environ, "PROVIDER": "existing", "K8S": ""}))
    return 0
