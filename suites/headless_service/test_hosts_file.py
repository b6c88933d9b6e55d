"""The document's `cat /etc/hosts` in the first Pod, and the same in the others."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from headless_conformance.cluster.dns_checks import must_be
from headless_conformance.cluster.dns_client import Dns
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.inside_pod import hosts_file, hosts_subject, pod_place, run_in_pod
from headless_conformance.cluster.transcripts import first_line, require_line
from headless_conformance.core.mismatch import require_equal
from suites.headless_service.parameters import KUBELET

pytestmark = KUBELET

OWN_LINE = "{address} {pod_fqdn} {pod_name}"


@pytest.mark.requirement("SEED-ETH-01")
def test_the_hosts_file_is_managed_by_kubernetes(any_set: HeadlessSet, ordinals: Sequence[int]) -> None:
    """The first line of a Pod's hosts file MUST say that Kubernetes manages it."""
    any_set.require_hosts_file_of_kubelet()
    for ordinal in ordinals:
        hosts = hosts_file(any_set, ordinal)
        subject = f"{hosts_subject(any_set, ordinal)}: line 1"
        require_equal(subject, first_line(hosts), "# Kubernetes-managed hosts file.", details=hosts)


LINES = [
    pytest.param("127.0.0.1 localhost", marks=pytest.mark.requirement("SEED-ETH-02")),
    pytest.param("::1 localhost ip6-localhost ip6-loopback", marks=pytest.mark.requirement("SEED-ETH-03")),
    pytest.param("fe00::0 ip6-localnet", marks=pytest.mark.requirement("SEED-ETH-04")),
    pytest.param("fe00::0 ip6-mcastprefix", marks=pytest.mark.requirement("SEED-ETH-05")),
    pytest.param("fe00::1 ip6-allnodes", marks=pytest.mark.requirement("SEED-ETH-06")),
    pytest.param("fe00::2 ip6-allrouters", marks=pytest.mark.requirement("SEED-ETH-07")),
]


@pytest.mark.parametrize("line", LINES, ids=lambda text: text.split()[-1])
def test_the_hosts_file_has_the_documented_line(
    any_set: HeadlessSet, line: str, ordinals: Sequence[int]
) -> None:
    """A Pod's hosts file MUST have each of the documented lines about loopback and multicast names once."""
    any_set.require_hosts_file_of_kubelet()
    for ordinal in ordinals:
        require_line(hosts_subject(any_set, ordinal), line, hosts_file(any_set, ordinal))


@pytest.mark.requirement("SEED-ETH-08")
def test_the_last_line_is_the_pods_own(any_set: HeadlessSet, dns: Dns, ordinals: Sequence[int]) -> None:
    """A Pod's hosts file MUST end with its address, Pod FQDN and name,
    a line for each address, as DNS has them."""
    any_set.require_hosts_file_of_kubelet()
    any_set.require_no_lines_of_others()
    for ordinal in ordinals:
        addresses = any_set.pod_ips(ordinal)
        lines = hosts_file(any_set, ordinal).splitlines()[-len(addresses) :]
        subject = f"{hosts_subject(any_set, ordinal)}: last lines"
        names = {"pod_fqdn": any_set.pod_fqdn(ordinal).rstrip("."), "pod_name": any_set.pod_name(ordinal)}
        for number, address in enumerate(addresses):
            require_line(subject, OWN_LINE, "\n".join(lines[number : number + 1]), address=address, **names)
        dns.require(any_set.pod_fqdn(ordinal), "A", must_be([any_set.pod_ip(ordinal)]))


@pytest.mark.requirement("SEED-ETH-09")
def test_a_pod_knows_its_fqdn(any_set: HeadlessSet, ordinals: Sequence[int]) -> None:
    """The canonical name that a Pod finds for its own hostname MUST be its Pod FQDN."""
    any_set.require_hosts_file_of_kubelet()
    for ordinal in ordinals:
        # What `hostname --fqdn` does, with tools that every image with a C library has.
        result = run_in_pod(any_set, ordinal, "sh", "-c", 'getent ahosts "$(uname -n)"')
        canonical = [line.split()[2] for line in result.stdout.splitlines() if len(line.split()) > 2]
        require_equal(
            f"getaddrinfo {any_set.pod_name(ordinal)}: canonical names",
            canonical,
            [any_set.pod_fqdn(ordinal).rstrip(".")],
            where=pod_place(any_set, ordinal),
            details=result.transcript(),
        )
