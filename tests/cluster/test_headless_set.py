"""A set seen through the API: what counts as its members, and what is said when they do not come."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from kubernetes.client.exceptions import ApiException

from headless_conformance.cluster.facts import Facts
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.kube import Kube
from headless_conformance.cluster.waiting import ObservationError
from headless_conformance.core.mismatch import Where
from headless_conformance.core.objects import Object
from tests.cluster.stand_in import stand_in_cluster


def pod(name: str, *, ready: bool = True, owner: str = "set-uid", **status: Any) -> Object:
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    metadata = {"name": name, "uid": f"uid-of-{name}", "ownerReferences": [{"uid": owner}]}
    return {"metadata": metadata, "status": {"phase": "Running", "conditions": conditions, **status}}


class FakeKube:
    """Objects as an API server would give them."""

    pending = None

    def __init__(self, pods: list[Object], replicas: int = 3, ready: int = 3) -> None:
        counts = dict.fromkeys(("replicas", "readyReplicas", "updatedReplicas", "availableReplicas"), ready)
        status = {"observedGeneration": 1, **counts}
        self._set = {
            "metadata": {"uid": "set-uid", "generation": 1},
            "spec": {"replicas": replicas},
            "status": status,
        }
        self._pods = pods

    def get(self, kind: str, namespace: str, name: str) -> Object:
        if kind == "StatefulSet":
            return self._set
        raise ApiException(status=404, reason="not found")

    def list(self, kind: str, namespace: str, **query: str) -> list[Object]:
        return self._pods

    def watch(self, kind: str, namespace: str, name: str, seconds: float) -> Iterator[tuple[str, Object]]:
        yield "ADDED", self._set

    def log(self, pod: Object) -> str:
        return f"last words of {pod['metadata']['name']}"


def headless_set(kube: FakeKube) -> HeadlessSet:
    return HeadlessSet(
        cast(Kube, kube),
        cast(Facts, SimpleNamespace(cluster=stand_in_cluster())),
        "default",
        "web",
        "nginx",
    )


def test_members_are_the_pods_that_the_set_owns_by_ordinal() -> None:
    pods = [pod(f"web-{ordinal}") for ordinal in (10, 2, 0)]
    kube = FakeKube([*pods, pod("web-1", owner="another")])
    assert [found["metadata"]["name"] for found in headless_set(kube).get_pods()] == [
        "web-0",
        "web-2",
        "web-10",
    ]


def test_only_ready_members_that_stay_have_addresses() -> None:
    leaving = pod("web-2", podIP="198.51.100.3")
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    pods = [
        pod("web-0", podIP="198.51.100.1"),
        pod("web-1", ready=False, podIP="198.51.100.2"),
        leaving,
    ]
    assert headless_set(FakeKube(pods)).ready_ips() == ["198.51.100.1"]


def test_a_missing_object_is_a_broken_promise() -> None:
    with pytest.raises(AssertionError, match="Pod web-1: expected present, got absent in namespace default"):
        headless_set(FakeKube([])).get_pod(1)


def test_a_set_that_is_settled_is_not_waited_for() -> None:
    headless_set(FakeKube([])).await_ready(0.1)


def test_servers_that_do_not_come_are_named_with_state_and_log() -> None:
    states = [{"name": "mysql", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]
    pods = [pod("web-0"), pod("web-1", ready=False, containerStatuses=states)]
    with pytest.raises(ObservationError) as raised:
        headless_set(FakeKube(pods, ready=1)).await_ready(0.01)
    said = str(raised.value)
    assert "StatefulSet default/web was not Ready within 0 s" in said
    assert "web-1: Running, Ready=False, mysql {'waiting': {'reason': 'CrashLoopBackOff'}}" in said
    assert "last words of web-1" in said
    seen = raised.value.observation
    assert seen is not None
    assert (seen.subject, seen.expected, seen.where) == (
        "StatefulSet web: Ready Pods",
        "3",
        Where(namespace="default"),
    )
    assert seen.observed.startswith("web-0: Running; web-1: Running, Ready=False")
