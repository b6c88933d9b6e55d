"""What stays and what follows when Pods are replaced, moved, added and removed, and when the Service goes and
comes back.

Each test has a set of its own, so that those that only look at the document's are not disturbed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from uuid import uuid4

import pytest

from headless_conformance.cluster.change import (
    ChangingSet,
    History,
    cordoned,
    must_not_mention,
    require_converged,
    require_disappeared,
    require_fqdns,
    require_pending,
)
from headless_conformance.cluster.deployer import UNREADY_FILE, Deployer
from headless_conformance.cluster.dns_checks import must_be, must_be_srv
from headless_conformance.cluster.dns_client import Dns
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.inside_pod import addresses_by_name, hosts_file, hosts_subject
from headless_conformance.cluster.kube import Kube
from headless_conformance.cluster.manifests import ManifestFolder, find, with_replicas
from headless_conformance.cluster.model import Capability
from headless_conformance.cluster.reference_model import ReferenceModel
from headless_conformance.cluster.room import nodes_that_take_pods, nodes_without_room
from headless_conformance.cluster.shared import SetUp
from headless_conformance.cluster.waiting import ObservationError
from headless_conformance.core.errors import not_supported
from headless_conformance.core.mismatch import require, require_count, require_equal, require_items
from headless_conformance.core.objects import Object
from headless_conformance.records.names import reverse_name
from suites.headless_service.manifest_files import STATEFULSET_FILE, STUB_FILE
from suites.headless_service.parameters import KUBELET

Record = Callable[[str, object], None]

MOST = 5
"""Pods at the most, while a set is scaled."""
MOVED = "seconds from Ready to moved name"
SCALED = "seconds from settled to all names"
DRAINED_FILE = "/tmp/drained"
"""In a stub that drains: lets it end."""
DRAIN_SECONDS = 120
"""How long a stub that nobody lets end drains: longer than any bound on a change."""


def replace_pod(headless_set: HeadlessSet, ordinal: int) -> float:
    """Delete a Pod and wait for the next one; the monotonic time at which that is Ready."""
    before = headless_set.get_pod(ordinal)["metadata"]["uid"]
    headless_set.kube.delete("Pod", headless_set.namespace, headless_set.pod_name(ordinal))
    return headless_set.await_pod_ready(ordinal, other_than=before)


def require_hostname(headless_set: HeadlessSet, ordinal: int) -> None:
    """A Pod has its name for a hostname."""
    name = headless_set.pod_name(ordinal)
    hostname = headless_set.get_pod(ordinal)["spec"].get("hostname")
    require_equal(f"Pod {name} .spec.hostname", hostname, name, where=headless_set.where)


@pytest.mark.requirement("SEED-HLS-01")
def test_a_replaced_pod_keeps_its_fqdn(stub_set: HeadlessSet, dns: Dns, record_property: Record) -> None:
    """Each Pod that is deleted MUST come back under its FQDN,
    which MUST lead to the new address, not to the old."""
    for ordinal in stub_set.ordinals:
        old, name = stub_set.pod_ip(ordinal), stub_set.pod_fqdn(ordinal)
        ready = replace_pod(stub_set, ordinal)
        convergence = require_converged(stub_set, dns, name, "A", must_be([stub_set.pod_ip(ordinal)]))
        record_property(MOVED, round(convergence.right_since - ready, 3))
        require_hostname(stub_set, ordinal)
        if old not in stub_set.ready_ips():
            require_converged(stub_set, dns, stub_set.port_fqdn("mysql"), "SRV", must_not_mention(old))
            require_converged(stub_set, dns, reverse_name(old), "PTR", must_not_mention(name))
    require_fqdns(stub_set, dns)


def require_room_elsewhere(pod: Object, kube: Kube) -> None:
    """NotSupportedError where no other node than its own has room for a Pod like this one."""
    others = [node for node in nodes_that_take_pods(kube) if node != pod["spec"]["nodeName"]]
    full = nodes_without_room(kube, pod, others)
    if len(full) == len(others):
        not_supported(": ".join(("no other node has room for its Pod", *dict.fromkeys(full.values()))))


@pytest.mark.requirement("SEED-HLS-01")
@pytest.mark.needs(Capability.SEVERAL_NODES)
def test_a_moved_pod_keeps_its_fqdn(
    single_pod_set: HeadlessSet, dns: Dns, reference_model: ReferenceModel, record_property: Record
) -> None:
    """A Pod that comes back on another node MUST keep FQDN and hostname,
    and its FQDN MUST lead to its address there."""
    moving = ChangingSet(single_pod_set, dns, reference_model, MOST, History())
    moving.require_current()
    before, name = single_pod_set.get_pod(0), single_pod_set.pod_fqdn(0)
    here = before["spec"]["nodeName"]
    elsewhere = {"matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": [here]}]}
    affinity = {
        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [elsewhere]}}
    }
    change = {"spec": {"template": {"spec": {"affinity": affinity}}}}
    namespace, statefulset_name = single_pod_set.namespace, single_pod_set.statefulset_name
    single_pod_set.kube.patch("StatefulSet", namespace, statefulset_name, change)
    try:
        ready = single_pod_set.await_pod_ready(0, other_than=before["metadata"]["uid"])
    except ObservationError:
        require_room_elsewhere(before, single_pod_set.kube)
        raise
    node = single_pod_set.get_pod(0)["spec"]["nodeName"]
    subject = f"Pod {single_pod_set.pod_name(0)} .spec.nodeName"
    require(node != here, subject, expected=f"other than {here}", observed=node, where=single_pod_set.where)
    require_hostname(single_pod_set, 0)
    convergence = require_converged(single_pod_set, dns, name, "A", must_be([single_pod_set.pod_ip(0)]))
    record_property(MOVED, round(convergence.right_since - ready, 3))
    moving.require_all_current()


@pytest.mark.requirement("SEED-NID-05")
def test_fqdns_come_and_go_with_pods(stub_set: HeadlessSet, dns: Dns, record_property: Record) -> None:
    """Scaled from 3 to 5, 2 and 3 again, exactly the Pods that there are MUST have FQDNs."""
    for replicas in (MOST, 2, 3):
        scaled = stub_set.scale(replicas)
        settled = scaled.await_ready(scaled.facts.cluster.pod_ready_timeout)
        record_property(SCALED, round(require_fqdns(scaled, dns) - settled, 3))
        gone = [scaled.pod_fqdn(absent) for absent in range(replicas, MOST + 1)]
        require_disappeared(scaled, dns, *gone)


@pytest.mark.requirement("SEED-DSC-11")
def test_the_srv_records_follow_the_pods(single_pod_set: HeadlessSet, dns: Dns) -> None:
    """With a Pod more, and with that Pod gone,
    the port MUST have one SRV record for each Ready Pod and no other."""
    for replicas in (2, 1):
        scaled = single_pod_set.scale(replicas)
        scaled.await_ready(scaled.facts.cluster.pod_ready_timeout)
        targets = must_be_srv(scaled.ready_ips_by_fqdn(), 3306)
        require_converged(scaled, dns, scaled.port_fqdn("mysql"), "SRV", targets)


@pytest.mark.requirement("SEED-WHY-02")
def test_the_fqdns_go_and_come_back_with_the_service(
    stub_set: HeadlessSet, manifest_folder: ManifestFolder, dns: Dns
) -> None:
    """Without the Service, neither its FQDN nor that of its port or a Pod MUST exist, of whichever type, nor
    an address have such a name, though the Pods run on; with it again, all MUST."""
    require_fqdns(stub_set, dns)
    stub_set.kube.delete("Service", stub_set.namespace, stub_set.service_name)
    pods = [stub_set.pod_fqdn(ordinal) for ordinal in stub_set.ordinals]
    require_disappeared(stub_set, dns, stub_set.service_fqdn, *pods, stub_set.port_fqdn("mysql"))
    addresses = map(reverse_name, stub_set.ready_ips())
    checks = {(address, "PTR"): must_not_mention(*pods) for address in addresses}
    dns.require_each(checks, within=stub_set.facts.change_timeout(stub_set.service_fqdn))
    subject = f"{stub_set.statefulset_subject}: Ready Pods"
    require_count(subject, stub_set.ready_ips(), stub_set.replicas, where=stub_set.where)
    stub_set.kube.create(stub_set.namespace, find(manifest_folder.load(STUB_FILE), "Service"))
    require_fqdns(stub_set, dns)


@pytest.fixture
def readiness_set(deployer: Deployer, manifest_folder: ManifestFolder, scratch_namespace: str) -> HeadlessSet:
    """A set of two Pods whose readiness can be switched, Ready."""
    objects = with_replicas(manifest_folder.load(STUB_FILE), 2)
    container = find(objects, "StatefulSet")["spec"]["template"]["spec"]["containers"][0]
    container["readinessProbe"] = {
        "exec": {"command": ["test", "!", "-e", UNREADY_FILE]},
        "periodSeconds": 1,
        "timeoutSeconds": 5,
        "failureThreshold": 1,
    }
    return deployer.create_set(scratch_namespace, objects)


@pytest.mark.requirement("SEED-NSL-08")
def test_a_pod_that_is_not_ready_is_not_listed(
    deployer: Deployer, readiness_set: HeadlessSet, dns: Dns
) -> None:
    """A Pod that stops being Ready MUST leave the Service FQDN and lose its own until it is Ready again."""
    service, name, own = readiness_set.service_fqdn, readiness_set.pod_fqdn(1), readiness_set.pod_ip(1)
    deployer.set_ready(readiness_set, 1, ready=False)
    require_converged(readiness_set, dns, service, "A", must_be([readiness_set.pod_ip(0)]))
    require_disappeared(readiness_set, dns, name)
    require_converged(
        readiness_set, dns, readiness_set.port_fqdn("mysql"), "SRV", must_not_mention(name, own)
    )
    deployer.set_ready(readiness_set, 1, ready=True)
    require_converged(readiness_set, dns, name, "A", must_be([own]))
    require_fqdns(readiness_set, dns)


@pytest.fixture
def draining_set(
    deployer: Deployer, manifest_folder: ManifestFolder, scratch_namespace: str
) -> Iterator[HeadlessSet]:
    """A set of two Pods that serve on when they are deleted,
    as a database does that lets its sessions end; Ready."""
    objects = with_replicas(manifest_folder.load(STUB_FILE), 2)
    template = find(objects, "StatefulSet")["spec"]["template"]["spec"]
    template["terminationGracePeriodSeconds"] = DRAIN_SECONDS
    wait = f"while ! test -e {DRAINED_FILE}; do sleep 0.2; done"
    template["containers"][0]["lifecycle"] = {"preStop": {"exec": {"command": ["sh", "-c", wait]}}}
    draining_set = deployer.create_set(scratch_namespace, objects)
    yield draining_set
    draining_set.scale(0)
    for name in draining_set.pod_names:
        draining_set.kube.execute(draining_set.namespace, name, "touch", DRAINED_FILE)


@pytest.mark.requirement("SEED-NSL-08")
@KUBELET
def test_a_pod_that_is_terminating_is_not_listed(draining_set: HeadlessSet, dns: Dns) -> None:
    """A Pod that is being deleted MUST leave the Service FQDN and lose its own,
    though its process still serves."""
    before = draining_set.get_pod(1)["metadata"]["uid"]
    draining_set.kube.delete("Pod", draining_set.namespace, draining_set.pod_name(1))
    others = must_be([draining_set.pod_ip(0)])
    require_converged(draining_set, dns, draining_set.service_fqdn, "A", others)
    require_disappeared(draining_set, dns, draining_set.pod_fqdn(1))
    draining_set.require_terminating(1, before)


@pytest.mark.requirement("SEED-XC-01")
@KUBELET
def test_the_new_address_is_everywhere(single_pod_set: HeadlessSet, dns: Dns) -> None:
    """After a Pod is replaced, its status, EndpointSlices, hosts file and DNS MUST show its new address."""
    replace_pod(single_pod_set, 0)
    own, name = single_pod_set.pod_ip(0), single_pod_set.pod_name(0)
    require_converged(single_pod_set, dns, single_pod_set.service_fqdn, "A", must_be([own]))
    subject = f"{single_pod_set.slices_subject}: ready addresses"
    require_items(subject, single_pod_set.ready_endpoint_ips(), [own], where=single_pod_set.where)
    hosts = hosts_file(single_pod_set, 0)
    written, subject = addresses_by_name(hosts).get(name, []), f"{hosts_subject(single_pod_set, 0)}: {name}"
    require_equal(subject, written, single_pod_set.pod_ips(0), where=single_pod_set.where, details=hosts)


@pytest.fixture
def volume_set(deployer: Deployer, manifest_folder: ManifestFolder, scratch_namespace: str) -> HeadlessSet:
    """A set of one Pod with a volume of the default class, Ready."""
    objects = with_replicas(manifest_folder.load(STUB_FILE), 1)
    spec = find(objects, "StatefulSet")["spec"]
    databases = find(manifest_folder.load(STATEFULSET_FILE), "StatefulSet")
    spec["volumeClaimTemplates"] = databases["spec"]["volumeClaimTemplates"]
    spec["template"]["spec"]["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    return deployer.create_set(scratch_namespace, objects)


def require_same_pvc(volume_set: HeadlessSet, uid: str) -> None:
    """The Pod's PersistentVolumeClaim is the one with this UID."""
    subject = f"PersistentVolumeClaim data-{volume_set.pod_name(0)} .metadata.uid"
    require_equal(subject, volume_set.pvc_uid(0), uid, where=volume_set.where)


@pytest.mark.requirement("SEED-HLS-01")
@pytest.mark.needs(Capability.KUBELET, Capability.VOLUMES)
def test_a_replaced_pod_keeps_its_volume_and_data(volume_set: HeadlessSet) -> None:
    """A Pod that comes back MUST have the same PersistentVolumeClaim,
    and MUST find on it what was written before."""
    mark, pvc, namespace, name = (
        uuid4().hex,
        volume_set.pvc_uid(0),
        volume_set.namespace,
        volume_set.pod_name(0),
    )
    volume_set.kube.execute(namespace, name, "sh", "-c", f"echo {mark} > /data/mark")
    replace_pod(volume_set, 0)
    result = volume_set.kube.execute(namespace, name, "cat", "/data/mark")
    subject = f"/data/mark of Pod {name}"
    require_equal(subject, result.stdout.strip(), mark, where=volume_set.where, details=result.transcript())
    require_same_pvc(volume_set, pvc)


@pytest.fixture
def servers_on_nodes(volume_set: HeadlessSet, servers_of_others: Sequence[SetUp]) -> None:
    """The databases have found their nodes; the test's own set started meanwhile."""
    for servers in servers_of_others:
        servers.finished()


@pytest.mark.requirement("SEED-HLS-01")
@pytest.mark.needs(Capability.KUBELET, Capability.VOLUMES, Capability.SEVERAL_NODES, Capability.CONTROL_PLANE)
# Before a node is cordoned for a while.
@pytest.mark.usefixtures("servers_on_nodes")
@pytest.mark.longest
def test_a_pod_whose_volume_is_on_its_node_waits_for_it(volume_set: HeadlessSet, dns: Dns) -> None:
    """A Pod whose volume cannot leave its node MUST wait, with the same PVC, until the node takes Pods."""
    before, pvc, name = volume_set.get_pod(0), volume_set.pvc_uid(0), volume_set.pod_name(0)
    node, uid = before["spec"]["nodeName"], before["metadata"]["uid"]
    with cordoned(volume_set.kube, node):
        volume_set.kube.delete("Pod", volume_set.namespace, name)
        require_pending(volume_set, 0, other_than=uid)
        require_same_pvc(volume_set, pvc)
    volume_set.await_pod_ready(0, other_than=uid)
    now = volume_set.get_pod(0)["spec"]["nodeName"]
    require_equal(f"Pod {name} .spec.nodeName", now, node, where=volume_set.where)
    require_converged(volume_set, dns, volume_set.pod_fqdn(0), "A", must_be([volume_set.pod_ip(0)]))
