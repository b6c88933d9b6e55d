"""10,000 Pods: simulated ones of one StatefulSet. More than a DNS message of 65,535 bytes can hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from headless_conformance.cluster.dns_answer import Transport
from headless_conformance.cluster.large_set import STATEFULSET_NAME, LargeSet, SizeChange, sample_of, usage
from headless_conformance.cluster.model import Capability
from headless_conformance.core.mismatch import require, require_equal
from suites.scale.conftest import Costs, NewLargeSet, ReportChange
from suites.scale.expectations import AT_REST_SECONDS, must_be_truncated, over, require_slices

pytestmark = [pytest.mark.needs(Capability.MANY_PODS), pytest.mark.xdist_group("scale")]

STEPS = (10, 100, 1_000, 10_000)
PODS = STEPS[-1]
READY_SECONDS = 300.0
"""Budget of 10,000 Pods, Ready and right, on two cores."""
MEMORY_BYTES = 6 * 2**30
"""Budget of all components together."""


@dataclass(frozen=True)
class TenThousandPods:
    large_set: LargeSet
    steps: tuple[SizeChange, ...]
    idle: int
    """Bytes that the components held before the first Pod."""
    addresses: dict[str, str]


@pytest.fixture(scope="module")
def ten_thousand(new_large_set: NewLargeSet, seed: int) -> Iterator[TenThousandPods]:
    """10,000 Pods, created in four steps, and their addresses."""
    idle = usage().memory
    with new_large_set() as large_set:
        steps = tuple(large_set.resize(size, seed) for size in STEPS)
        yield TenThousandPods(large_set, steps, idle, large_set.addresses())


def test_ten_thousand_pods_are_ready_and_right_within_the_budget(
    ten_thousand: TenThousandPods, report: ReportChange, report_costs: Costs
) -> None:
    """10,000 Pods MUST be Ready, and their FQDNs right, within 5 min, and all components keep below 6 GiB."""
    for step in ten_thousand.steps:
        report(step)
    report_costs(ten_thousand.idle, ten_thousand.steps)
    require_equal(f"StatefulSet {STATEFULSET_NAME}: Ready Pods", len(ten_thousand.addresses), PODS)
    settled = sum(step.settled for step in ten_thousand.steps)
    subject, bound = f"seconds to {PODS} Ready Pods", f"less than {READY_SECONDS:.0f}"
    require(settled < READY_SECONDS, subject, expected=bound, observed=f"{settled:.1f}")
    memory, bound = ten_thousand.steps[-1].memory, f"less than {MEMORY_BYTES}"
    require(memory < MEMORY_BYTES, "bytes of all components", expected=bound, observed=memory)


@pytest.mark.parametrize("transport", list(Transport))
def test_the_answer_for_the_service_fqdn_is_truncated(
    ten_thousand: TenThousandPods, transport: Transport
) -> None:
    """No message can hold 10,000 addresses: the answer MUST be truncated,
    over TCP too, and hold those of Pods only."""
    addresses = set(ten_thousand.addresses.values())
    large_set = ten_thousand.large_set
    check = over(transport, lambda answer: must_be_truncated(answer, addresses))
    large_set.dns.require(large_set.pods.service_fqdn, "A", check, within=AT_REST_SECONDS)


def test_slices_hold_each_pod_once_and_at_most_100(ten_thousand: TenThousandPods) -> None:
    """The Service's EndpointSlices MUST hold each Pod once, and none more than 100."""
    require_slices(ten_thousand.large_set, ten_thousand.addresses)


def test_each_pod_has_a_fqdn_of_its_own(
    ten_thousand: TenThousandPods, seed: int, names_to_ask: int | None
) -> None:
    """Each Pod FQDN MUST resolve to its address and no other."""
    for name in sample_of(ten_thousand.addresses, seed, names_to_ask):
        ten_thousand.large_set.require_pod_fqdn(name, ten_thousand.addresses[name])


def test_there_is_no_pod_beyond_the_last(ten_thousand: TenThousandPods) -> None:
    """The Pod FQDN after the last one MUST NOT exist."""
    ten_thousand.large_set.require_no_pod_fqdn(f"{STATEFULSET_NAME}-{PODS}")
