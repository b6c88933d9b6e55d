"""What a cluster makes of an object is seen by dry runs; what a person changed is not blamed on it."""

from __future__ import annotations

import copy
from typing import Any, cast

from headless_conformance.cluster.admission import added_keys, rewritten_fields
from headless_conformance.cluster.headless_set import KEPT_BY_KUBECTL
from headless_conformance.cluster.kube import Kube

Object = dict[str, Any]
MANIFEST: Object = {
    "kind": "StatefulSet",
    "metadata": {"name": "db", "labels": {"app": "db"}},
    "spec": {"replicas": 3, "template": {"spec": {"containers": [{"name": "db"}], "graceSeconds": 20}}},
}


class FakeKube:
    """Stores nothing; what is created, or put or patched into the live object, goes through its rules."""

    def __init__(self, live: Object, on_create: Any = None, on_update: Any = None) -> None:
        self.live = live
        self.on_create, self.on_update = on_create, on_update

    def get(self, *_: str) -> Object:
        return copy.deepcopy(self.live)

    def create(self, namespace: str, manifest: Object, *, dryRun: str) -> Object:
        assert (dryRun, manifest["metadata"]["name"] == "db") == ("All", False)
        return self._ruled(manifest, self.on_create)

    def replace(self, namespace: str, manifest: Object, *, dryRun: str) -> Object:
        return self._ruled(manifest, self.on_update)

    def patch(self, kind: str, namespace: str, name: str, change: Object, *, dryRun: str) -> Object:
        assert dryRun == "All"
        return self._ruled({**self.live, "spec": {**self.live["spec"], **change["spec"]}}, self.on_update)

    def _ruled(self, found: Object, rule: Any) -> Object:
        stored = copy.deepcopy(found)
        if rule:
            rule(stored)
        return stored


def longer_grace(stored: Object) -> None:
    stored["spec"]["template"]["spec"]["graceSeconds"] = 30


def team(stored: Object) -> None:
    stored["metadata"].setdefault("labels", {})["team"] = "x"


def test_a_field_that_the_cluster_rewrites_is_named_once() -> None:
    live = copy.deepcopy(MANIFEST)
    longer_grace(live)
    said = [".spec.template.spec.graceSeconds is stored as 30 and not 20"]
    for rules in ((longer_grace, None), (None, longer_grace), (longer_grace, longer_grace)):
        assert rewritten_fields(cast(Kube, FakeKube(live, *rules)), "default", MANIFEST) == said


def test_a_field_that_somebody_changed_is_not_the_clusters_doing() -> None:
    live = copy.deepcopy(MANIFEST)
    longer_grace(live)
    assert rewritten_fields(cast(Kube, FakeKube(live)), "default", MANIFEST) == []


def test_a_label_that_the_cluster_adds_is_told_from_one_that_somebody_added() -> None:
    live = copy.deepcopy(MANIFEST)
    team(live)
    live["metadata"]["annotations"] = {KEPT_BY_KUBECTL: "{}"}
    for rules in ((team, None), (None, team)):
        assert added_keys(cast(Kube, FakeKube(live, *rules)), "default", MANIFEST, "labels") == {"team"}
    assert added_keys(cast(Kube, FakeKube(live)), "default", MANIFEST, "labels") == set()
    assert added_keys(cast(Kube, FakeKube(live)), "default", MANIFEST, "annotations") == set()
