"""The manifest, and what the API server has stored of it."""

from __future__ import annotations

import pytest

from headless_conformance.cluster.admission import stored_anew
from headless_conformance.cluster.deployer import Deployer
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.manifests import ManifestFolder, find, fitted
from headless_conformance.core.mismatch import require_equal
from headless_conformance.core.objects import Object
from suites.headless_service.manifest_files import HEADLESS_FILE, LOAD_BALANCED_FILE, STUB_FILE
from suites.headless_service.parameters import DATABASE
from suites.headless_service.stored import (
    content_of,
    promised_service,
    promised_statefulset,
    require_fields,
    with_promises,
)

DOCUMENTED_SERVICE: Object = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "mysql-svc", "labels": {"app": "mysql-svc"}},
    "spec": {
        "clusterIP": "None",
        "selector": {"app": "mysql"},
        "ports": [{"name": "mysql", "port": 3306, "targetPort": 3306, "protocol": "TCP"}],
    },
}
"""As the transcript of `kubectl describe` shows it."""

MANIFESTS = {"mysql-svc": (HEADLESS_FILE, "mysql"), "db": (STUB_FILE, "db")}
"""Manifest and label of the Pods of each of the document's sets, by the name of its Service."""


@pytest.mark.requirement("SEED-HLS-06")
def test_the_manifest_is_the_service_and_then_the_statefulset(manifest_folder: ManifestFolder) -> None:
    """The manifest MUST hold the Service as the document describes it,
    then the StatefulSet of three that names it, no more."""
    objects = manifest_folder.load(HEADLESS_FILE)
    kinds = [item["kind"] for item in objects]
    require_equal(f"{HEADLESS_FILE}: kinds", kinds, ["Service", "StatefulSet"])
    service, statefulset = objects
    require_fields(f"{HEADLESS_FILE}: Service", service, DOCUMENTED_SERVICE, exactly=True)
    labels = {"app": "mysql"}
    spec = {"serviceName": "mysql-svc", "replicas": 3, "selector": {"matchLabels": labels}}
    subject = f"{HEADLESS_FILE}: StatefulSet"
    require_fields(subject, statefulset, {"metadata": {"name": "mysql-sts"}, "spec": spec})
    require_fields(subject, statefulset, {"spec": {"template": {"metadata": {"labels": labels}}}})


def stored_by_default(deployer: Deployer, namespace: str, manifest: Object) -> Object:
    """What the API server would store now of this manifest under another name. Nothing is created."""
    (ready,) = fitted([manifest], deployer.cluster)
    return content_of(stored_anew(deployer.kube, namespace, ready))


@pytest.mark.requirement("SEED-HLS-06")
def test_the_stored_service_is_that_of_the_manifest(
    document_set: HeadlessSet, deployer: Deployer, manifest_folder: ManifestFolder
) -> None:
    """The stored Service MUST have every field as the document describes it, and no other than this cluster
    gives to a new Service of that manifest."""
    file, app = MANIFESTS[document_set.service_name]
    manifest = find(manifest_folder.load(file), "Service")
    by_default = stored_by_default(deployer, document_set.namespace, manifest)
    wanted = with_promises(by_default, promised_service(document_set.service_name, app))
    stored = content_of(document_set.get_service())
    require_fields(document_set.service_subject, stored, wanted, exactly=True)


@pytest.mark.requirement("SEED-HLS-06")
def test_the_stored_statefulset_is_that_of_the_manifest(
    document_set: HeadlessSet, deployer: Deployer, manifest_folder: ManifestFolder
) -> None:
    """The stored StatefulSet MUST have every field that the transcripts prove, and the others as this cluster
    gives them to a new StatefulSet of that manifest."""
    file, app = MANIFESTS[document_set.service_name]
    manifest = find(manifest_folder.load(file), "StatefulSet")
    by_default = stored_by_default(deployer, document_set.namespace, manifest)
    wanted = with_promises(by_default, promised_statefulset(document_set.service_name, app))
    stored = content_of(document_set.get_statefulset())
    require_fields(document_set.statefulset_subject, stored, wanted, exactly=True)


@pytest.mark.requirement("SEED-WHY-03")
@DATABASE
def test_the_stored_ordinary_service_is_that_of_its_manifest(
    load_balanced: HeadlessSet, deployer: Deployer, manifest_folder: ManifestFolder
) -> None:
    """The stored ordinary Service MUST be what this cluster makes of its manifest, with an address of its
    own, for every client alike."""
    manifest = find(manifest_folder.load(LOAD_BALANCED_FILE), "Service")
    own = load_balanced.get_service()
    promised: Object = {"clusterIP": own["spec"]["clusterIP"], "clusterIPs": own["spec"]["clusterIPs"]}
    promised |= {"sessionAffinity": "None", "sessionAffinityConfig": None, "publishNotReadyAddresses": None}
    by_default = stored_by_default(deployer, load_balanced.namespace, manifest)
    wanted = with_promises(by_default, {"spec": promised})
    require_fields(load_balanced.service_subject, content_of(own), wanted, exactly=True)
