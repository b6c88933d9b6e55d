"""On which nodes a Pod looks around."""

from __future__ import annotations

from typing import Any

import pytest

from headless_conformance.cluster.node_agents import CONTROL_PLANE_TAINT, MOST_OF_ANOTHERS, nodes_for_pods
from headless_conformance.core.errors import NotSupportedError
from headless_conformance.core.objects import Object


def node(name: str, *taints: Object, ready: str = "True", **spec: Any) -> Object:
    return {
        "metadata": {"name": name},
        "spec": {"taints": list(taints), **spec},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


class FakeKube:
    """Lists these nodes, and kube-proxy on some."""

    def __init__(self, *nodes: Object, proxied: tuple[str, ...] = (), refused: bool = False) -> None:
        self._nodes, self._proxied, self._refused = nodes, proxied, refused

    def request(self, method: str, path: str) -> Object:
        if self._refused:
            raise NotSupportedError("refused")
        return {"items": list(self._nodes)}

    def list(self, kind: str, namespace: str, **query: str) -> list[Object]:
        return [{"spec": {"nodeName": name}} for name in self._proxied]


CONTROL_PLANE = {"key": CONTROL_PLANE_TAINT, "effect": "NoSchedule"}


@pytest.mark.parametrize(("ours", "found"), [(True, ["a", "control"]), (False, ["a"])])
def test_the_control_plane_is_one_where_it_is_ours(ours: bool, found: list[str]) -> None:
    nodes = (
        node("a"),
        node("control", CONTROL_PLANE),
        node("gpu", {"key": "gpu", "effect": "NoSchedule"}),
        node("dead", ready="Unknown"),
        node("drained", unschedulable=True),
    )
    kube: Any = FakeKube(*nodes)
    assert nodes_for_pods(kube, ours=ours) == found


def test_a_node_without_kube_proxy_is_left_out_where_others_have_it() -> None:
    kube: Any = FakeKube(node("a"), node("b"), proxied=("b",))
    assert nodes_for_pods(kube, ours=True) == ["b"]


def test_of_anothers_cluster_a_few_nodes_are_enough_and_none_where_they_are_not_shown() -> None:
    many: Any = FakeKube(*(node(str(number)) for number in range(50)))
    assert len(nodes_for_pods(many, ours=False)) == MOST_OF_ANOTHERS
    refused: Any = FakeKube(refused=True)
    assert nodes_for_pods(refused, ours=False) == []
