"""Where connections to an ordinary Service stay near their clients, each of its members is a client."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from headless_conformance.cluster.kube import Kube
from suites.headless_service.contrast import keeps_connections_near, nodes_without_kube_proxy


def service(annotations: dict[str, str] | None = None, **spec: Any) -> Any:
    stored = {"metadata": {"annotations": annotations or {}}, "spec": spec}
    return SimpleNamespace(get_service=lambda: stored)


@pytest.mark.parametrize(
    ("found", "near"),
    [
        (service(internalTrafficPolicy="Cluster"), False),
        (service(sessionAffinity="ClientIP"), False),
        (service(internalTrafficPolicy="Local"), True),
        (service(trafficDistribution="PreferSameNode"), True),
        (service({"service.kubernetes.io/topology-mode": "Auto"}), True),
    ],
)
def test_what_keeps_connections_near(found: Any, *, near: bool) -> None:
    assert keeps_connections_near(found) is near


def proxy(node: str, *, ready: bool = True) -> Any:
    conditions = [{"type": "Ready", "status": str(ready)}]
    return {"metadata": {}, "spec": {"nodeName": node}, "status": {"conditions": conditions}}


@pytest.mark.parametrize(
    ("proxies", "without"),
    [
        ([proxy("a"), proxy("b")], set()),
        ([proxy("a")], {"b"}),
        ([proxy("a"), proxy("b", ready=False)], {"b"}),
        ([], set()),
    ],
    ids=["all have one", "one has none", "one is not Ready", "something else does its work"],
)
def test_nodes_without_kube_proxy_are_told_where_others_have_it(
    proxies: list[Any], without: set[str]
) -> None:
    nodes = {"items": [{"metadata": {"name": name}} for name in ("a", "b")]}
    kube = SimpleNamespace(list=lambda *_, **__: proxies, request=lambda *_: nodes)
    assert nodes_without_kube_proxy(cast(Kube, kube)) == without
