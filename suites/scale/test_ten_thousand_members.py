"""10,000 members: simulated pods of one StatefulSet. More than a DNS message of 65,535 bytes can hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from headless_conformance.cluster.dns_client import Transport
from headless_conformance.cluster.large_set import STATEFULSET, Change, LargeSet, choose, usage
from headless_conformance.cluster.model import Capability
from suites.scale.conftest import Costs, NewLargeSet, Report
from suites.scale.expectations import AT_REST_SECONDS, must_be_cut, over, require_slices

pytestmark = [pytest.mark.needs(Capability.MANY_PODS), pytest.mark.xdist_group("scale")]

STEPS = (10, 100, 1_000, 10_000)
MEMBERS = STEPS[-1]
READY_SECONDS = 300.0
"""Budget of 10,000 members, Ready and right, on two cores."""
MEMORY_BYTES = 6 * 2**30
"""Budget of all components together."""


@dataclass(frozen=True)
class TenThousand:
    large_set: LargeSet
    steps: tuple[Change, ...]
    idle: int
    """Bytes that the components held before the first member."""
    addresses: dict[str, str]


@pytest.fixture(scope="module")
def ten_thousand(new_large_set: NewLargeSet, seed: int) -> Iterator[TenThousand]:
    """A crowd of 10,000, grown in four steps, and its members' addresses."""
    idle = usage().memory
    with new_large_set() as large_set:
        steps = tuple(large_set.resize(size, seed) for size in STEPS)
        yield TenThousand(large_set, steps, idle, large_set.addresses())


def test_ten_thousand_members_are_ready_and_right_within_the_budget(
    ten_thousand: TenThousand, report: Report, report_costs: Costs
) -> None:
    """10,000 members MUST be Ready, and their names right, within 5 min, and all components keep below 6 GiB."""
    for step in ten_thousand.steps:
        report(step)
    report_costs(ten_thousand.idle, ten_thousand.steps)
    assert len(ten_thousand.addresses) == MEMBERS
    assert sum(step.settled for step in ten_thousand.steps) < READY_SECONDS
    assert ten_thousand.steps[-1].memory < MEMORY_BYTES


@pytest.mark.parametrize("transport", list(Transport))
def test_the_service_name_says_that_its_answer_was_cut(
    ten_thousand: TenThousand, transport: Transport
) -> None:
    """No message can hold 10,000 addresses: the answer MUST say that it was cut, over TCP too, and hold members' only."""
    addresses = set(ten_thousand.addresses.values())
    large_set = ten_thousand.large_set
    check = over(transport, lambda answer: must_be_cut(answer, addresses))
    large_set.dns.require(large_set.members.domain, "A", check, within=AT_REST_SECONDS)


def test_slices_hold_each_member_once_and_at_most_100(ten_thousand: TenThousand) -> None:
    """The Service's EndpointSlices MUST hold each member once, and none more than 100."""
    require_slices(ten_thousand.large_set, ten_thousand.addresses)


def test_each_member_has_a_name_of_its_own(
    ten_thousand: TenThousand, seed: int, names_to_ask: int | None
) -> None:
    """Each member's name MUST resolve to its address and no other."""
    for name in choose(ten_thousand.addresses, seed, names_to_ask):
        ten_thousand.large_set.require_member(name, ten_thousand.addresses[name])


def test_there_is_no_member_beyond_the_last(ten_thousand: TenThousand) -> None:
    """The name after the last member's MUST not exist."""
    ten_thousand.large_set.require_no_member(f"{STATEFULSET}-{MEMBERS}")
