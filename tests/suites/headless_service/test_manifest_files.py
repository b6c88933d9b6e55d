"""What the document's manifests say of each other."""

from __future__ import annotations

import copy

import pytest

from headless_conformance.cluster.manifests import ManifestFolder, find
from headless_conformance.core.paths import MANIFESTS
from suites.headless_service.manifest_files import HEADLESS_FILE, STATEFULSET_FILE, STUB_FILE

FOLDER = ManifestFolder(MANIFESTS / "headless_service")


def test_the_documented_step_changes_minreadyseconds_and_nothing_else() -> None:
    (before,) = FOLDER.load(STATEFULSET_FILE)
    after = find(FOLDER.load(HEADLESS_FILE), "StatefulSet")
    changed = copy.deepcopy(after)
    del changed["spec"]["minReadySeconds"]
    assert changed == before


@pytest.mark.parametrize("file", [STATEFULSET_FILE, STUB_FILE])
def test_no_pod_waits_for_a_node_that_is_full(file: str) -> None:
    statefulset = find(FOLDER.load(file), "StatefulSet")
    (constraint,) = statefulset["spec"]["template"]["spec"]["topologySpreadConstraints"]
    assert constraint["whenUnsatisfiable"] == "ScheduleAnyway"
