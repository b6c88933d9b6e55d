"""What the specification says about the names of one Service (2.3, 2.4 and 2.5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from headless_conformance.records.endpoints import family_of
from headless_conformance.records.expectation import (
    Denial,
    Expectation,
    Presence,
    Question,
    Record,
    ServerLabelledRecords,
)
from headless_conformance.records.names import ClusterDomain, canonical, fits
from headless_conformance.records.objects import EndpointPort, EndpointSlice, Service, ServiceKind

RECORD_TYPE = {"IPv4": "A", "IPv6": "AAAA"}
SERVICE_RULE = {"A": "R8", "AAAA": "R11"}
ABSENT_RULE = {"A": "R9", "AAAA": "R12"}
HOSTNAME_RULE = {"A": "R10", "AAAA": "R13"}


@dataclass(frozen=True)
class EndpointAddress:
    """One address of one endpoint, in one slice."""

    family: str
    address: str
    hostname: str
    ports: frozenset[EndpointPort]
    ready: bool
    first: bool
    """The EndpointSlice API gives no meaning to the addresses of an endpoint after its first: they may
    have records."""


@dataclass(frozen=True)
class ServiceNames:
    """A Service with its EndpointSlices, and the expectations for each of its names."""

    domain: ClusterDomain
    service: Service
    slices: tuple[EndpointSlice, ...] = field(repr=False)

    @cached_property
    def name(self) -> str:
        """The Service's own name."""
        return self.domain.service(self.service.namespace, self.service.name)

    @cached_property
    def entries(self) -> tuple[EndpointAddress, ...]:
        """Every address of every endpoint; those of the FQDN type, whose meaning nothing defines, are left
        out."""
        return tuple(
            EndpointAddress(
                found.family, address, endpoint.hostname, found.ports, endpoint.ready, number == 0
            )
            for found in self.slices
            if found.family in RECORD_TYPE
            for endpoint in found.endpoints
            for number, address in enumerate(endpoint.addresses)
        )

    @cached_property
    def ready(self) -> tuple[EndpointAddress, ...]:
        """Those that have records (R2)."""
        return tuple(entry for entry in self.entries if entry.ready)

    @cached_property
    def by_hostname(self) -> Mapping[str, Sequence[EndpointAddress]]:
        """Ready endpoints that have a hostname."""
        found: dict[str, list[EndpointAddress]] = {}
        for entry in self.ready:
            if entry.hostname:
                found.setdefault(entry.hostname, []).append(entry)
        return found

    @cached_property
    def hostnames(self) -> frozenset[str]:
        """Hostnames of ready endpoints."""
        return frozenset(self.by_hostname)

    @cached_property
    def named_addresses(self) -> frozenset[str]:
        """Addresses of ready endpoints that have a hostname."""
        return frozenset(entry.address for entries in self.by_hostname.values() for entry in entries)

    @cached_property
    def nameless(self) -> tuple[EndpointAddress, ...]:
        """Ready endpoints that the server names as it likes (R1)."""
        return tuple(entry for entry in self.ready if not entry.hostname)

    @cached_property
    def has_undefined_endpoints(self) -> bool:
        """Whether ready endpoints of the FQDN type are there."""
        return any(
            found.family not in RECORD_TYPE and any(e.ready for e in found.endpoints) for found in self.slices
        )

    @cached_property
    def denies_all(self) -> bool:
        """A headless Service whose name does not exist, because no endpoint is ready (R9)."""
        return (
            self.service.kind is ServiceKind.HEADLESS and not self.ready and not self.has_undefined_endpoints
        )

    def expectations(self) -> Iterator[Expectation]:
        """For every name and type of this Service that can be told beforehand."""
        match self.service.kind:
            case ServiceKind.EXTERNAL_NAME:
                yield self.alias("CNAME")
            case ServiceKind.CLUSTER_IP:
                yield from self._cluster_ip()
            case ServiceKind.HEADLESS:
                yield from self._headless()

    def alias(self, rdtype: str) -> Expectation:
        """The CNAME record, which answers a question of any type (R19)."""
        rules = ("R19",) if rdtype == "CNAME" else ("R19", "RFC1034")
        return self._demand(
            self.name, rdtype, [Record("CNAME", canonical(self.service.external_name))], rules
        )

    def _cluster_ip(self) -> Iterator[Expectation]:
        for rdtype in RECORD_TYPE.values():
            addresses = [ip for ip in self.service.cluster_ips if RECORD_TYPE[family_of(ip)] == rdtype]
            yield self._addresses(self.name, rdtype, addresses, (), ("R5",))
        yield self._no_data(self.name, "CNAME", ("R5",))
        for port in self.service.ports:
            if port.name:
                target = Record("SRV", self.name, port.number)
                yield from self._fitting(
                    self._demand(self.port_name(port.name, port.protocol), "SRV", [target], ("R6",))
                )
        yield from self._without_name()

    def _headless(self) -> Iterator[Expectation]:
        for rdtype in RECORD_TYPE.values():
            if self.denies_all:
                yield self._absent(self.name, rdtype, (ABSENT_RULE[rdtype],))
            elif self.has_undefined_endpoints:
                yield self.left_open(self.name, rdtype)
            else:
                yield self._of_endpoints(self.name, rdtype, self.ready, (SERVICE_RULE[rdtype],))
        if self.ready and not self.has_undefined_endpoints:
            yield self._no_data(self.name, "CNAME", ("R8", "R11"))
        for hostname in sorted({entry.hostname for entry in self.entries if entry.hostname}):
            yield from (self.label(hostname, rdtype) for rdtype in RECORD_TYPE.values())
        for port, protocol in sorted(self.service.named_ports):
            yield from self._fitting(self._srv(port, protocol))
        for port, protocol in sorted(self._only_in_slices()):
            yield from self._fitting(self.left_open(self.port_name(port, protocol), "SRV"))
        yield from self._without_name()

    def label(self, label: str, rdtype: str) -> Expectation:
        """For a name with one label before that of a headless Service, and for an address type."""
        name = f"{label}.{self.name}"
        rules = (HOSTNAME_RULE[rdtype],)
        if label in self.hostnames:
            return self._of_endpoints(name, rdtype, self.by_hostname[label], rules)
        if self.nameless:
            return Expectation(
                Question(name, rdtype),
                Presence.LEFT_OPEN,
                ("R1", *rules),
                permitted=_address_records(rdtype, self.nameless),
                subjects=frozenset((self.service.key,)),
            )
        if self.has_undefined_endpoints:
            return self.left_open(name, rdtype)
        return self._absent(name, rdtype, ("R2", *rules))

    def _srv(self, port: str, protocol: str) -> Expectation:
        """N x M: a record for each ready endpoint that has the port (R14)."""
        name, rules = self.port_name(port, protocol), ("R14",)
        with_number: list[tuple[EndpointAddress, int]] = []
        without_number = False
        for entry in self.ready:
            for found in entry.ports:
                if (found.name, found.protocol) == (port, protocol):
                    without_number |= found.number is None
                    with_number += [(entry, found.number)] if found.number is not None else []
        if not with_number:
            if without_number or self.has_undefined_endpoints:
                return self.left_open(name, "SRV")
            return self._absent(name, "SRV", rules if self.ready else ("R9", *rules))
        named = {
            Record("SRV", f"{e.hostname}.{self.name}", number) for e, number in with_number if e.hostname
        }
        numbers = sorted({number for entry, number in with_number if not entry.hostname})
        assigned = tuple(self._assigned_srv(number, with_number) for number in numbers)
        demanded = self._demand(name, "SRV", named, rules, assigned=assigned)
        if named or any(found.least for found in assigned):
            return demanded
        return replace(demanded, presence=Presence.LEFT_OPEN)

    def _assigned_srv(
        self, number: int, with_number: Iterable[tuple[EndpointAddress, int]]
    ) -> ServerLabelledRecords:
        """How many endpoints have this port and no hostname. A server may give the two families of a Pod
        one label."""
        entries = [entry for entry, found in with_number if found == number and not entry.hostname]
        counts = (
            len({entry.address for entry in entries if entry.family == family and self.must_be_named(entry)})
            for family in RECORD_TYPE
        )
        most = len({entry.address for entry in entries})
        return ServerLabelledRecords("SRV", self.name, max(counts), most, port=number, taken=self.hostnames)

    def must_be_named(self, entry: EndpointAddress) -> bool:
        """Whether an endpoint without hostname must have a label, and not only may.

        It may where its address is also that of an endpoint with hostname, or not the first one of its
        endpoint.
        """
        return entry.first and entry.address not in self.named_addresses

    def _without_name(self) -> Iterator[Expectation]:
        """A port without name has no SRV record, so its number is no name either (R15)."""
        known = self.service.named_ports | self._only_in_slices()
        for port in self.service.ports:
            if not port.name and (str(port.number), port.protocol) not in known:
                yield self._absent(self.port_name(str(port.number), port.protocol), "SRV", ("R15",))

    def _only_in_slices(self) -> frozenset[tuple[str, str]]:
        """Ports that ready endpoints have and the Service does not: the specification speaks of the
        Service's."""
        listed = {(port.name, port.protocol) for entry in self.ready for port in entry.ports if port.name}
        return frozenset(listed) - self.service.named_ports

    def _of_endpoints(
        self, name: str, rdtype: str, entries: Iterable[EndpointAddress], rules: tuple[str, ...]
    ) -> Expectation:
        of_type = [entry for entry in entries if RECORD_TYPE[entry.family] == rdtype]
        must = {entry.address for entry in of_type if entry.first}
        return self._addresses(name, rdtype, must, {entry.address for entry in of_type} - must, rules)

    def _addresses(
        self, name: str, rdtype: str, must: Iterable[str], may: Iterable[str], rules: tuple[str, ...]
    ) -> Expectation:
        records = [Record(rdtype, address) for address in must]
        permitted = frozenset(Record(rdtype, address) for address in may)
        if not records and not permitted:
            return self._no_data(name, rdtype, rules)
        return self._demand(name, rdtype, records, rules, permitted=permitted)

    def port_name(self, port: str, protocol: str) -> str:
        """The name of the SRV records of a port."""
        return self.domain.port(self.service.namespace, self.service.name, port, protocol)

    def _fitting(self, expectation: Expectation) -> Iterator[Expectation]:
        if fits(expectation.question.name):
            yield expectation

    def _demand(
        self,
        name: str,
        rdtype: str,
        records: Iterable[Record],
        rules: tuple[str, ...],
        *,
        permitted: frozenset[Record] = frozenset(),
        assigned: tuple[ServerLabelledRecords, ...] = (),
    ) -> Expectation:
        return Expectation(
            Question(name, rdtype),
            Presence.DEMANDED,
            rules,
            records=frozenset(records),
            permitted=permitted,
            assigned=assigned,
            subjects=frozenset((self.service.key,)),
        )

    def _deny(self, name: str, rdtype: str, denial: Denial, rules: tuple[str, ...]) -> Expectation:
        subjects = frozenset((self.service.key,))
        return Expectation(
            Question(name, rdtype), Presence.FORBIDDEN, rules, denial=denial, subjects=subjects
        )

    def _absent(self, name: str, rdtype: str, rules: tuple[str, ...]) -> Expectation:
        return self._deny(name, rdtype, Denial.NXDOMAIN, rules)

    def _no_data(self, name: str, rdtype: str, rules: tuple[str, ...]) -> Expectation:
        return self._deny(name, rdtype, Denial.NODATA, (*rules, "RFC2308"))

    def left_open(self, name: str, rdtype: str) -> Expectation:
        """What the specification says nothing about (R20)."""
        subjects = frozenset((self.service.key,))
        return Expectation(
            Question(name, rdtype), Presence.LEFT_OPEN, ("R20",), bounded=False, subjects=subjects
        )


def _address_records(rdtype: str, entries: Iterable[EndpointAddress]) -> frozenset[Record]:
    return frozenset(
        Record(rdtype, entry.address) for entry in entries if RECORD_TYPE[entry.family] == rdtype
    )
