"""Whether a node has room is what the scheduler says of a Pod that can be nowhere else."""

from __future__ import annotations

from typing import Any, cast

from headless_conformance.cluster.kube import Kube
from headless_conformance.cluster.room import nodes_that_take_pods, nodes_without_room

MEMBER: dict[str, Any] = {
    "metadata": {"namespace": "default", "name": "db-0"},
    "spec": {
        "affinity": {"podAffinity": {}},
        "containers": [{"name": "db", "image": "db:1", "resources": {"requests": {"cpu": "1"}}, "ports": []}],
    },
}
FULL = "0/2 nodes are available: 1 Insufficient cpu."


class FakeKube:
    """Has room on every node but `full`."""

    def __init__(self) -> None:
        self.pods: dict[str, Any] = {}
        self.deleted: list[str] = []

    def create(self, namespace: str, manifest: Any) -> None:
        spec = manifest["spec"]
        assert spec["containers"] == [
            {"name": "db", "image": "db:1", "resources": {"requests": {"cpu": "1"}}}
        ]
        (term,) = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][
            "nodeSelectorTerms"
        ]
        full = term["matchFields"][0]["values"] == ["full"]
        said = {"type": "PodScheduled", "status": str(not full)} | ({"message": FULL} if full else {})
        self.pods[manifest["metadata"]["name"]] = {"status": {"conditions": [said]}}

    def get(self, kind: str, namespace: str, name: str) -> Any:
        return self.pods[name]

    def delete(self, kind: str, namespace: str, name: str) -> None:
        self.deleted.append(name)

    def request(self, method: str, path: str) -> Any:
        taints = [{"key": "role", "effect": "NoSchedule"}]
        specs = {"a": {}, "cordoned": {"unschedulable": True}, "tainted": {"taints": taints}, "full": {}}
        return {"items": [{"metadata": {"name": name}, "spec": spec} for name, spec in specs.items()]}


def test_a_full_node_is_told_in_the_schedulers_words_and_nothing_is_left() -> None:
    kube = FakeKube()
    assert nodes_without_room(cast(Kube, kube), MEMBER, ["a", "full"]) == {"full": FULL}
    assert sorted(kube.deleted) == sorted(kube.pods)
    assert len(kube.pods) == 2


def test_nodes_that_keep_pods_away_take_none() -> None:
    assert nodes_that_take_pods(cast(Kube, FakeKube())) == ["a", "full"]
