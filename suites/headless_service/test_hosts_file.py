"""The document's `cat /etc/hosts` in the first member, and the same in the others."""

from __future__ import annotations

import pytest

from headless_conformance.cluster.dns_client import Dns, must_be
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.members import hosts_file
from headless_conformance.cluster.model import Capability
from headless_conformance.cluster.transcripts import first_line, require_line
from suites.headless_service.parameters import ORDINALS

pytestmark = pytest.mark.needs(Capability.KUBELET)

OWN_LINE = "{address} {member}.{service_domain} {member}"


@pytest.mark.requirement("SEED-ETH-01")
@ORDINALS
def test_the_hosts_file_says_that_kubernetes_keeps_it(transcript_set: HeadlessSet, ordinal: int) -> None:
    """The first line of a pod's hosts file MUST say that Kubernetes manages it."""
    first = first_line(hosts_file(transcript_set, ordinal))
    wanted = "# Kubernetes-managed hosts file."
    assert first == wanted, f"expected the first line {wanted!r}, came {first!r}"


LINES = [
    pytest.param("127.0.0.1 localhost", marks=pytest.mark.requirement("SEED-ETH-02")),
    pytest.param("::1 localhost ip6-localhost ip6-loopback", marks=pytest.mark.requirement("SEED-ETH-03")),
    pytest.param("fe00::0 ip6-localnet", marks=pytest.mark.requirement("SEED-ETH-04")),
    pytest.param("fe00::0 ip6-mcastprefix", marks=pytest.mark.requirement("SEED-ETH-05")),
    pytest.param("fe00::1 ip6-allnodes", marks=pytest.mark.requirement("SEED-ETH-06")),
    pytest.param("fe00::2 ip6-allrouters", marks=pytest.mark.requirement("SEED-ETH-07")),
]


@ORDINALS
@pytest.mark.parametrize("line", LINES, ids=lambda text: text.split()[-1])
def test_the_hosts_file_has_the_documented_line(transcript_set: HeadlessSet, line: str, ordinal: int) -> None:
    """A pod's hosts file MUST have each of the documented lines about the loopback and multicast names once."""
    require_line(line, hosts_file(transcript_set, ordinal))


@pytest.mark.requirement("SEED-ETH-08")
@ORDINALS
def test_the_last_line_is_the_members_own(transcript_set: HeadlessSet, dns: Dns, ordinal: int) -> None:
    """A member's hosts file MUST end with its address, full DNS name and short name, a line each, as DNS has them."""
    addresses = transcript_set.pod_addresses(ordinal)
    lines = hosts_file(transcript_set, ordinal).splitlines()[-len(addresses) :]
    words = {"member": transcript_set.member(ordinal), "service_domain": transcript_set.domain.rstrip(".")}
    for number, address in enumerate(addresses):
        require_line(OWN_LINE, "\n".join(lines[number : number + 1]), address=address, **words)
    dns.require(transcript_set.pod_fqdn(ordinal), "A", must_be(addresses[:1]))


@pytest.mark.requirement("SEED-ETH-09")
@ORDINALS
def test_a_member_knows_its_full_name(transcript_set: HeadlessSet, ordinal: int) -> None:
    """The canonical name that a member finds for its own hostname MUST be its full DNS name."""
    # What `hostname --fqdn` does, with tools that every image with a C library has.
    script = 'getent ahosts "$(uname -n)"'
    ran = transcript_set.kube.execute(
        transcript_set.namespace, transcript_set.member(ordinal), "sh", "-c", script
    )
    canonical = [line.split()[2] for line in ran.stdout.splitlines() if len(line.split()) > 2]
    wanted = transcript_set.pod_fqdn(ordinal).rstrip(".")
    assert canonical == [wanted], f"expected the full name {wanted}, came {canonical}\n{ran.transcript()}"
