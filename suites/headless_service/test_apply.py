"""The document's `kubectl apply`: what it prints, and what it leaves alone."""

from __future__ import annotations

import pytest

from headless_conformance.cluster.deployer import Deployer, uids
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.manifests import ManifestFolder
from headless_conformance.cluster.transcripts import require_transcript
from suites.headless_service.conftest import Applied
from suites.headless_service.manifest_files import HEADLESS_FILE


@pytest.mark.requirement("SEED-APL-01")
def test_the_manifest_is_accepted(applied: Applied) -> None:
    """`kubectl apply` of the document's manifest MUST end with status 0."""
    status = applied.headless.status
    assert status == 0, f"expected exit status 0, came {status}\n{applied.headless.transcript()}"


@pytest.mark.requirement("SEED-APL-02")
def test_the_service_is_created(applied: Applied) -> None:
    """Where no such Service was, `kubectl apply` MUST first say that it was created."""
    first, wanted = applied.headless.stdout.splitlines()[:1], ["service/mysql-svc created"]
    assert first == wanted, f"expected the first line {wanted}, came {first}\n{applied.headless.transcript()}"


@pytest.mark.requirement("SEED-APL-03")
def test_the_live_statefulset_is_configured(applied: Applied) -> None:
    """Where the StatefulSet of the page before was, `kubectl apply` MUST then say, and no more, that it was configured."""
    others = applied.headless.stdout.splitlines()[1:]
    wanted = ["statefulset.apps/mysql-sts configured"]
    assert others == wanted, (
        f"expected the other lines {wanted}, came {others}\n{applied.headless.transcript()}"
    )


@pytest.mark.requirement("SEED-APL-03")
def test_the_members_live_through_it(applied: Applied) -> None:
    """The members MUST be the same pods before and after the StatefulSet was configured."""
    assert len(applied.before) == 3, f"before: {applied.before}, expected three"
    assert applied.after == applied.before, f"pods and UIDs before: {applied.before}, after: {applied.after}"


@pytest.mark.requirement("SEED-APL-03")
def test_in_an_empty_namespace_both_are_created(
    deployer: Deployer, manifest_folder: ManifestFolder, scratch_namespace: str
) -> None:
    """Where neither object was, `kubectl apply` MUST say of both that they were created; the server is asked, nothing stays."""
    ran = deployer.apply(manifest_folder, HEADLESS_FILE, scratch_namespace, "--dry-run=server")
    expected = (
        "service/mysql-svc created (server dry run)\nstatefulset.apps/mysql-sts created (server dry run)"
    )
    require_transcript(expected, ran.stdout)


@pytest.mark.requirement("SEED-APL-04")
def test_a_second_apply_changes_nothing(
    deployer: Deployer, manifest_folder: ManifestFolder, transcript_set: HeadlessSet
) -> None:
    """A second `kubectl apply` MUST say of both objects that they are unchanged, and MUST replace no pod."""
    before = uids(transcript_set.pods())
    ran = deployer.apply(manifest_folder, HEADLESS_FILE, transcript_set.namespace)
    require_transcript("service/mysql-svc unchanged\nstatefulset.apps/mysql-sts unchanged", ran.stdout)
    after = uids(transcript_set.pods())
    assert after == before, f"pods and UIDs before: {before}, after: {after}"
