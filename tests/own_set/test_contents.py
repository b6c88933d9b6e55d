"""Two looks at a namespace: what was written there is seen, what controllers keep writing is not."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any, cast

import pytest

from headless_conformance.cluster.kube import CommandResult, Kube
from headless_conformance.core.objects import Object
from tests.own_set.contents import contents, differences

POD: Object = {
    "kind": "Pod",
    "metadata": {
        "name": "orders-0",
        "uid": "1",
        "resourceVersion": "7",
        "labels": {"app": "orders"},
        "managedFields": [
            {"manager": "kubelet", "operation": "Update", "subresource": "status", "time": "1"}
        ],
    },
    "spec": {"nodeName": "one"},
    "status": {"phase": "Running"},
}


class Listed:
    """A namespace with these objects."""

    def __init__(self, *items: Object) -> None:
        self.items = items

    def kubectl(self, *words: str, namespace: str) -> CommandResult:
        if words[0] == "api-resources":
            return CommandResult("", 0, "pods\nevents\nevents.events.k8s.io\nstatefulsets.apps\n", "")
        assert (words[1], namespace) == ("pods,statefulsets.apps", "shop")
        return CommandResult("", 0, json.dumps({"items": self.items}), "")


def look(*items: Object) -> Any:
    return contents(cast(Kube, Listed(*items)), "shop")


def changed(change: Callable[[Object], object]) -> list[str]:
    pod = copy.deepcopy(POD)
    change(pod)
    return list(differences(look(POD), look(pod)))


def test_what_the_kubelet_writes_is_no_difference() -> None:
    def change(pod: Object) -> None:
        pod["status"]["phase"] = "Failed"
        pod["metadata"]["resourceVersion"] = "8"
        pod["metadata"]["managedFields"][0]["time"] = "2"

    assert changed(change) == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda pod: pod["spec"].update(nodeName="two"), "spec"),
        (lambda pod: pod["metadata"]["labels"].clear(), "metadata.labels"),
        (lambda pod: pod["metadata"].update(annotations={"seen": "1"}), "metadata.annotations"),
        (lambda pod: pod["metadata"]["managedFields"][0].update(manager="runner"), "writers"),
    ],
)
def test_what_anybody_else_writes_is_one(change: Callable[[Object], object], field: str) -> None:
    assert changed(change) == [f"Pod orders-0 1 was changed: {field}"]


def test_what_comes_and_goes_is_one() -> None:
    assert list(differences(look(), look(POD))) == ["Pod orders-0 1 was created"]
    assert list(differences(look(POD), look())) == ["Pod orders-0 1 was deleted"]
