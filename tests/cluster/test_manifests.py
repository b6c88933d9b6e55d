"""Manifests: as a cluster gets them, and that no Pod of the shipped ones asks for a privilege."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headless_conformance.cluster import manifests
from headless_conformance.cluster.manifests import ManifestFolder
from headless_conformance.cluster.model import Capability
from headless_conformance.core.objects import Object
from headless_conformance.core.paths import MANIFESTS
from tests.cluster.stand_in import stand_in_cluster

FILES = sorted(path for path in MANIFESTS.glob("*/*.yaml") if path.parent.name != "rbac")


def pods_of(path: Path) -> list[dict[str, Any]]:
    objects = ManifestFolder(path.parent).load(path.name)
    return [item["spec"] for item in objects if item["kind"] == "Pod"] + [
        item["spec"]["template"]["spec"] for item in objects if "template" in item.get("spec", {})
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_pods_are_restricted_small_and_end_in_grace(path: Path) -> None:
    for pod in pods_of(path):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["terminationGracePeriodSeconds"] > 0
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            }
            assert set(container["resources"]["requests"]) == {"cpu", "memory"}
            assert ":latest" not in container["image"]


def pod_of(image: str) -> Object:
    return {"kind": "Pod", "spec": {"containers": [{"image": image}]}}


def test_images_are_mapped_and_unknown_ones_stay() -> None:
    objects = [pod_of("busybox:1.28"), pod_of("mysql:8.4")]
    cluster = stand_in_cluster(images={"mysql:8.4": "headless-conformance/mysql-server:9"})
    fitted = manifests.fitted(objects, cluster)
    images = [item["spec"]["containers"][0]["image"] for item in fitted]
    assert images == ["busybox:1.28", "headless-conformance/mysql-server:9"]
    assert objects == [pod_of("busybox:1.28"), pod_of("mysql:8.4")]


def test_init_containers_get_their_images_like_others() -> None:
    pod = {
        "kind": "Pod",
        "spec": {"initContainers": [{"image": "python:3.11-slim"}], "containers": []},
    }
    (fitted,) = manifests.fitted([pod], stand_in_cluster(images={"python:3.11-slim": "client:1"}))
    assert fitted["spec"]["initContainers"] == [{"image": "client:1"}]


def test_claims_stay_where_volumes_can_be_had_and_are_replaced_elsewhere() -> None:
    template = {"metadata": {}, "spec": {"containers": [{"image": "a"}]}}
    claims = [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}]
    objects = [{"kind": "StatefulSet", "spec": {"template": template, "volumeClaimTemplates": claims}}]
    assert manifests.fitted(objects, stand_in_cluster(Capability.VOLUMES)) == objects
    (fitted,) = manifests.fitted(objects, stand_in_cluster())
    assert "volumeClaimTemplates" not in fitted["spec"]
    assert fitted["spec"]["template"]["spec"]["volumes"] == [{"name": "data", "emptyDir": {}}]


def test_no_secret_is_shown() -> None:
    secret = {"kind": "Secret", "metadata": {"name": "a"}, "stringData": {"PASSWORD": "not to be seen"}}
    assert "not to be seen" not in manifests.to_yaml([manifests.redacted(secret)])


def test_pods_are_kept_on_nodes_that_can_run_the_images_beside_what_they_ask_for_themselves() -> None:
    labels = {"kubernetes.io/os": ["linux"], "kubernetes.io/arch": ["amd64", "arm64"]}
    expressions = [
        {"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]},
        {"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64", "arm64"]},
    ]
    not_there = {"matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": ["node-1"]}]}
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    own = {"nodeAffinity": {required: {"nodeSelectorTerms": [not_there]}}, "podAffinity": {}}
    plain = {"kind": "Pod", "spec": {"containers": []}}
    picky = {"kind": "Pod", "spec": {"containers": [], "affinity": own}}
    fitted = manifests.fitted([plain, picky], stand_in_cluster(node_labels=labels))
    terms = [pod["spec"]["affinity"]["nodeAffinity"][required]["nodeSelectorTerms"] for pod in fitted]
    assert terms == [[{"matchExpressions": expressions}], [{**not_there, "matchExpressions": expressions}]]
    assert "podAffinity" in fitted[1]["spec"]["affinity"]
    assert "affinity" not in manifests.fitted([plain], stand_in_cluster())[0]["spec"]
