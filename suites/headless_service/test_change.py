"""What stays and what follows when members are replaced, moved, added and removed, and when the Service goes and comes back.

Each spec has a set of its own, so that those who only look at the document's are not disturbed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from uuid import uuid4

import pytest

from fixtures import manifests
from fixtures.dns import Answer, Check, Dns, Observation, must_be, must_be_srv, reverse_name
from fixtures.headless import HeadlessSet, is_ready
from fixtures.kube import Kube
from fixtures.manifests import STUB_FILE
from fixtures.members import addresses_by_name, hosts_file
from fixtures.providers import Capability
from fixtures.stack import UNREADY_FILE, Deployer
from fixtures.waiting import POD_READY, consistently, eventually

Record = Callable[[str, object], None]

MOST = 5
"""Members at the most, while a set is scaled."""
MOVED = "seconds from Ready to moved name"
SCALED = "seconds from settled to all names"
PENDING_SECONDS = 5.0
"""How long a pod is watched to stay where it is."""


def require_changed(stubs: HeadlessSet, dns: Dns, name: str, rdtype: str, check: Check) -> Observation:
    """Every DNS server passes as soon as it must know of a change."""
    return dns.require(name, rdtype, check, within=stubs.facts.change_bound(name))


def require_gone(stubs: HeadlessSet, dns: Dns, name: str) -> None:
    """No DNS server knows a name as soon as it must know of a change."""
    dns.require_absent(name, within=stubs.facts.change_bound(name))


def require_names(stubs: HeadlessSet, dns: Dns) -> float:
    """The Service's name and every member's lead to the members as they are now; since when (monotonic seconds)."""
    seen = [require_changed(stubs, dns, stubs.domain, "A", must_be(stubs.addresses()))]
    for ordinal in stubs.ordinals:
        seen.append(require_changed(stubs, dns, stubs.member_name(ordinal), "A", must_be([stubs.address(ordinal)])))
    return max(found.right_since for found in seen)


def must_be_without(*stale: str) -> Check:
    """None of these names and addresses is among the records of any section."""

    def check(answer: Answer) -> None:
        rrsets = [rrset for section in ("answer", "additional") for rrset in answer.rrsets(section)]
        held = {word for rrset in rrsets for rdata in rrset for word in str(rdata).split()}
        # A reverse name that no pod has any more may be asked outside the cluster, and whatever comes from there is not promised.
        answered = answer.message is not None if answer.rdtype == "PTR" else answer.rcode == "NOERROR"
        assert answered, f"expected nothing of {', '.join(stale)}, came {answer}"
        assert not held & set(stale), f"expected nothing of {', '.join(stale)}, came {answer}"

    return check


@pytest.mark.claim("SEED-HLS-01")
def test_a_replaced_member_keeps_its_name(stubs: HeadlessSet, dns: Dns, record_property: Record) -> None:
    """Each member whose pod is deleted MUST come back under its name, which MUST lead to the new address, not to the old."""
    for ordinal in stubs.ordinals:
        before, old = stubs.pod(ordinal), stubs.address(ordinal)
        stubs.kube.delete("Pod", stubs.namespace, stubs.member(ordinal))
        ready = stubs.await_member(ordinal, other_than=before["metadata"]["uid"])
        seen = require_changed(stubs, dns, stubs.member_name(ordinal), "A", must_be([stubs.address(ordinal)]))
        record_property(MOVED, round(seen.right_since - ready, 3))
        hostname = stubs.pod(ordinal)["spec"].get("hostname")
        assert hostname == stubs.member(ordinal), f"the new pod's hostname is {hostname}"
        if old not in stubs.addresses():
            require_changed(stubs, dns, f"_mysql._tcp.{stubs.domain}", "SRV", must_be_without(old))
            require_changed(stubs, dns, reverse_name(old), "PTR", must_be_without(stubs.member_name(ordinal)))
    require_names(stubs, dns)


@pytest.mark.claim("SEED-HLS-01")
@pytest.mark.needs(Capability.SEVERAL_NODES)
def test_a_moved_member_keeps_its_name(single: HeadlessSet, dns: Dns, record_property: Record) -> None:
    """A member that comes back on another node MUST keep name and hostname, and its name MUST lead to its address there."""
    before = single.pod(0)
    here = before["spec"]["nodeName"]
    elsewhere = {"matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": [here]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [elsewhere]}}}
    change = {"spec": {"template": {"spec": {"affinity": affinity}}}}
    single.kube.patch("StatefulSet", single.namespace, single.statefulset, change)
    ready = single.await_member(0, other_than=before["metadata"]["uid"])
    moved = single.pod(0)
    assert moved["spec"]["nodeName"] != here, f"the member is still on {here}"
    hostname = moved["spec"].get("hostname")
    assert hostname == single.member(0), f"the new pod's hostname is {hostname}"
    seen = require_changed(single, dns, single.member_name(0), "A", must_be([single.address(0)]))
    record_property(MOVED, round(seen.right_since - ready, 3))
    require_names(single, dns)


@pytest.mark.claim("SEED-NID-05")
def test_names_come_and_go_with_members(stubs: HeadlessSet, dns: Dns, record_property: Record) -> None:
    """Scaled from 3 to 5, 2 and 3 again, exactly the members that there are MUST have names."""
    for replicas in (MOST, 2, 3):
        scaled = replace(stubs, replicas=replicas)
        scaled.scale()
        settled = scaled.await_ready(POD_READY)
        record_property(SCALED, round(require_names(scaled, dns) - settled, 3))
        for absent in range(replicas, MOST + 1):
            require_gone(scaled, dns, scaled.member_name(absent))


@pytest.mark.claim("SEED-DSC-11")
def test_the_ports_records_follow_the_members(single: HeadlessSet, dns: Dns) -> None:
    """With a member more, and with that member gone, the port MUST have one SRV record for each Ready member and no other."""
    for replicas in (2, 1):
        scaled = replace(single, replicas=replicas)
        scaled.scale()
        scaled.await_ready(POD_READY)
        targets = must_be_srv(scaled.ready_members(), 3306)
        require_changed(scaled, dns, f"_mysql._tcp.{scaled.domain}", "SRV", targets)


@pytest.mark.claim("SEED-WHY-02")
def test_the_names_go_and_come_back_with_the_service(stubs: HeadlessSet, dns: Dns) -> None:
    """Without the Service, neither its name nor its members' MUST exist, though they run on; with it again, all MUST."""
    require_names(stubs, dns)
    stubs.kube.delete("Service", stubs.namespace, stubs.service)
    for name in (stubs.domain, *(stubs.member_name(ordinal) for ordinal in stubs.ordinals)):
        require_gone(stubs, dns, name)
    assert len(stubs.addresses()) == stubs.replicas, f"Ready members: {stubs.addresses()}"
    stubs.kube.create(stubs.namespace, manifests.find(manifests.load(STUB_FILE), "Service"))
    require_names(stubs, dns)


@pytest.fixture
def probed(deployer: Deployer, scratch: str) -> HeadlessSet:
    """A set of two members whose readiness can be switched, Ready."""
    objects = manifests.stubs(replicas=2)
    manifests.find(objects, "StatefulSet")["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] = {
        "exec": {"command": ["test", "!", "-e", UNREADY_FILE]},
        "periodSeconds": 1,
        "timeoutSeconds": 5,
        "failureThreshold": 1,
    }
    return deployer.stub_set(scratch, objects)


@pytest.mark.claim("SEED-NSL-08")
def test_a_member_that_is_not_ready_is_not_listed(deployer: Deployer, probed: HeadlessSet, dns: Dns) -> None:
    """A member that stops being Ready MUST leave the Service's name and lose its own until it is Ready again."""
    stubs = probed
    name, own = stubs.member_name(1), stubs.address(1)
    deployer.set_ready(stubs, 1, ready=False)
    await_readiness(stubs, 1, ready=False)
    require_changed(stubs, dns, stubs.domain, "A", must_be([stubs.address(0)]))
    require_gone(stubs, dns, name)
    require_changed(stubs, dns, f"_mysql._tcp.{stubs.domain}", "SRV", must_be_without(name, own))
    deployer.set_ready(stubs, 1, ready=True)
    await_readiness(stubs, 1, ready=True)
    require_changed(stubs, dns, name, "A", must_be([own]))
    require_names(stubs, dns)


def await_readiness(stubs: HeadlessSet, ordinal: int, *, ready: bool) -> None:
    """Wait until a member is, or is not, Ready."""

    def check() -> None:
        assert is_ready(stubs.pod(ordinal)) is ready, f"Ready of {stubs.member(ordinal)} is {not ready}"

    eventually(check, expecting=f"Ready of {stubs.member(ordinal)} to be {ready}", within=POD_READY)


@pytest.mark.claim("SEED-XC-01")
@pytest.mark.needs(Capability.KUBELET)
def test_the_new_address_is_everywhere(single: HeadlessSet, dns: Dns) -> None:
    """After a member is replaced, pod status, EndpointSlices, hosts file and DNS MUST all show its new address."""
    before = single.pod(0)["metadata"]["uid"]
    single.kube.delete("Pod", single.namespace, single.member(0))
    single.await_member(0, other_than=before)
    own = single.address(0)
    require_changed(single, dns, single.domain, "A", must_be([own]))
    assert single.ready_endpoints() == [own], f"the slices have {single.ready_endpoints()}, pod status {own}"
    hosts = hosts_file(single, 0)
    written = addresses_by_name(hosts).get(single.member(0), [])
    assert written == single.pod_addresses(0), f"pod status has {own}, the hosts file:\n{hosts}"


@pytest.fixture
def keeper(deployer: Deployer, scratch: str) -> HeadlessSet:
    """A set of one member with a volume of the default class, Ready."""
    objects = manifests.stubs(replicas=1)
    spec = manifests.find(objects, "StatefulSet")["spec"]
    spec["volumeClaimTemplates"] = manifests.find(manifests.load(manifests.STATEFULSET_FILE), "StatefulSet")["spec"][
        "volumeClaimTemplates"
    ]
    spec["template"]["spec"]["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    return deployer.stub_set(scratch, objects)


@pytest.mark.claim("SEED-HLS-01")
@pytest.mark.needs(Capability.KUBELET, Capability.VOLUMES)
def test_a_replaced_member_keeps_its_volume_and_data(keeper: HeadlessSet) -> None:
    """A member that comes back MUST have the same claim, and MUST find on it what was written before."""
    mark, before, claim = uuid4().hex, keeper.pod(0), claim_uid(keeper)
    keeper.kube.execute(keeper.namespace, keeper.member(0), "sh", "-c", f"echo {mark} > /data/mark")
    keeper.kube.delete("Pod", keeper.namespace, keeper.member(0))
    keeper.await_member(0, other_than=before["metadata"]["uid"])
    ran = keeper.kube.execute(keeper.namespace, keeper.member(0), "cat", "/data/mark")
    assert ran.stdout.strip() == mark, ran.transcript()
    assert claim_uid(keeper) == claim, "the claim is another one"


@pytest.mark.claim("SEED-HLS-01")
@pytest.mark.needs(Capability.KUBELET, Capability.VOLUMES, Capability.SEVERAL_NODES, Capability.CONTROL_PLANE)
# The databases must have found their nodes before one is closed for a while.
@pytest.mark.usefixtures("documented", "load_balanced")
def test_a_member_whose_volume_is_on_its_node_waits_for_it(keeper: HeadlessSet, dns: Dns) -> None:
    """A member whose volume cannot leave its node MUST wait, with the same claim, until the node takes pods again."""
    before, claim = keeper.pod(0), claim_uid(keeper)
    with unschedulable(keeper.kube, before["spec"]["nodeName"]):
        keeper.kube.delete("Pod", keeper.namespace, keeper.member(0))
        require_pending(keeper, other_than=before["metadata"]["uid"])
        assert claim_uid(keeper) == claim, "the claim is another one"
    keeper.await_member(0, other_than=before["metadata"]["uid"])
    now = keeper.pod(0)["spec"]["nodeName"]
    assert now == before["spec"]["nodeName"], f"the member is on {now}, its volume on {before['spec']['nodeName']}"
    require_changed(keeper, dns, keeper.member_name(0), "A", must_be([keeper.address(0)]))


def require_pending(keeper: HeadlessSet, *, other_than: str) -> None:
    """The first member is another pod than this, and waits."""

    def pending() -> None:
        pod = keeper.pod(0)
        assert pod["metadata"]["uid"] != other_than, "the old pod is still there"
        assert pod["status"]["phase"] == "Pending", f"phase {pod['status']['phase']}"

    eventually(pending, expecting="the new pod to be Pending", within=POD_READY)
    consistently(pending, expecting="the new pod to stay Pending", during=PENDING_SECONDS)


def claim_uid(keeper: HeadlessSet) -> str:
    """The UID of the first member's volume claim."""
    claim = keeper.kube.get("PersistentVolumeClaim", keeper.namespace, f"data-{keeper.member(0)}")
    return str(claim["metadata"]["uid"])


@contextmanager
def unschedulable(kube: Kube, node: str) -> Iterator[None]:
    """A node that takes no new pod for as long as the block lasts."""
    path = f"/api/v1/nodes/{node}"
    kube.request("PATCH", path, {"spec": {"unschedulable": True}})
    try:
        yield
    finally:
        kube.request("PATCH", path, {"spec": {"unschedulable": None}})
