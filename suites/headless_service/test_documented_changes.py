"""The document's own set goes through every change of which the document promises something.

After each one, EndpointSlices, Endpoints and all records at every DNS server are what Service and Pods
demand, and nothing is left of what was there before. Here comes what a set of databases with volumes can go
through; a change of node is shown with members without volumes. The steps come after the tests that only
look at the set, in one order on one worker, and each begins with a set that is right: what was wrong before
is no consequence of the change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from headless_conformance.cluster.change import ChangingSet, History
from headless_conformance.cluster.deployer import Deployer
from headless_conformance.cluster.dns_client import Dns
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.manifests import ManifestFolder
from headless_conformance.cluster.model import Capability
from headless_conformance.cluster.reference_model import ReferenceModel
from headless_conformance.core.errors import not_judged
from headless_conformance.core.mismatch import Mismatch, require_count
from suites.headless_service.looks import LAST
from suites.headless_service.manifest_files import HEADLESS_FILE
from suites.headless_service.sql import ADMIT_PROBES, REFUSE_PROBES, Sql

pytestmark = pytest.mark.xdist_group(LAST)

UNREADY = 1
"""Ordinal of the member whose readiness probe fails for a while."""
SCALED = (5, 2, 3)
SCALED_DATABASES = (4, 3)
"""Numbers of members, one after the other: real databases take long to start."""


@pytest.fixture(scope="module")
def history() -> History:
    """What the steps know of each other."""
    return History(seen_by_others=True)


@dataclass
class ReadinessProbe:
    """The readiness probe of one member, which can be made to fail."""

    switch: Callable[[bool], None]
    """Lets it succeed from now on, or fail."""
    fails: bool = False

    def fail(self) -> None:
        """The kubelet takes some seconds to believe it."""
        self.switch(False)
        self.fails = True

    def succeed(self) -> None:
        self.switch(True)
        self.fails = False


@pytest.fixture(scope="module")
def probe(
    request: pytest.FixtureRequest, looked_at: None, transcript_set: HeadlessSet, deployer: Deployer
) -> Iterator[ReadinessProbe]:
    """The readiness probe of the member UNREADY."""

    def switch(succeeds: bool) -> None:
        if Capability.KUBELET not in deployer.cluster.capabilities:
            deployer.set_ready(transcript_set, UNREADY, ready=succeeds)
            return
        sql: Sql = request.getfixturevalue("sql")
        sql.query(transcript_set.pod_ip(UNREADY), ADMIT_PROBES if succeeds else REFUSE_PROBES)

    probe = ReadinessProbe(switch)
    yield probe
    if probe.fails:
        probe.succeed()


@pytest.fixture
def changing_set(
    looked_at: None,
    transcript_set: HeadlessSet,
    dns: Dns,
    reference_model: ReferenceModel,
    probe: ReadinessProbe,
    history: History,
) -> ChangingSet:
    """The document's set before a change. NotJudgedError where it is not right then."""
    found = ChangingSet(transcript_set, dns, reference_model, max(SCALED), history)
    if probe.fails:
        return found
    try:
        subject, ready = f"{transcript_set.statefulset_subject}: Ready Pods", transcript_set.ready_ips()
        require_count(subject, ready, transcript_set.replicas, where=transcript_set.where)
        found.require_current(within=transcript_set.facts.at_rest_timeout(transcript_set.service_fqdn))
    except Mismatch as error:
        first_line = str(error).partition("\n")[0]
        not_judged(f"the set was not right before it was changed: {first_line}")
    return found


@pytest.mark.requirement("SEED-HLS-01")
def test_a_replaced_member_keeps_its_name(changing_set: ChangingSet, probe: ReadinessProbe) -> None:
    """A member that is replaced MUST leave all records of the Service, and MUST come back under its name with
    its new address and no other."""
    # Of another member: what the next test needs comes about meanwhile.
    probe.fail()
    changing_set.replace_members(0)


@pytest.mark.requirement("SEED-NSL-08")
def test_a_member_that_is_not_ready_is_not_listed(
    changing_set: ChangingSet, deployer: Deployer, probe: ReadinessProbe
) -> None:
    """A member that stops being Ready MUST leave all records of the Service, and MUST be in them again when
    it is Ready again."""
    documented = changing_set.headless_set
    try:
        probe.fail()
        deployer.await_readiness(documented, UNREADY, ready=False)
        changing_set.require_current()
    finally:
        probe.succeed()
    deployer.await_readiness(documented, UNREADY, ready=True)
    changing_set.require_current()


@contextmanager
def without_service(documented: HeadlessSet, deployer: Deployer, folder: ManifestFolder) -> Iterator[None]:
    """The document's Service is deleted, and applied again when the block ends."""
    documented.kube.delete("Service", documented.namespace, documented.service_name)
    try:
        yield
    finally:
        applied = deployer.apply(folder, HEADLESS_FILE, documented.namespace)
    applied.require_success()


@pytest.mark.requirement("SEED-WHY-02")
def test_all_names_go_and_come_back_with_the_service(
    changing_set: ChangingSet, deployer: Deployer, manifest_folder: ManifestFolder
) -> None:
    """Without the Service, none of its names and no reverse name MUST exist, though the Pods run on; applied
    again, it MUST have all of them."""
    documented = changing_set.headless_set
    with without_service(documented, deployer, manifest_folder):
        changing_set.require_current(published=False)
        subject = f"{documented.statefulset_subject}: Ready Pods"
        require_count(subject, documented.ready_ips(), documented.replicas, where=documented.where)
    changing_set.require_current()


@pytest.mark.requirement("SEED-HLS-01")
def test_all_members_keep_their_names_when_all_are_replaced(changing_set: ChangingSet) -> None:
    """With all members deleted at once, no record MUST lead to one that was, and each MUST come back under
    its name with its new address."""
    changing_set.replace_members(*changing_set.headless_set.ordinals)


@pytest.mark.requirement("SEED-NID-05")
def test_names_come_and_go_with_members(changing_set: ChangingSet, deployer: Deployer) -> None:
    """With the set scaled up and down, exactly the members that there are MUST have names."""
    documented = changing_set.headless_set
    is_real = Capability.KUBELET in deployer.cluster.capabilities
    numbers = SCALED_DATABASES if is_real else SCALED
    if Capability.VOLUMES in deployer.cluster.capabilities:
        for ordinal in range(documented.replicas, max(numbers)):
            name = f"data-{documented.pod_name(ordinal)}"
            deployer.shared.reserve("PersistentVolumeClaim", documented.namespace, name)
    try:
        for replicas in numbers:
            changing_set.scale(replicas)
    finally:
        documented.scale(documented.replicas)


@pytest.mark.requirement("SEED-NSL-10")
def test_no_address_of_a_member_that_was_has_a_name(changing_set: ChangingSet) -> None:
    """After all changes, every address that a member has or had MUST have the names that it has now, and no
    other, unless a server may keep the answer from before the first change."""
    changing_set.require_all_current()
