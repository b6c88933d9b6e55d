"""What the scale tests hold answers and slices against."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

import dns.flags

from headless_conformance.cluster.dns_client import Answer, Check, Transport
from headless_conformance.cluster.large_set import LargeSet
from headless_conformance.cluster.waiting import eventually

AT_REST_SECONDS = 60.0
"""Bound on what already holds: three looks at answers of 1,000 records take seconds on a busy machine."""
SLICE_LIMIT = 100
"""Endpoints per slice, unless the controller manager is told otherwise."""


def over(transport: Transport, check: Check) -> Check:
    """The check for answers over one transport; what comes over the other one is another test's."""
    return lambda answer: check(answer) if answer.transport is transport else None


def cut(answer: Answer) -> bool:
    """Whether the answer says that it was cut (TC)."""
    return bool(answer.message and answer.message.flags & dns.flags.TC)


def must_be_cut(answer: Answer, addresses: Collection[str]) -> None:
    """NOERROR, TC, at least one address, and none that is not a member's, each once."""
    values = answer.values()
    assert answer.rcode == "NOERROR", f"expected a cut answer, came {answer}"
    assert cut(answer), (
        f"expected TC with {len(addresses)} members, came {len(values)} addresses without it: {answer}"
    )
    assert values, f"expected some of {len(addresses)} addresses, came {answer}"
    foreign = set(values) - set(addresses)
    assert not foreign, f"not members' addresses: {sorted(foreign)[:5]} in {answer}"
    assert len(set(values)) == len(values), f"expected each address once, came {answer}"


def require_slices(large_set: LargeSet, addresses: Mapping[str, str]) -> None:
    """The Service's slices hold exactly these members, each once, and at most 100 each."""

    def check() -> None:
        slices = large_set.members.slices()
        sizes = {item["metadata"]["name"]: len(item.get("endpoints") or []) for item in slices}
        assert max(sizes.values()) <= SLICE_LIMIT, (
            f"expected at most {SLICE_LIMIT} endpoints per slice, came {sizes}"
        )
        found = Counter(
            (endpoint["targetRef"]["name"], address)
            for item in slices
            for endpoint in item.get("endpoints") or []
            for address in endpoint["addresses"]
        )
        twice = [pair for pair, count in found.items() if count > 1]
        assert not twice, f"in slices more than once: {twice[:5]}"
        missing, foreign = addresses.items() - found.keys(), found.keys() - addresses.items()
        assert not missing, f"{len(missing)} members in no slice: {sorted(missing)[:5]}"
        assert not foreign, f"{len(foreign)} endpoints that are no members: {sorted(foreign)[:5]}"

    eventually(check, expecting=f"slices of {len(addresses)} members", within=AT_REST_SECONDS)
