"""The same addresses in describe, the hosts files and both lookups: one coherent picture."""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Sequence

import pytest

from headless_conformance.cluster.clients import Range, name_servers
from headless_conformance.cluster.dns_checks import must_be
from headless_conformance.cluster.dns_client import Dns
from headless_conformance.cluster.dns_exchange import Place
from headless_conformance.cluster.facts import Facts
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.inside_pod import (
    addresses_by_name,
    found_in_pod,
    hosts_file,
    hosts_subject,
    pod_place,
)
from headless_conformance.cluster.model import Capability
from headless_conformance.cluster.pods import pod_ip
from headless_conformance.cluster.reference_model import RecordGroup, ReferenceModel
from headless_conformance.cluster.room import nodes_that_take_pods, nodes_without_room
from headless_conformance.cluster.shell_asker import ShellAsker
from headless_conformance.cluster.transcripts import described_endpoints
from headless_conformance.cluster.waiting import eventually
from headless_conformance.core.errors import not_supported
from headless_conformance.core.mismatch import (
    Where,
    items_of,
    require,
    require_count,
    require_equal,
    require_items,
)
from headless_conformance.core.objects import Object
from suites.headless_service.parameters import DATABASE, KUBELET, ORDINALS
from suites.headless_service.sql import hostnames_subject, servers_at


def require_room(headless_set: HeadlessSet, pods: Sequence[Object]) -> None:
    """Not supported where the Pods are on fewer nodes than there are Pods because no other node has room."""
    nodes = {pod["spec"]["nodeName"] for pod in pods}
    if len(nodes) >= headless_set.replicas:
        return
    found = f"its Pods found room on {len(nodes)} nodes, {headless_set.replicas} are needed"
    if not headless_set.facts.cluster.ours:
        not_supported(found)
    others = [node for node in nodes_that_take_pods(headless_set.kube) if node not in nodes]
    full = nodes_without_room(headless_set.kube, pods[0], others)
    if len(nodes) + len(others) - len(full) < headless_set.replicas:
        not_supported(": ".join((found, *dict.fromkeys(full.values()))))


@pytest.mark.requirement("SEED-XC-01")
def test_slices_describe_and_dns_know_the_same_addresses(transcript_set: HeadlessSet, dns: Dns) -> None:
    """Pod status, EndpointSlices, `kubectl describe` and DNS MUST have one set of three addresses."""

    def check() -> list[str]:
        result = transcript_set.describe_service()
        result.require_success()
        addresses = transcript_set.ready_ips()
        subject = f"{transcript_set.statefulset_subject}: addresses of Ready Pods"
        require_count(subject, set(addresses), transcript_set.replicas)
        slices = transcript_set.ready_endpoint_ips()
        require_items(f"{transcript_set.slices_subject}: ready addresses", slices, addresses)
        shown = described_endpoints(result.stdout)
        described = {endpoint.rpartition(":")[0] or endpoint for endpoint in shown}
        require_items(f"{result.command}: addresses", described, addresses, details=result.transcript())
        return addresses

    addresses = eventually(check, expecting="slices and describe to agree with Pod status")
    dns.require(transcript_set.service_fqdn, "A", must_be(addresses))


@pytest.mark.requirement("SEED-XC-01")
def test_slices_know_each_pod_by_its_name_and_address(transcript_set: HeadlessSet) -> None:
    """EndpointSlices MUST have each Pod's address under its hostname and its name, and no other."""

    def check() -> None:
        names = {pod["metadata"]["name"]: pod_ip(pod) for pod in transcript_set.get_pods()}
        require_items(
            f"{transcript_set.slices_subject}: hostnames, Pods and addresses",
            transcript_set.ready_endpoint_identities(),
            [(name, name, address) for name, address in names.items()],
        )

    eventually(check, expecting="slices to know each Pod")


@pytest.mark.requirement("SEED-XC-01")
def test_slices_are_what_service_and_pods_demand(
    any_set: HeadlessSet, reference_model: ReferenceModel
) -> None:
    """EndpointSlices MUST have every endpoint that follows from the Service and its Pods, with its ports,
    its hostname and its conditions, and no other."""
    reference_model.require_slices(any_set)


GROUPS = [
    pytest.param(RecordGroup.SERVICE, marks=pytest.mark.requirement("SEED-NID-03"), id="service"),
    pytest.param(RecordGroup.ENDPOINTS, marks=pytest.mark.requirement("SEED-NID-05"), id="pods"),
    pytest.param(RecordGroup.PORTS, marks=pytest.mark.requirement("SEED-DSC-11"), id="ports"),
    pytest.param(RecordGroup.ADDRESSES, marks=pytest.mark.requirement("SEED-NSL-10"), id="addresses"),
]


@pytest.mark.parametrize("group", GROUPS)
def test_dns_has_what_the_api_demands_and_nothing_else(
    every_set: HeadlessSet, dns: Dns, reference_model: ReferenceModel, group: RecordGroup, answers: int
) -> None:
    """Every record of the Service and its Pods, of every type, MUST be what Services and EndpointSlices
    demand, and nothing that they forbid MUST be there."""
    reference_model.require_records(dns, every_set, group, often=answers)


@pytest.mark.requirement("SEED-NID-02")
@KUBELET
def test_the_dns_service_answers_the_pods_of_the_set(
    transcript_set: HeadlessSet, facts: Facts, reference_model: ReferenceModel
) -> None:
    """In each Pod of the set, the DNS Service MUST answer for every record of the set as it does elsewhere,
    over UDP and TCP."""
    for ordinal in transcript_set.ordinals:
        here = Place(ShellAsker(transcript_set, ordinal), pod_place(transcript_set, ordinal))
        reference_model.require_records_at(here, name_servers(facts.dns), transcript_set)


@pytest.mark.requirement("SEED-NSL-10")
@KUBELET
def test_a_pod_of_the_set_finds_the_names_of_addresses(transcript_set: HeadlessSet) -> None:
    """In each Pod of the set, the C library MUST find the Pod FQDN among the names of another Pod's address,
    over UDP and TCP."""
    names = {
        transcript_set.pod_ip(other): transcript_set.pod_fqdn(other) for other in transcript_set.ordinals
    }
    for ordinal, over_tcp in itertools.product(transcript_set.ordinals, (False, True)):

        def check(ordinal: int = ordinal, over_tcp: bool = over_tcp) -> None:
            others = [address for address in names if address != transcript_set.pod_ip(ordinal)]
            found = found_in_pod(transcript_set, ordinal, "hosts", others, over_tcp=over_tcp)
            for address, lines in found.items():
                seen = {f"{name}." for _, *rest in lines for name in rest}
                wanted, where = names[address], pod_place(transcript_set, ordinal)
                subject = f"getaddrinfo {address}: canonical names"
                require(wanted in seen, subject, expected=items_of([wanted]), observed=seen, where=where)

        eventually(check, expecting=f"addresses to have names in {transcript_set.pod_name(ordinal)}")


@pytest.mark.parametrize("group", GROUPS)
def test_dns_has_what_the_api_demands_of_a_new_set(
    new_set: HeadlessSet, dns: Dns, reference_model: ReferenceModel, group: RecordGroup
) -> None:
    """Every record of a set in a namespace that came later, of every type and in every address family of the
    cluster, MUST be what the API demands, also of the Pod that was added last."""
    reference_model.require_records(dns, new_set, group)


@pytest.mark.requirement("SEED-WHY-03")
@DATABASE
@pytest.mark.parametrize("group", [RecordGroup.SERVICE, RecordGroup.PORTS, RecordGroup.ADDRESSES])
def test_dns_has_what_the_ordinary_service_demands(
    load_balanced: HeadlessSet, dns: Dns, reference_model: ReferenceModel, group: RecordGroup, answers: int
) -> None:
    """The records of an ordinary Service MUST be those of its one address and its ports."""
    reference_model.require_records(dns, load_balanced, group, often=answers)


@pytest.mark.requirement("SEED-XC-01")
@KUBELET
def test_the_hosts_file_and_the_pod_fqdn_agree(
    any_set: HeadlessSet, dns: Dns, ordinals: Sequence[int]
) -> None:
    """A Pod's hosts file MUST have its addresses, DNS' one first,
    under its names, and no wrong one of another Pod."""
    any_set.require_hosts_file_of_kubelet()
    for ordinal in ordinals:
        text = hosts_file(any_set, ordinal)
        hosts = addresses_by_name(text)
        for other in any_set.ordinals:
            addresses = any_set.pod_ips(other)
            for name in (any_set.pod_fqdn(other).rstrip("."), any_set.pod_name(other)):
                seen = hosts.get(name, [])
                if seen or other == ordinal:
                    require_equal(f"{hosts_subject(any_set, ordinal)}: {name}", seen, addresses, details=text)
        dns.require(any_set.pod_fqdn(ordinal), "A", must_be([any_set.pod_ip(ordinal)]))


@pytest.mark.requirement("SEED-XC-02")
@pytest.mark.needs(Capability.SEVERAL_NODES)
def test_pods_run_on_different_nodes_with_addresses_of_their_nodes(
    transcript_set: HeadlessSet, node_ranges: dict[str, list[Range]]
) -> None:
    """The three Pods MUST be on three nodes, each with an address out of its node's range;
    their order is not promised."""
    pods = transcript_set.get_pods()
    nodes = {pod["spec"]["nodeName"] for pod in pods}
    for pod in pods:
        address, node = pod_ip(pod), pod["spec"]["nodeName"]
        require(
            any(ipaddress.ip_address(address) in found for found in node_ranges[node]),
            f"Pod {pod['metadata']['name']} .status.podIP",
            expected=f"out of {items_of(node_ranges[node])}",
            observed=address,
            where=Where(node=node),
        )
    require_room(transcript_set, pods)
    require_count(f"{transcript_set.statefulset_subject}: nodes of Pods", nodes, transcript_set.replicas)


@pytest.mark.requirement("SEED-XC-02")
@pytest.mark.needs(Capability.KUBELET, Capability.SEVERAL_NODES, Capability.SQL)
@ORDINALS
def test_a_pod_reaches_the_pods_on_other_nodes_by_name(transcript_set: HeadlessSet, ordinal: int) -> None:
    """A Pod MUST reach the Pods that run on other nodes under their names."""
    here = transcript_set.get_pod(ordinal)["spec"]["nodeName"]
    pods = transcript_set.get_pods()
    others = [pod["metadata"]["name"] for pod in pods if pod["spec"]["nodeName"] != here]
    hosts = [f"{name}.{transcript_set.service_name}" for name in others]
    if hosts:
        seen = servers_at(transcript_set, ordinal, hosts)
        where = Where(pod=transcript_set.pod_name(ordinal), node=here)
        require_equal(hostnames_subject(hosts), seen, others, where=where)
    require_room(transcript_set, pods)
    subject = f"{transcript_set.statefulset_subject}: Pods on other nodes"
    require_count(subject, others, transcript_set.replicas - 1, where=Where(node=here))
