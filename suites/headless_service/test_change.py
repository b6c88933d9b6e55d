"""What stays and what follows when members are replaced, moved, added and removed, and when the Service goes and comes back.

Each spec has a set of its own, so that those who only look at the document's are not disturbed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from uuid import uuid4

import pytest

from headless_conformance.cluster import manifests
from headless_conformance.cluster.change import (
    must_be_without,
    require_changed,
    require_gone,
    require_names,
    require_pending,
    unschedulable,
)
from headless_conformance.cluster.deployer import UNREADY_FILE, Deployer
from headless_conformance.cluster.dns_client import Dns, must_be, must_be_srv, reverse_name
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.manifests import STUB_FILE
from headless_conformance.cluster.members import addresses_by_name, hosts_file
from headless_conformance.cluster.model import Capability
from headless_conformance.cluster.waiting import POD_READY

Record = Callable[[str, object], None]

MOST = 5
"""Members at the most, while a set is scaled."""
MOVED = "seconds from Ready to moved name"
SCALED = "seconds from settled to all names"
DRAINED_FILE = "/tmp/drained"
"""In a stub that drains: lets it end."""
DRAIN_SECONDS = 120
"""How long a stub that nobody lets end drains: longer than any bound on a change."""


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
    require_changed(stubs, dns, stubs.domain, "A", must_be([stubs.address(0)]))
    require_gone(stubs, dns, name)
    require_changed(stubs, dns, f"_mysql._tcp.{stubs.domain}", "SRV", must_be_without(name, own))
    deployer.set_ready(stubs, 1, ready=True)
    require_changed(stubs, dns, name, "A", must_be([own]))
    require_names(stubs, dns)


@pytest.fixture
def draining(deployer: Deployer, scratch: str) -> Iterator[HeadlessSet]:
    """A set of two members that serve on when they are deleted, as a database does that lets its sessions end; Ready."""
    objects = manifests.stubs(replicas=2)
    template = manifests.find(objects, "StatefulSet")["spec"]["template"]["spec"]
    template["terminationGracePeriodSeconds"] = DRAIN_SECONDS
    wait = f"while ! test -e {DRAINED_FILE}; do sleep 0.2; done"
    template["containers"][0]["lifecycle"] = {"preStop": {"exec": {"command": ["sh", "-c", wait]}}}
    stubs = deployer.stub_set(scratch, objects)
    yield stubs
    replace(stubs, replicas=0).scale()
    for ordinal in stubs.ordinals:
        stubs.kube.execute(stubs.namespace, stubs.member(ordinal), "touch", DRAINED_FILE)


@pytest.mark.claim("SEED-NSL-08")
@pytest.mark.needs(Capability.KUBELET)
def test_a_member_that_is_ending_is_not_listed(draining: HeadlessSet, dns: Dns) -> None:
    """A member that is being deleted MUST leave the Service's name and lose its own, though its process still serves."""
    before = draining.pod(1)["metadata"]["uid"]
    draining.kube.delete("Pod", draining.namespace, draining.member(1))
    require_changed(draining, dns, draining.domain, "A", must_be([draining.address(0)]))
    require_gone(draining, dns, draining.member_name(1))
    draining.require_ending(1, before)


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
    mark, before, claim = uuid4().hex, keeper.pod(0), keeper.claim_uid(0)
    keeper.kube.execute(keeper.namespace, keeper.member(0), "sh", "-c", f"echo {mark} > /data/mark")
    keeper.kube.delete("Pod", keeper.namespace, keeper.member(0))
    keeper.await_member(0, other_than=before["metadata"]["uid"])
    ran = keeper.kube.execute(keeper.namespace, keeper.member(0), "cat", "/data/mark")
    assert ran.stdout.strip() == mark, ran.transcript()
    assert keeper.claim_uid(0) == claim, "the claim is another one"


@pytest.mark.claim("SEED-HLS-01")
@pytest.mark.needs(Capability.KUBELET, Capability.VOLUMES, Capability.SEVERAL_NODES, Capability.CONTROL_PLANE)
# The databases must have found their nodes before one is closed for a while.
@pytest.mark.usefixtures("documented", "load_balanced")
def test_a_member_whose_volume_is_on_its_node_waits_for_it(keeper: HeadlessSet, dns: Dns) -> None:
    """A member whose volume cannot leave its node MUST wait, with the same claim, until the node takes pods again."""
    before, claim = keeper.pod(0), keeper.claim_uid(0)
    with unschedulable(keeper.kube, before["spec"]["nodeName"]):
        keeper.kube.delete("Pod", keeper.namespace, keeper.member(0))
        require_pending(keeper, 0, other_than=before["metadata"]["uid"])
        assert keeper.claim_uid(0) == claim, "the claim is another one"
    keeper.await_member(0, other_than=before["metadata"]["uid"])
    now = keeper.pod(0)["spec"]["nodeName"]
    assert now == before["spec"]["nodeName"], f"the member is on {now}, its volume on {before['spec']['nodeName']}"
    require_changed(keeper, dns, keeper.member_name(0), "A", must_be([keeper.address(0)]))
