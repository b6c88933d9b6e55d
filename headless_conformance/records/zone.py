"""The records that a DNS server of the cluster must, must not and may have: computed from Services and
EndpointSlices.

A zone answers `expectation(question)` for any question. It also lists the questions that it can tell
beforehand, which are all but two kinds: names that mean an object that is not there, and labels that the
server chooses for endpoints without hostname. The first are forbidden: a name of one of the specification's
forms would state that the object exists.

Names of other forms are left open, among them `_<proto>.<service>.<ns>.svc.<zone>`, of which the
specification says nothing: by RFC 8020 it exists when a name below it does, and CoreDNS says NXDOMAIN.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from headless_conformance.records.expectation import (
    Denial,
    Expectation,
    OpenTargets,
    Presence,
    Question,
)
from headless_conformance.records.names import ClusterDomain, NameParts, address_of, is_reverse
from headless_conformance.records.objects import (
    EndpointSlice,
    ReadOnlyObject,
    ServiceKind,
    read_service,
    read_slice,
)
from headless_conformance.records.reverse import ENDPOINT_RULE, reverse_expectations
from headless_conformance.records.services import RECORD_TYPE, ServiceNames


@dataclass(frozen=True)
class Zone:
    """What the specification says about the names of some Services, and of all addresses that they have."""

    domain: ClusterDomain
    services: Mapping[str, ServiceNames]
    """By `namespace/name`."""
    namespaces: frozenset[str] | None
    """The namespaces whose objects are all known; None when it is the whole cluster."""
    without_service: frozenset[tuple[str, str]] = frozenset()
    """Ready endpoints that no Service of the specification has: `namespace/name` of the Service that their
    EndpointSlice names, which does not exist or is an ExternalName, and address."""

    @cached_property
    def expectations(self) -> Mapping[Question, Expectation]:
        """For every question that can be told beforehand."""
        found: dict[Question, Expectation] = {}
        open_targets = (
            OpenTargets(self.domain, self.namespaces, outside=False) if self.namespaces is not None else None
        )
        names = self.services.values()
        told = [expectation for service in names for expectation in service.expectations()]
        for expectation in [*told, *reverse_expectations(names, open_targets)]:
            found[expectation.question] = self._beside_others(expectation)
        return found

    def of(self, namespace: str, service: str = "") -> tuple[Expectation, ...]:
        """Those about one Service, or about all of a namespace."""
        key = f"{namespace}/{service}"
        keys = [key] if service else [found for found in self._by_service if found.startswith(key)]
        told = {
            expectation.question: expectation
            for found in keys
            for expectation in self._by_service.get(found, ())
        }
        return tuple(told.values())

    @cached_property
    def _by_service(self) -> Mapping[str, Sequence[Expectation]]:
        grouped: dict[str, list[Expectation]] = {}
        for expectation in self.expectations.values():
            for key in expectation.subjects:
                grouped.setdefault(key, []).append(expectation)
        return grouped

    def expectation(self, question: Question) -> Expectation:
        """What must come for any question."""
        if found := self.expectations.get(question):
            return found
        if is_reverse(question.name):
            return self._of_other_address(question)
        parsed = self.domain.parse(question.name)
        if parsed is None or not self.knows(parsed.namespace):
            return _left_open(question)
        service = self.services.get(f"{parsed.namespace}/{parsed.service}")
        if service is None:
            return self._of_absent_service(question, parsed)
        return self._of_other_name(question, parsed, service)

    def knows(self, namespace: str) -> bool:
        """Whether all Services and EndpointSlices of a namespace are known."""
        return self.namespaces is None or namespace in self.namespaces

    def _beside_others(self, expectation: Expectation) -> Expectation:
        """Reverse zones are not the cluster's alone: where it has no name for an address, somebody else
        may have one."""
        reverse = is_reverse(expectation.question.name)
        if reverse and expectation.presence is not Presence.DEMANDED:
            return replace(expectation, open_targets=OpenTargets(self.domain, self.namespaces, outside=True))
        return expectation

    def _of_other_address(self, question: Question) -> Expectation:
        address = address_of(question.name)
        if address is None or question.rdtype != "PTR":
            return _left_open(question)
        rules = ("R7", ENDPOINT_RULE["IPv6" if ":" in address else "IPv4"])
        return self._beside_others(Expectation(question, Presence.FORBIDDEN, rules))

    def _of_absent_service(self, question: Question, parsed: NameParts) -> Expectation:
        if has_form(parsed):
            return _absent(question, ("R5", "R8"))
        return _left_open(question)

    def _of_other_name(self, question: Question, parsed: NameParts, service: ServiceNames) -> Expectation:
        """A name of a Service that exists, with a type or with labels that are not listed."""
        kind = service.service.kind
        if not has_form(parsed) or kind is ServiceKind.PENDING:
            return _left_open(question)
        if service.denies_all:
            return _absent(question, ("R9",))
        if not parsed.labels:
            if kind is ServiceKind.EXTERNAL_NAME:
                return replace(service.alias(question.rdtype), question=question)
            return _left_open(question)
        if len(parsed.labels) == 2:
            return self._of_other_port(question, service)
        if kind is ServiceKind.EXTERNAL_NAME:
            return _absent(question, ("R19",))
        if kind is ServiceKind.CLUSTER_IP:
            return _left_open(question)
        told = service.label(parsed.labels[0], "A")
        if question.rdtype in RECORD_TYPE.values():
            return service.label(parsed.labels[0], question.rdtype)
        return _absent(question, told.rules) if told.denial is Denial.NXDOMAIN else _left_open(question)

    def _of_other_port(self, question: Question, service: ServiceNames) -> Expectation:
        """`_port._proto` of a Service: other types of a port that it has are open, and no other port
        exists."""
        listed = self.expectations.get(Question(question.name, "SRV"))
        if service.service.kind is ServiceKind.EXTERNAL_NAME or (
            listed and listed.presence is not Presence.FORBIDDEN
        ):
            return _left_open(question)
        rules = (
            listed.rules
            if listed
            else (("R6",) if service.service.kind is ServiceKind.CLUSTER_IP else ("R14",))
        )
        return _absent(question, rules)


def zone_of(
    services: Iterable[ReadOnlyObject],
    slices: Iterable[ReadOnlyObject],
    *,
    domain: str,
    namespaces: Collection[str] | None = None,
) -> Zone:
    """The zone of these Services and of the EndpointSlices that are there.

    `namespaces` names those of which all Services and EndpointSlices are given; without it, the whole
    cluster's are. Names in any other namespace are left open then, and so are PTR records that point there.
    """
    cluster_domain = ClusterDomain.of(domain)
    by_service: dict[str, list[EndpointSlice]] = {}
    for found in map(read_slice, slices):
        by_service.setdefault(found.service_key, []).append(found)
    names = (
        ServiceNames(cluster_domain, service, tuple(by_service.get(service.key, ())))
        for service in map(read_service, services)
    )
    by_key = {found.service.key: found for found in names}
    serving = {key for key, found in by_key.items() if found.service.kind is not ServiceKind.EXTERNAL_NAME}
    without_service = frozenset(
        (key, address)
        for key, found in by_service.items()
        if key not in serving
        for listed in found
        for endpoint in listed.endpoints
        if endpoint.ready
        for address in endpoint.addresses
    )
    seen = None if namespaces is None else frozenset(namespaces)
    return Zone(cluster_domain, by_key, seen, without_service)


def has_form(parsed: NameParts) -> bool:
    """Whether a name has one of the specification's forms: a Service, an endpoint of it, or a port of it."""
    match parsed.labels:
        case ():
            return True
        case (label,):
            return not label.startswith("_")
        case (port, protocol):
            return port.startswith("_") and protocol.startswith("_")
    return False


def _left_open(question: Question) -> Expectation:
    return Expectation(question, Presence.LEFT_OPEN, ("R20",), bounded=False)


def _absent(question: Question, rules: tuple[str, ...]) -> Expectation:
    return Expectation(question, Presence.FORBIDDEN, rules, denial=Denial.NXDOMAIN)
