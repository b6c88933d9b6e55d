"""The document's `kubectl apply`: what it prints, and what it leaves alone."""

from __future__ import annotations

import pytest

from headless_conformance.cluster import manifests
from headless_conformance.cluster.admission import rewritten_fields
from headless_conformance.cluster.deployer import Deployer, uids
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.manifests import ManifestFolder
from headless_conformance.cluster.transcripts import require_transcript
from headless_conformance.core.errors import not_supported
from headless_conformance.core.mismatch import require_count, require_equal
from suites.headless_service.conftest import ApplyRecord
from suites.headless_service.manifest_files import HEADLESS_FILE

SUBJECT = f"kubectl apply -f {HEADLESS_FILE}"


@pytest.mark.requirement("SEED-APL-01")
def test_the_manifest_is_accepted(apply_record: ApplyRecord) -> None:
    """`kubectl apply` of the document's manifest MUST end with status 0."""
    result = apply_record.headless
    result.require_success(SUBJECT)


@pytest.mark.requirement("SEED-APL-02")
def test_the_service_is_created(apply_record: ApplyRecord) -> None:
    """Where no such Service was, `kubectl apply` MUST first say that it was created."""
    result = apply_record.headless
    first = "\n".join(result.stdout.splitlines()[:1])
    require_equal(f"{SUBJECT}: line 1", first, "service/mysql-svc created", details=result.transcript())


@pytest.mark.requirement("SEED-APL-03")
def test_the_live_statefulset_is_configured(apply_record: ApplyRecord) -> None:
    """Where the StatefulSet of the page before was, `kubectl apply` MUST then say,
    and no more, that it was configured."""
    result = apply_record.headless
    others = result.stdout.splitlines()[1:]
    wanted = ["statefulset.apps/mysql-sts configured"]
    require_equal(f"{SUBJECT}: lines after 1", others, wanted, details=result.transcript())


@pytest.mark.requirement("SEED-APL-03")
def test_the_pods_outlive_it(apply_record: ApplyRecord) -> None:
    """The Pods MUST be the same before and after the StatefulSet was configured."""
    require_count("StatefulSet mysql-sts: Pods", apply_record.before, 3)
    require_equal("StatefulSet mysql-sts: UIDs of Pods", apply_record.after, apply_record.before)


@pytest.mark.requirement("SEED-APL-03")
def test_in_an_empty_namespace_both_are_created(
    deployer: Deployer, manifest_folder: ManifestFolder, scratch_namespace: str
) -> None:
    """Where neither object was, `kubectl apply` MUST say of both that they were created;
    a dry run leaves nothing."""
    result = deployer.apply(manifest_folder, HEADLESS_FILE, scratch_namespace, "--dry-run=server")
    expected = (
        "service/mysql-svc created (server dry run)\nstatefulset.apps/mysql-sts created (server dry run)"
    )
    require_transcript(result.command, expected, result.stdout)


@pytest.mark.requirement("SEED-APL-04")
def test_a_second_apply_changes_nothing(
    deployer: Deployer, manifest_folder: ManifestFolder, transcript_set: HeadlessSet
) -> None:
    """A second `kubectl apply` MUST say of both objects that they are unchanged, and MUST replace no Pod."""
    before = uids(transcript_set.get_pods())
    result = deployer.apply(manifest_folder, HEADLESS_FILE, transcript_set.namespace)
    lines = {"Service": "service/mysql-svc", "StatefulSet": "statefulset.apps/mysql-sts"}
    for item in manifests.fitted(manifest_folder.load(HEADLESS_FILE), deployer.cluster):
        line = lines[item["kind"]]
        if f"{line} configured" not in result.stdout:
            continue
        if rewritten := rewritten_fields(deployer.kube, transcript_set.namespace, item):
            not_supported(f"this cluster changes what is applied: {line} {', '.join(rewritten)}")
    expected = "\n".join(f"{line} unchanged" for line in lines.values())
    require_transcript(result.command, expected, result.stdout)
    after = uids(transcript_set.get_pods())
    require_equal("StatefulSet mysql-sts: UIDs of Pods", after, before)
