"""The shipped manifests: what the documented step changes, and that no pod asks for a privilege."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from headless_conformance.cluster import manifests
from headless_conformance.cluster.manifests import ManifestFolder
from headless_conformance.cluster.model import Capability
from headless_conformance.core.paths import MANIFESTS
from suites.headless_service.manifest_files import HEADLESS_FILE, STATEFULSET_FILE, STUB_FILE
from tests.cluster.stand_in import stand_in_cluster

FOLDER = ManifestFolder(MANIFESTS / "headless_service")
FILES = sorted(path for path in MANIFESTS.glob("*/*.yaml") if path.parent.name != "rbac")


def pods_of(path: Path) -> list[dict[str, Any]]:
    objects = ManifestFolder(path.parent).load(path.name)
    return [item["spec"] for item in objects if item["kind"] == "Pod"] + [
        item["spec"]["template"]["spec"] for item in objects if "template" in item.get("spec", {})
    ]


def test_the_documented_step_changes_minreadyseconds_and_nothing_else() -> None:
    (before,) = FOLDER.load(STATEFULSET_FILE)
    after = manifests.find(FOLDER.load(HEADLESS_FILE), "StatefulSet")
    changed = copy.deepcopy(after)
    del changed["spec"]["minReadySeconds"]
    assert changed == before


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


@pytest.mark.parametrize("file", [STATEFULSET_FILE, STUB_FILE])
def test_no_pod_waits_for_a_node_that_is_full(file: str) -> None:
    statefulset = manifests.find(FOLDER.load(file), "StatefulSet")
    (constraint,) = statefulset["spec"]["template"]["spec"]["topologySpreadConstraints"]
    assert constraint["whenUnsatisfiable"] == "ScheduleAnyway"


def test_images_are_mapped_and_unknown_ones_stay() -> None:
    objects = FOLDER.load("clients.yaml")
    fitted = manifests.fitted(
        objects, stand_in_cluster(images={"mysql:8.4": "headless-conformance/mysql-server:9"})
    )
    images = [item["spec"]["containers"][0]["image"] for item in fitted]
    assert images == ["busybox:1.28", "headless-conformance/mysql-server:9"]
    assert objects == FOLDER.load("clients.yaml")


def test_init_containers_get_their_images_like_others() -> None:
    pod = {
        "kind": "Pod",
        "spec": {"initContainers": [{"image": "headless-conformance/client"}], "containers": []},
    }
    (fitted,) = manifests.fitted([pod], stand_in_cluster(images={"headless-conformance/client": "client:1"}))
    assert fitted["spec"]["initContainers"] == [{"image": "client:1"}]


def test_claims_stay_where_volumes_can_be_had_and_are_replaced_elsewhere() -> None:
    objects = FOLDER.load(STATEFULSET_FILE)
    assert manifests.fitted(objects, stand_in_cluster(Capability.VOLUMES)) == objects
    (fitted,) = manifests.fitted(objects, stand_in_cluster())
    assert "volumeClaimTemplates" not in fitted["spec"]
    assert fitted["spec"]["template"]["spec"]["volumes"] == [{"name": "data", "emptyDir": {}}]


def test_no_secret_is_shown() -> None:
    (secret,) = FOLDER.load("secret.yaml")
    password = secret["stringData"]["PASSWORD"]
    assert password not in manifests.to_yaml([manifests.redacted(secret)])
