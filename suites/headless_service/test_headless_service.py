"""The headless Service itself: no cluster IP, no load balancing, and one name that two objects must agree on."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures import manifests
from fixtures.headless import HeadlessSet
from fixtures.kube import Kube, Object

ALLOCATED = "an address of the Service range"


def dry_run(kube: Kube, namespace: str, **spec: Any) -> Object:
    """The spec of a Service as the API server would store it; nothing is created."""
    manifest = manifests.find(manifests.load(manifests.HEADLESS_FILE), "Service")
    manifest["metadata"]["name"] = "dry-run"
    manifest["spec"] |= spec
    stored: Object = kube.create(namespace, manifest, dryRun="All")["spec"]
    return stored


@pytest.mark.claim("SEED-HLS-03")
def test_the_service_is_headless(either: HeadlessSet) -> None:
    """A Service whose cluster IP is set to None MUST be stored as type ClusterIP with None as its only cluster IP."""
    spec = either.get_service()["spec"]
    assert (spec["type"], spec["clusterIP"], spec["clusterIPs"]) == ("ClusterIP", "None", ["None"])
