"""1,000 Pods: simulated ones of one StatefulSet, created all at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from headless_conformance.cluster.dns_answer import Answer, Transport
from headless_conformance.cluster.dns_checks import AnswerCheck, must_be
from headless_conformance.cluster.large_set import STATEFULSET_NAME, LargeSet, SizeChange, sample_of
from headless_conformance.cluster.model import Capability
from headless_conformance.core.mismatch import require, require_equal
from suites.scale.conftest import NewLargeSet, ReportChange
from suites.scale.expectations import (
    AT_REST_SECONDS,
    must_be_truncated,
    must_not_be_truncated,
    over,
    require_none,
    require_slices,
)

pytestmark = [pytest.mark.needs(Capability.MANY_PODS), pytest.mark.xdist_group("scale")]

PODS = 1000
FEW = 10
READY_SECONDS = 30.0
"""Budget of 1,000 Pods, Ready and right, on two cores."""


def names_of(size: int) -> set[str]:
    """The names of so many Pods."""
    return {f"{STATEFULSET_NAME}-{ordinal}" for ordinal in range(size)}


@dataclass(frozen=True)
class ThousandPods:
    large_set: LargeSet
    growth: SizeChange
    addresses: dict[str, str]

    def require_service(self, form: str, rdtype: str, check: AnswerCheck) -> None:
        """Every DNS server passes the check for a name made from the Service's."""
        name = form.format(service=self.large_set.pods.service_fqdn)
        self.large_set.dns.require(name, rdtype, check, within=AT_REST_SECONDS)


@pytest.fixture(scope="module")
def thousand(new_large_set: NewLargeSet, seed: int) -> Iterator[ThousandPods]:
    """1,000 Pods, how they came to be, and their addresses."""
    with new_large_set() as large_set:
        growth = large_set.resize(PODS, seed)
        yield ThousandPods(large_set, growth, large_set.addresses())


def test_a_thousand_pods_are_ready_and_right_within_the_budget(
    thousand: ThousandPods, report: ReportChange
) -> None:
    """1,000 Pods MUST be Ready, and their FQDNs right, within 30 s."""
    report(thousand.growth)
    require_equal(f"StatefulSet {STATEFULSET_NAME}: Ready Pods", len(thousand.addresses), PODS)
    settled = thousand.growth.settled
    require(
        settled < READY_SECONDS,
        f"seconds to {PODS} Ready Pods",
        expected=f"less than {READY_SECONDS:.0f}",
        observed=f"{settled:.1f}",
        details=str(thousand.growth),
    )


def test_the_service_fqdn_has_every_address_over_tcp(thousand: ThousandPods) -> None:
    """Over TCP the Service FQDN MUST have all 1,000 addresses, each once, in an answer without TC."""
    whole = must_be(thousand.addresses.values())

    def check(answer: Answer) -> None:
        whole(answer)
        must_not_be_truncated(answer)

    thousand.require_service("{service}", "A", over(Transport.TCP, check))


def test_over_udp_the_answer_is_truncated(thousand: ThousandPods) -> None:
    """Over UDP the answer MUST say that it was truncated (TC), and hold addresses of the Pods only."""
    addresses = set(thousand.addresses.values())
    thousand.require_service(
        "{service}", "A", over(Transport.UDP, lambda answer: must_be_truncated(answer, addresses))
    )


def test_the_srv_records_have_every_pod_over_tcp(thousand: ThousandPods) -> None:
    """Over TCP the port's SRV records MUST name all 1,000 Pods, each once."""
    targets = [f"{name}.{thousand.large_set.pods.service_fqdn} 80" for name in thousand.addresses]
    thousand.require_service("_http._tcp.{service}", "SRV", over(Transport.TCP, must_be(targets)))


def test_each_pod_has_a_fqdn_of_its_own(thousand: ThousandPods, seed: int, names_to_ask: int | None) -> None:
    """Each Pod FQDN MUST resolve to its address and no other."""
    for name in sample_of(thousand.addresses, seed, names_to_ask):
        thousand.large_set.require_pod_fqdn(name, thousand.addresses[name])


def test_there_is_no_pod_beyond_the_last(thousand: ThousandPods) -> None:
    """The Pod FQDN after the last one MUST NOT exist."""
    thousand.large_set.require_no_pod_fqdn(f"{STATEFULSET_NAME}-{PODS}")


def test_slices_hold_each_pod_once_and_at_most_100(thousand: ThousandPods) -> None:
    """The Service's EndpointSlices MUST hold each Pod once, and none more than 100."""
    require_slices(thousand.large_set, thousand.addresses)


def test_the_set_shrinks_and_grows_again(thousand: ThousandPods, report: ReportChange, seed: int) -> None:
    """After a change from 1,000 to 10 and back, slices and DNS MUST have exactly the Pods that there are."""
    large_set = thousand.large_set
    for size in (FEW, PODS):
        report(large_set.resize(size, seed))
        addresses = large_set.addresses()
        require_none(
            f"StatefulSet {STATEFULSET_NAME}: missing or foreign Pods", addresses.keys() ^ names_of(size)
        )
        thousand.require_service("{service}", "A", over(Transport.TCP, must_be(addresses.values())))
        require_slices(large_set, addresses)
