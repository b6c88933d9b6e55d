"""A cluster as a value, for tests that need none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from headless_conformance.cluster.model import Capability, Cluster
from headless_conformance.core.versions import read_versions


def stand_in_cluster(*capabilities: Capability, **fields: Any) -> Cluster:
    """A cluster with these capabilities and fields that nothing answers for."""
    values: dict[str, Any] = {
        "name": "stand-in",
        "provider": "kind",
        "release": read_versions().newest,
        "kubeconfig": Path("kubeconfig"),
        "kubectl": Path("kubectl"),
        "capabilities": frozenset(capabilities),
        "images": {},
    }
    return Cluster(**{**values, **fields})
