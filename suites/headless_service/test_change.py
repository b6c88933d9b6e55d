"""What stays and what follows when members are replaced, moved, added and removed, and when the Service goes and comes back.

Each test has a set of its own, so that those who only look at the document's are not disturbed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from uuid import uuid4

import pytest

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
from headless_conformance.cluster.manifests import ManifestFolder, find, with_replicas
from headless_conformance.cluster.members import addresses_by_name, hosts_file
from headless_conformance.cluster.model import Capability
from headless_conformance.cluster.waiting import POD_READY_TIMEOUT
from suites.headless_service.manifest_files import STATEFULSET_FILE, STUB_FILE

Record = Callable[[str, object], None]

MOST = 5
"""Members at the most, while a set is scaled."""
MOVED = "seconds from Ready to moved name"
SCALED = "seconds from settled to all names"
DRAINED_FILE = "/tmp/drained"
"""In a stub that drains: lets it end."""
DRAIN_SECONDS = 120
"""How long a stub that nobody lets end drains: longer than any bound on a change."""


@pytest.mark.requirement("SEED-HLS-01")
def test_a_replaced_member_keeps_its_name(stub_set: HeadlessSet, dns: Dns, record_property: Record) -> None:
    """Each member whose pod is deleted MUST come back under its name, which MUST lead to the new address, not to the old."""
    for ordinal in stub_set.ordinals:
        before, old = stub_set.pod(ordinal), stub_set.address(ordinal)
        stub_set.kube.delete("Pod", stub_set.namespace, stub_set.member(ordinal))
        ready = stub_set.await_member(ordinal, other_than=before["metadata"]["uid"])
        seen = require_changed(
            stub_set, dns, stub_set.pod_fqdn(ordinal), "A", must_be([stub_set.address(ordinal)])
        )
        record_property(MOVED, round(seen.right_since - ready, 3))
        hostname = stub_set.pod(ordinal)["spec"].get("hostname")
        assert hostname == stub_set.member(ordinal), f"the new pod's hostname is {hostname}"
        if old not in stub_set.addresses():
            require_changed(stub_set, dns, f"_mysql._tcp.{stub_set.domain}", "SRV", must_be_without(old))
            require_changed(
                stub_set, dns, reverse_name(old), "PTR", must_be_without(stub_set.pod_fqdn(ordinal))
            )
    require_names(stub_set, dns)


@pytest.mark.requirement("SEED-HLS-01")
@pytest.mark.needs(Capability.SEVERAL_NODES)
def test_a_moved_member_keeps_its_name(
    single_member_set: HeadlessSet, dns: Dns, record_property: Record
) -> None:
    """A member that comes back on another node MUST keep name and hostname, and its name MUST lead to its address there."""
    before = single_member_set.pod(0)
    here = before["spec"]["nodeName"]
    elsewhere = {"matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": [here]}]}
    affinity = {
        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [elsewhere]}}
    }
    change = {"spec": {"template": {"spec": {"affinity": affinity}}}}
    single_member_set.kube.patch(
        "StatefulSet", single_member_set.namespace, single_member_set.statefulset, change
    )
    ready = single_member_set.await_member(0, other_than=before["metadata"]["uid"])
    moved = single_member_set.pod(0)
    assert moved["spec"]["nodeName"] != here, f"the member is still on {here}"
    hostname = moved["spec"].get("hostname")
    assert hostname == single_member_set.member(0), f"the new pod's hostname is {hostname}"
    seen = require_changed(
        single_member_set, dns, single_member_set.pod_fqdn(0), "A", must_be([single_member_set.address(0)])
    )
    record_property(MOVED, round(seen.right_since - ready, 3))
    require_names(single_member_set, dns)


@pytest.mark.requirement("SEED-NID-05")
def test_names_come_and_go_with_members(stub_set: HeadlessSet, dns: Dns, record_property: Record) -> None:
    """Scaled from 3 to 5, 2 and 3 again, exactly the members that there are MUST have names."""
    for replicas in (MOST, 2, 3):
        scaled = replace(stub_set, replicas=replicas)
        scaled.scale()
        settled = scaled.await_ready(POD_READY_TIMEOUT)
        record_property(SCALED, round(require_names(scaled, dns) - settled, 3))
        for absent in range(replicas, MOST + 1):
            require_gone(scaled, dns, scaled.pod_fqdn(absent))


@pytest.mark.requirement("SEED-DSC-11")
def test_the_ports_records_follow_the_members(single_member_set: HeadlessSet, dns: Dns) -> None:
    """With a member more, and with that member gone, the port MUST have one SRV record for each Ready member and no other."""
    for replicas in (2, 1):
        scaled = replace(single_member_set, replicas=replicas)
        scaled.scale()
        scaled.await_ready(POD_READY_TIMEOUT)
        targets = must_be_srv(scaled.ready_members(), 3306)
        require_changed(scaled, dns, f"_mysql._tcp.{scaled.domain}", "SRV", targets)


@pytest.mark.requirement("SEED-WHY-02")
def test_the_names_go_and_come_back_with_the_service(
    stub_set: HeadlessSet, manifest_folder: ManifestFolder, dns: Dns
) -> None:
    """Without the Service, neither its name nor its members' MUST exist, though they run on; with it again, all MUST."""
    require_names(stub_set, dns)
    stub_set.kube.delete("Service", stub_set.namespace, stub_set.service)
    for name in (stub_set.domain, *(stub_set.pod_fqdn(ordinal) for ordinal in stub_set.ordinals)):
        require_gone(stub_set, dns, name)
    assert len(stub_set.addresses()) == stub_set.replicas, f"Ready members: {stub_set.addresses()}"
    stub_set.kube.create(stub_set.namespace, find(manifest_folder.load(STUB_FILE), "Service"))
    require_names(stub_set, dns)


@pytest.fixture
def readiness_set(deployer: Deployer, manifest_folder: ManifestFolder, scratch_namespace: str) -> HeadlessSet:
    """A set of two members whose readiness can be switched, Ready."""
    objects = with_replicas(manifest_folder.load(STUB_FILE), 2)
    find(objects, "StatefulSet")["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] = {
        "exec": {"command": ["test", "!", "-e", UNREADY_FILE]},
        "periodSeconds": 1,
        "timeoutSeconds": 5,
        "failureThreshold": 1,
    }
    return deployer.create_set(scratch_namespace, objects)


@pytest.mark.requirement("SEED-NSL-08")
def test_a_member_that_is_not_ready_is_not_listed(
    deployer: Deployer, readiness_set: HeadlessSet, dns: Dns
) -> None:
    """A member that stops being Ready MUST leave the Service's name and lose its own until it is Ready again."""
    stub_set = readiness_set
    name, own = stub_set.pod_fqdn(1), stub_set.address(1)
    deployer.set_ready(stub_set, 1, ready=False)
    require_changed(stub_set, dns, stub_set.domain, "A", must_be([stub_set.address(0)]))
    require_gone(stub_set, dns, name)
    require_changed(stub_set, dns, f"_mysql._tcp.{stub_set.domain}", "SRV", must_be_without(name, own))
    deployer.set_ready(stub_set, 1, ready=True)
    require_changed(stub_set, dns, name, "A", must_be([own]))
    require_names(stub_set, dns)


@pytest.fixture
def draining_set(
    deployer: Deployer, manifest_folder: ManifestFolder, scratch_namespace: str
) -> Iterator[HeadlessSet]:
    """A set of two members that serve on when they are deleted, as a database does that lets its sessions end; Ready."""
    objects = with_replicas(manifest_folder.load(STUB_FILE), 2)
    template = find(objects, "StatefulSet")["spec"]["template"]["spec"]
    template["terminationGracePeriodSeconds"] = DRAIN_SECONDS
    wait = f"while ! test -e {DRAINED_FILE}; do sleep 0.2; done"
    template["containers"][0]["lifecycle"] = {"preStop": {"exec": {"command": ["sh", "-c", wait]}}}
    stub_set = deployer.create_set(scratch_namespace, objects)
    yield stub_set
    replace(stub_set, replicas=0).scale()
    for ordinal in stub_set.ordinals:
        stub_set.kube.execute(stub_set.namespace, stub_set.member(ordinal), "touch", DRAINED_FILE)


@pytest.mark.requirement("SEED-NSL-08")
@pytest.mark.needs(Capability.KUBELET)
def test_a_member_that_is_ending_is_not_listed(draining_set: HeadlessSet, dns: Dns) -> None:
    """A member that is being deleted MUST leave the Service's name and lose its own, though its process still serves."""
    before = draining_set.pod(1)["metadata"]["uid"]
    draining_set.kube.delete("Pod", draining_set.namespace, draining_set.member(1))
    require_changed(draining_set, dns, draining_set.domain, "A", must_be([draining_set.address(0)]))
    require_gone(draining_set, dns, draining_set.pod_fqdn(1))
    draining_set.require_ending(1, before)


@pytest.mark.requirement("SEED-XC-01")
@pytest.mark.needs(Capability.KUBELET)
def test_the_new_address_is_everywhere(single_member_set: HeadlessSet, dns: Dns) -> None:
    """After a member is replaced, pod status, EndpointSlices, hosts file and DNS MUST all show its new address."""
    before = single_member_set.pod(0)["metadata"]["uid"]
    single_member_set.kube.delete("Pod", single_member_set.namespace, single_member_set.member(0))
    single_member_set.await_member(0, other_than=before)
    own = single_member_set.address(0)
    require_changed(single_member_set, dns, single_member_set.domain, "A", must_be([own]))
    assert single_member_set.ready_endpoints() == [own], (
        f"the slices have {single_member_set.ready_endpoints()}, pod status {own}"
    )
    hosts = hosts_file(single_member_set, 0)
    written = addresses_by_name(hosts).get(single_member_set.member(0), [])
    assert written == single_member_set.pod_addresses(0), f"pod status has {own}, the hosts file:\n{hosts}"


@pytest.fixture
def volume_set(deployer: Deployer, manifest_folder: ManifestFolder, scratch_namespace: str) -> HeadlessSet:
    """A set of one member with a volume of the default class, Ready."""
    objects = with_replicas(manifest_folder.load(STUB_FILE), 1)
    spec = find(objects, "StatefulSet")["spec"]
    databases = find(manifest_folder.load(STATEFULSET_FILE), "StatefulSet")
    spec["volumeClaimTemplates"] = databases["spec"]["volumeClaimTemplates"]
    spec["template"]["spec"]["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    return deployer.create_set(scratch_namespace, objects)


@pytest.mark.requirement("SEED-HLS-01")
@pytest.mark.needs(Capability.KUBELET, Capability.VOLUMES)
def test_a_replaced_member_keeps_its_volume_and_data(volume_set: HeadlessSet) -> None:
    """A member that comes back MUST have the same claim, and MUST find on it what was written before."""
    mark, before, claim = uuid4().hex, volume_set.pod(0), volume_set.pvc_uid(0)
    volume_set.kube.execute(
        volume_set.namespace, volume_set.member(0), "sh", "-c", f"echo {mark} > /data/mark"
    )
    volume_set.kube.delete("Pod", volume_set.namespace, volume_set.member(0))
    volume_set.await_member(0, other_than=before["metadata"]["uid"])
    ran = volume_set.kube.execute(volume_set.namespace, volume_set.member(0), "cat", "/data/mark")
    assert ran.stdout.strip() == mark, ran.transcript()
    assert volume_set.pvc_uid(0) == claim, "the claim is another one"


@pytest.mark.requirement("SEED-HLS-01")
@pytest.mark.needs(Capability.KUBELET, Capability.VOLUMES, Capability.SEVERAL_NODES, Capability.CONTROL_PLANE)
# The databases must have found their nodes before one is closed for a while.
@pytest.mark.usefixtures("transcript_set", "load_balanced")
def test_a_member_whose_volume_is_on_its_node_waits_for_it(volume_set: HeadlessSet, dns: Dns) -> None:
    """A member whose volume cannot leave its node MUST wait, with the same claim, until the node takes pods again."""
    before, claim = volume_set.pod(0), volume_set.pvc_uid(0)
    with unschedulable(volume_set.kube, before["spec"]["nodeName"]):
        volume_set.kube.delete("Pod", volume_set.namespace, volume_set.member(0))
        require_pending(volume_set, 0, other_than=before["metadata"]["uid"])
        assert volume_set.pvc_uid(0) == claim, "the claim is another one"
    volume_set.await_member(0, other_than=before["metadata"]["uid"])
    now = volume_set.pod(0)["spec"]["nodeName"]
    assert now == before["spec"]["nodeName"], (
        f"the member is on {now}, its volume on {before['spec']['nodeName']}"
    )
    require_changed(volume_set, dns, volume_set.pod_fqdn(0), "A", must_be([volume_set.address(0)]))
