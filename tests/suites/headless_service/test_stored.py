"""Stored objects held against a manifest and what the document promises."""

from __future__ import annotations

from typing import Any

import pytest

from headless_conformance.core.mismatch import Mismatch
from suites.headless_service.stored import (
    content_of,
    promised_service,
    require_fields,
    with_promises,
)

Object = dict[str, Any]
APPLIED = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}


def stored(**spec: Any) -> Object:
    """The Service `db` as the API server has it."""
    metadata = {"name": "db", "uid": "1", "resourceVersion": "7", "labels": {"app": "db"}}
    return {
        "metadata": {**metadata, "annotations": APPLIED},
        "spec": {
            "type": "ClusterIP",
            "clusterIP": "None",
            "clusterIPs": ["None"],
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "internalTrafficPolicy": "Cluster",
            "selector": {"app": "db"},
            "ports": [{"name": "mysql", "protocol": "TCP", "port": 3306, "targetPort": 3306}],
            "sessionAffinity": "None",
            **spec,
        },
        "status": {"loadBalancer": {}},
    }


def compare(found: Object, by_default: Object) -> None:
    wanted = with_promises(content_of(by_default), promised_service("db", "db"))
    require_fields("Service db", content_of(found), wanted, exactly=True)


def test_an_object_is_as_a_new_one_of_its_manifest() -> None:
    asked = stored()
    asked["metadata"] = {"name": "asked-only", "labels": {"app": "db"}}
    compare(stored(), asked)


def test_a_default_of_this_cluster_is_no_change() -> None:
    compare(stored(trafficDistribution="PreferClose"), stored(trafficDistribution="PreferClose"))


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"publishNotReadyAddresses": True}, ".spec.publishNotReadyAddresses: expected absent, got true"),
        ({"internalTrafficPolicy": "Local"}, ".spec.internalTrafficPolicy: expected Cluster, got Local"),
        ({"externalIPs": ["192.0.2.1"]}, r".spec.externalIPs: expected absent, got \[192.0.2.1\]"),
        ({"selector": {"app": "db", "tier": "1"}}, ".spec.selector.tier: expected absent, got 1"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_changed_field_is_named(spec: Object, said: str) -> None:
    with pytest.raises(Mismatch, match=said):
        compare(stored(**spec), stored())


def test_a_promise_is_not_what_a_cluster_gives_by_default() -> None:
    changed = stored(publishNotReadyAddresses=True)
    with pytest.raises(Mismatch, match="publishNotReadyAddresses: expected absent, got true"):
        compare(changed, changed)


def test_a_foreign_annotation_is_named() -> None:
    found = stored()
    found["metadata"]["annotations"] = {**APPLIED, "example.com/owner": "x"}
    with pytest.raises(Mismatch, match=r"\.metadata\.annotations: expected {}, got {example\.com/owner: x}"):
        compare(found, stored())
