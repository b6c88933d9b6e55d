"""`headless-conformance clean-existing`: remove what killed runs left on a cluster of the person's own."""

from __future__ import annotations

import os


def clean_existing() -> int:
    """Remove the namespaces of such runs."""
    from headless_conformance.core.settings import Provider, from_env
    from headless_conformance.providers.existing import connection

    connection.clean_existing(from_env({**os.environ, "PROVIDER": Provider.EXISTING, "K8S": ""}))
    return 0
