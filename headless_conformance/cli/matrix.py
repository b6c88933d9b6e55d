"""`headless-conformance matrix`: the suite on several versions of Kubernetes."""

from __future__ import annotations

import os


def matrix() -> int:
    """Run every version and print what differs between them."""
    from headless_conformance.run.undoing import undone_when_interrupted
    from headless_conformance.run.version_matrix import run_versions

    with undone_when_interrupted():
        return run_versions(os.environ)
