"""`headless-conformance matrix`: the suite on several versions of Kubernetes."""

from __future__ import annotations

import os


def matrix() -> int:
    """Run every version and print what differs between them."""
    from headless_conformance.run.version_matrix import run_versions

    return run_versions(os.environ)
