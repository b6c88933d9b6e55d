"""The same addresses in describe, the hosts files and both lookups: one coherent picture."""

from __future__ import annotations

import ipaddress

import pytest

from headless_conformance.cluster.clients import Range
from headless_conformance.cluster.dns_client import Dns, must_be
from headless_conformance.cluster.headless_set import HeadlessSet, address
from headless_conformance.cluster.members import addresses_by_name, hosts_file
from headless_conformance.cluster.model import Capability
from headless_conformance.cluster.transcripts import endpoints
from headless_conformance.cluster.waiting import eventually
from suites.headless_service.parameters import ORDINALS
from suites.headless_service.sql import hostnames_seen_by


@pytest.mark.requirement("SEED-XC-01")
def test_slices_describe_and_dns_know_the_same_addresses(transcript_set: HeadlessSet, dns: Dns) -> None:
    """Pod status, EndpointSlices, `kubectl describe` and DNS MUST have one set of three addresses."""

    def check() -> list[str]:
        ran = transcript_set.describe_service()
        assert ran.status == 0, ran.transcript()
        listed = sorted({endpoint.rpartition(":")[0] for endpoint in endpoints(ran.stdout)})
        addresses = sorted(transcript_set.addresses())
        assert len(set(addresses)) == transcript_set.replicas, (
            f"addresses of the Ready members: {addresses}, expected {transcript_set.replicas}"
        )
        slices = transcript_set.ready_endpoints()
        assert slices == addresses, f"EndpointSlices have {slices}, pod status {addresses}"
        assert listed == addresses, f"kubectl describe has {listed}, pod status {addresses}"
        return addresses

    addresses = eventually(check, expecting="slices and describe to agree with pod status")
    dns.require(transcript_set.domain, "A", must_be(addresses))


@pytest.mark.requirement("SEED-XC-01")
def test_slices_know_each_member_by_its_name_and_address(transcript_set: HeadlessSet) -> None:
    """EndpointSlices MUST have each member's address under its hostname and its Pod, and no other."""

    def check() -> None:
        members = sorted(
            (pod["metadata"]["name"], pod["metadata"]["name"], address(pod)) for pod in transcript_set.pods()
        )
        known = transcript_set.known_members()
        assert known == members, (
            f"EndpointSlices have hostnames, pods and addresses {known}, the members are {members}"
        )

    eventually(check, expecting="slices to know each member")


@pytest.mark.requirement("SEED-XC-01")
@pytest.mark.needs(Capability.KUBELET)
@ORDINALS
def test_a_members_hosts_file_and_its_dns_name_agree(
    transcript_set: HeadlessSet, dns: Dns, ordinal: int
) -> None:
    """A member's hosts file MUST have its addresses, DNS' one first, under its names, and no wrong one of another member."""
    hosts = addresses_by_name(hosts_file(transcript_set, ordinal))
    for other in transcript_set.ordinals:
        addresses = transcript_set.pod_addresses(other)
        for name in (transcript_set.pod_fqdn(other).rstrip("."), transcript_set.member(other)):
            allowed = [addresses] if other == ordinal else [addresses, []]
            seen = hosts.get(name, [])
            assert seen in allowed, (
                f"expected {addresses} for {name} in {transcript_set.member(ordinal)}'s hosts file, came {seen}"
            )
    dns.require(transcript_set.pod_fqdn(ordinal), "A", must_be(transcript_set.pod_addresses(ordinal)[:1]))


@pytest.mark.requirement("SEED-XC-02")
@pytest.mark.needs(Capability.SEVERAL_NODES)
def test_members_run_on_different_nodes_with_addresses_of_their_nodes(
    transcript_set: HeadlessSet, node_ranges: dict[str, list[Range]]
) -> None:
    """The three members MUST be on three nodes, each with an address out of its node's range; their order is not promised."""
    nodes = [pod["spec"]["nodeName"] for pod in transcript_set.pods()]
    assert len(set(nodes)) == transcript_set.replicas, f"members are on {nodes}, expected three nodes"
    for pod in transcript_set.pods():
        own = ipaddress.ip_address(address(pod))
        node = pod["spec"]["nodeName"]
        ranges = ", ".join(map(str, node_ranges[node]))
        assert any(own in found for found in node_ranges[node]), (
            f"expected an address of node {node}, out of {ranges}, came {own}"
        )


@pytest.mark.requirement("SEED-XC-02")
@pytest.mark.needs(Capability.KUBELET, Capability.SEVERAL_NODES, Capability.SQL)
@ORDINALS
def test_a_member_reaches_the_members_on_other_nodes_by_name(
    transcript_set: HeadlessSet, ordinal: int
) -> None:
    """A member MUST reach the members that run on other nodes under their names."""
    here = transcript_set.pod(ordinal)["spec"]["nodeName"]
    others = [pod["metadata"]["name"] for pod in transcript_set.pods() if pod["spec"]["nodeName"] != here]
    assert len(others) == transcript_set.replicas - 1, (
        f"on other nodes than {here}: {others}, expected {transcript_set.replicas - 1} members"
    )
    hosts = [f"{member}.{transcript_set.service}" for member in others]
    seen = hostnames_seen_by(transcript_set, ordinal, hosts)
    assert seen == others, f"from {transcript_set.member(ordinal)}, {hosts} lead to {seen}, expected {others}"
