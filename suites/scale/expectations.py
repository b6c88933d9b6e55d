"""What the scale tests hold answers and slices against."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

import dns.flags

from headless_conformance.cluster.dns_answer import Answer, Transport
from headless_conformance.cluster.dns_checks import AnswerCheck
from headless_conformance.cluster.large_set import LargeSet
from headless_conformance.cluster.waiting import eventually
from headless_conformance.core.mismatch import items_of, require

AT_REST_SECONDS = 60.0
"""Bound on what already holds: three looks at answers of 1,000 records take seconds on a busy machine."""
SLICE_LIMIT = 100
"""Endpoints per slice, unless the controller manager is told otherwise."""
SHOWN = 5
"""How many of the items that differ a mismatch shows."""


def over(transport: Transport, check: AnswerCheck) -> AnswerCheck:
    """The check for answers over one transport; what comes over the other one is another test's."""
    return lambda answer: check(answer) if answer.transport is transport else None


def is_truncated(answer: Answer) -> bool:
    """Whether the answer says that it was truncated (TC)."""
    return bool(answer.message and answer.message.flags & dns.flags.TC)


def must_not_be_truncated(answer: Answer) -> None:
    """The answer does not have the flag TC."""
    if is_truncated(answer):
        raise answer.mismatch("no flag TC", "flag TC")


def must_be_truncated(answer: Answer, addresses: Collection[str]) -> None:
    """NOERROR, TC, at least one address, and none that is not a Pod's, each once."""
    values = answer.values()
    some = f"some of {len(addresses)} records, flag TC"
    if answer.rcode != "NOERROR" or not values or not is_truncated(answer):
        flag = "flag TC" if is_truncated(answer) else "no flag TC"
        raise answer.mismatch(some, f"{answer.rcode}, {len(values)} records, {flag}")
    foreign = sorted(set(values) - set(addresses))
    if foreign:
        raise answer.mismatch(some, f"{len(foreign)} other records: {items_of(foreign[:SHOWN])}")
    twice = [value for value, count in Counter(values).items() if count > 1]
    if twice:
        raise answer.mismatch(some, f"{len(twice)} records more than once: {items_of(twice[:SHOWN])}")


def require_none(subject: str, items: Collection[object]) -> None:
    """There are none of these items; a mismatch shows some of them."""
    observed = f"{len(items)}: {items_of(list(items)[:SHOWN])}"
    require(not items, subject, expected="none", observed=observed)


def require_slices(large_set: LargeSet, addresses: Mapping[str, str]) -> None:
    """The Service's slices hold exactly these Pods, each once, and at most 100 each."""
    subject = large_set.pods.slices_subject

    def check() -> None:
        slices = large_set.pods.endpoint_slices()
        longest = max(len(item.get("endpoints") or []) for item in slices)
        expected = f"at most {SLICE_LIMIT}"
        require(
            longest <= SLICE_LIMIT, f"{subject}: endpoints per slice", expected=expected, observed=longest
        )
        found = Counter(
            (endpoint["targetRef"]["name"], address)
            for item in slices
            for endpoint in item.get("endpoints") or []
            for address in endpoint["addresses"]
        )
        twice = [pair for pair, count in found.items() if count > 1]
        require_none(f"{subject}: repeated endpoints", twice)
        require_none(f"{subject}: missing Pods", addresses.items() - found.keys())
        require_none(f"{subject}: foreign endpoints", found.keys() - addresses.items())

    eventually(check, expecting=f"slices of {len(addresses)} Pods", within=AT_REST_SECONDS)
