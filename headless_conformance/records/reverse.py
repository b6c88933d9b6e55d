"""What the specification says about the reverse names of addresses (2.3.3 and 2.4.3).

An address can belong to several Services: then its PTR set has a record for each. The specification names the
records of cluster IPs and of endpoints of headless Services; endpoints of ordinary Services may have names
and PTR records too (R20).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from headless_conformance.records.endpoints import family_of
from headless_conformance.records.expectation import (
    Expectation,
    OpenTargets,
    Presence,
    Question,
    Record,
    ServerLabelledRecords,
)
from headless_conformance.records.names import reverse_name
from headless_conformance.records.objects import ServiceKind
from headless_conformance.records.services import EndpointAddress, ServiceNames

ENDPOINT_RULE = {"IPv4": "R17", "IPv6": "R18"}


@dataclass
class _Pointers:
    """What is known of the PTR set of one address."""

    records: set[Record] = field(default_factory=set)
    permitted: set[Record] = field(default_factory=set)
    assigned: dict[str, ServerLabelledRecords] = field(default_factory=dict)
    """By the name of the Service."""
    rules: set[str] = field(default_factory=set)
    subjects: set[str] = field(default_factory=set)

    def assign(self, found: ServerLabelledRecords) -> None:
        """Keep the stronger of two statements about one Service."""
        known = self.assigned.get(found.below)
        if known is None or known.least < found.least:
            self.assigned[found.below] = found


def reverse_expectations(
    names: Iterable[ServiceNames], open_targets: OpenTargets | None
) -> Iterator[Expectation]:
    """One for each address that a Service or an EndpointSlice has."""
    found: dict[str, _Pointers] = {}
    for service in names:
        for address in service.service.cluster_ips:
            pointers = found.setdefault(address, _Pointers())
            pointers.records.add(Record("PTR", service.name))
            pointers.rules.add("R7")
            pointers.subjects.add(service.service.key)
        for entry in service.entries if service.service.kind is not ServiceKind.EXTERNAL_NAME else ():
            pointers = found.setdefault(entry.address, _Pointers())
            pointers.subjects.add(service.service.key)
            if entry.ready:
                _add_endpoint(pointers, service, entry)
    for address, pointers in found.items():
        yield _expectation(address, pointers, open_targets)


def _add_endpoint(pointers: _Pointers, service: ServiceNames, entry: EndpointAddress) -> None:
    if service.service.kind is not ServiceKind.HEADLESS:
        pointers.assign(ServerLabelledRecords("PTR", service.name, 0, None))
        return
    pointers.rules.add(ENDPOINT_RULE[entry.family])
    if entry.hostname:
        record = Record("PTR", f"{entry.hostname}.{service.name}")
        (pointers.records if entry.first else pointers.permitted).add(record)
    else:
        least = int(service.must_be_named(entry))
        pointers.assign(ServerLabelledRecords("PTR", service.name, least, 1, taken=service.hostnames))


def _expectation(address: str, pointers: _Pointers, open_targets: OpenTargets | None) -> Expectation:
    demanded = bool(pointers.records) or any(assigned.least for assigned in pointers.assigned.values())
    if demanded:
        presence, rules = Presence.DEMANDED, tuple(sorted(pointers.rules))
    elif pointers.permitted or pointers.assigned:
        presence, rules = Presence.LEFT_OPEN, ("R20",)
    else:
        presence, rules = Presence.FORBIDDEN, ("R2", ENDPOINT_RULE[family_of(address)])
    return Expectation(
        Question(reverse_name(address), "PTR"),
        presence,
        rules,
        records=frozenset(pointers.records),
        permitted=frozenset(pointers.permitted - pointers.records),
        assigned=tuple(pointers.assigned[name] for name in sorted(pointers.assigned)),
        open_targets=open_targets,
        subjects=frozenset(pointers.subjects),
    )
