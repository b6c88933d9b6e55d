"""Errors planted into the model, each of which must show when the model is held against what a cluster really
says.

A mutant replaces functions or properties of the model for a moment. It is found when the model differs from
the truth then, and did not before. Errors that only make the model more lenient cannot show this way: unit
tests hold those.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol
from unittest.mock import patch

from headless_conformance.records import (
    AnswerData,
    Denial,
    Expectation,
    Question,
    Record,
    RecordDifference,
    Zone,
    compare_endpoints,
    endpoints,
    judge,
    judgement,
    objects,
    reverse,
    unexplained,
    zone_of,
)
from headless_conformance.records import zone as zone_module
from headless_conformance.records.expectation import ServerLabelledRecords
from headless_conformance.records.names import ClusterDomain
from headless_conformance.records.objects import EndpointPort, Pod, Service, ServiceKind
from headless_conformance.records.services import EndpointAddress, ServiceNames
from tests.records.generator import DOMAIN, Object
from tests.records.questions import questions

_ENTRIES: Callable[[ServiceNames], tuple[EndpointAddress, ...]] = vars(ServiceNames)["entries"].func
CHUNK = 25
"""Namespaces that are looked at together."""


class Truth(Protocol):
    """What a cluster has."""

    @property
    def services(self) -> list[Object]: ...
    @property
    def slices(self) -> list[Object]: ...
    @property
    def pods(self) -> list[Object]: ...


@dataclass(frozen=True)
class Mutant:
    """One error: what is replaced, where."""

    name: str
    owner: Any
    attribute: str
    replacement: Any
    of_endpoints: bool = False
    """Whether it is in what is expected of EndpointSlices."""

    @contextmanager
    def planted(self) -> Iterator[None]:
        """The model with this error."""
        with patch.object(self.owner, self.attribute, self.replacement):
            yield


def is_found(mutant: Mutant, truth: Truth, answers: Mapping[Question, AnswerData]) -> bool:
    """Whether the model with this error differs from the truth where it did not without it."""
    for part in _parts(truth):
        if mutant.of_endpoints:
            with mutant.planted():
                if any(compare_endpoints(service, part.pods, part.slices) for service in part.services):
                    return True
            continue
        asked = [question for question in questions(part.zone(), part.names) if question in answers]
        healthy = set(_wrong(part.zone(), asked, answers))
        with mutant.planted():
            if set(_wrong(part.zone(), asked, answers)) - healthy:
                return True
    return False


@dataclass(frozen=True)
class _Part:
    """Some namespaces of the truth."""

    names: Sequence[str]
    services: list[Object]
    slices: list[Object]
    pods: list[Object]

    def zone(self) -> Zone:
        return zone_of(self.services, self.slices, domain=DOMAIN, namespaces=self.names)


def _parts(truth: Truth) -> Iterator[_Part]:
    names = sorted(
        {service["metadata"]["namespace"] for service in truth.services} - {"default", "kube-system"}
    )
    for start in range(0, len(names), CHUNK):
        chosen = set(names[start : start + CHUNK])
        services, slices, pods = (
            [found for found in kind if found["metadata"]["namespace"] in chosen]
            for kind in (truth.services, truth.slices, truth.pods)
        )
        yield _Part(sorted(chosen), services, slices, pods)


def _wrong(
    zone: Zone, asked: Iterable[Question], answers: Mapping[Question, AnswerData]
) -> list[RecordDifference]:
    return unexplained(
        zone, (mismatch for question in asked for mismatch in judge(zone, question, answers[question]))
    )


def _changed(attribute: str, change: Callable[[Any], Any]) -> property:
    """The value of a cached property of ServiceNames, changed."""
    original = getattr(ServiceNames, attribute).func
    return property(lambda self: change(original(self)))


def _entries(change: Callable[[EndpointAddress], EndpointAddress | None]) -> property:
    return _changed(
        "entries", lambda entries: tuple(new for entry in entries if (new := change(entry)) is not None)
    )


def _wrapped(owner: Any, attribute: str, change: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose result is changed; `change` gets the result and the arguments."""
    original = getattr(owner, attribute)
    return lambda *arguments, **named: change(original(*arguments, **named), *arguments)


def _service(change: Callable[[Service], Service]) -> Callable[..., Any]:
    """`read_service`, with its result changed."""
    return _wrapped(objects, "read_service", lambda service, _found: change(service))


def _ports(entry: EndpointAddress, change: Callable[[EndpointPort], EndpointPort]) -> EndpointAddress:
    return replace(entry, ports=frozenset(change(port) for port in entry.ports))


def _absent_family(found: Expectation, *_arguments: Any) -> Expectation:
    return replace(found, denial=Denial.NXDOMAIN)


def _last_pointer(found: Expectation, *_arguments: Any) -> Expectation:
    last = sorted(found.records, key=str)[-1:]
    return replace(found, records=frozenset(last))


def _names_of(kind: ServiceKind, other: ServiceKind) -> Callable[..., Any]:
    return _service(lambda service: replace(service, kind=other) if service.kind is kind else service)


def _first_port(service: Service) -> Service:
    return replace(service, ports=service.ports[:1])


def _any_label(service: Service, pod: Pod) -> bool:
    return pod.namespace == service.namespace and bool(service.selector.items() & pod.labels.items())


def _service_port_instead(
    found: frozenset[EndpointPort], service: Service, _pod: Pod
) -> frozenset[EndpointPort]:
    return frozenset(EndpointPort(port.name, port.number, port.protocol) for port in service.ports)


def _unnamed_has_srv(self: ServiceNames) -> Iterator[Expectation]:
    for port in self.service.ports:
        if not port.name:
            name = self.port_name(str(port.number), port.protocol)
            yield self._demand(name, "SRV", [Record("SRV", self.name, port.number)], ("R15",))


def _no_assigned(self: ServiceNames, number: int, with_number: Any) -> ServerLabelledRecords:
    return ServerLabelledRecords("SRV", self.name, 0, 0, port=number)


def _alias_to_itself(self: ServiceNames, rdtype: str) -> Expectation:
    return self._demand(self.name, rdtype, [Record("CNAME", self.name)], ("R19",))


def _headless_alias(self: ServiceNames, name: str, rdtype: str, rules: tuple[str, ...]) -> Expectation:
    return self._demand(name, rdtype, [Record("CNAME", name)], rules)


def _zone_mutants() -> Iterator[Mutant]:
    def names(name: str, attribute: str, replacement: Any) -> Mutant:
        return Mutant(name, ServiceNames, attribute, replacement)

    yield names("endpoints that are not ready have records", "ready", property(lambda self: self.entries))
    yield Mutant(
        "unknown readiness is not ready",
        objects,
        "is_endpoint_ready",
        lambda found: found.get("ready") is True,
    )
    yield names("a headless Service without endpoint is NODATA", "denies_all", property(lambda self: False))
    yield names("hostnames are ignored", "entries", _entries(lambda entry: replace(entry, hostname="")))
    yield names("the first slice alone is read", "entries", property(_of_first_slice))
    yield names(
        "IPv6 is ignored", "entries", _entries(lambda entry: entry if entry.family == "IPv4" else None)
    )
    yield names(
        "IPv4 is ignored", "entries", _entries(lambda entry: entry if entry.family == "IPv6" else None)
    )
    yield names(
        "SRV has a port that is one too high",
        "entries",
        _entries(lambda entry: _ports(entry, lambda port: replace(port, number=(port.number or 0) + 1))),
    )
    yield names(
        "protocols of ports are ignored",
        "entries",
        _entries(lambda entry: _ports(entry, lambda port: replace(port, protocol="TCP"))),
    )
    yield names("every endpoint has all ports", "entries", property(_with_all_ports))
    yield Mutant("only the first port has SRV records", zone_module, "read_service", _service(_first_port))
    yield names("a port without name has an SRV record", "_without_name", _unnamed_has_srv)
    yield names("endpoints without hostname are in no SRV set", "_assigned_srv", _no_assigned)
    yield names("an ExternalName points to itself", "alias", _alias_to_itself)
    yield names("a missing family is a CNAME", "_no_data", _headless_alias)
    yield names(
        "a missing family is NXDOMAIN", "_no_data", _wrapped(ServiceNames, "_no_data", _absent_family)
    )
    yield names("one hostname has one address", "by_hostname", _changed("by_hostname", _last_of_each))
    yield Mutant(
        "headless Services are ordinary",
        zone_module,
        "read_service",
        _names_of(ServiceKind.HEADLESS, ServiceKind.CLUSTER_IP),
    )
    yield Mutant(
        "ordinary Services are headless",
        zone_module,
        "read_service",
        _names_of(ServiceKind.CLUSTER_IP, ServiceKind.HEADLESS),
    )
    yield Mutant(
        "ExternalName Services are headless",
        zone_module,
        "read_service",
        _names_of(ServiceKind.EXTERNAL_NAME, ServiceKind.HEADLESS),
    )
    yield Mutant(
        "cluster IPs have no PTR record",
        zone_module,
        "reverse_expectations",
        _wrapped(reverse, "reverse_expectations", _none),
    )
    yield Mutant(
        "an address has one PTR record",
        reverse,
        "_expectation",
        _wrapped(reverse, "_expectation", _last_pointer),
    )
    yield Mutant("PTR records have the Service's name", reverse, "_add_endpoint", _pointer_to_service)
    yield Mutant("names are cut at 62 characters", ClusterDomain, "service", _cut)
    yield Mutant("the protocol has no underscore", ClusterDomain, "port", _without_underscore)
    yield Mutant("names are compared with case", judgement, "canonical", lambda name: name.rstrip(".") + ".")


def _none(_found: Any, *_arguments: Any) -> Iterator[Expectation]:
    return iter(())


def _of_first_slice(self: ServiceNames) -> tuple[EndpointAddress, ...]:
    return _ENTRIES(replace(self, slices=self.slices[:1]))


def _with_all_ports(self: ServiceNames) -> tuple[EndpointAddress, ...]:
    entries = _ENTRIES(self)
    every = frozenset(port for entry in entries for port in entry.ports)
    return tuple(replace(entry, ports=every) for entry in entries)


def _last_of_each(found: Mapping[str, Sequence[EndpointAddress]]) -> Mapping[str, Sequence[EndpointAddress]]:
    return {hostname: entries[-1:] for hostname, entries in found.items()}


def _pointer_to_service(pointers: Any, service: ServiceNames, entry: EndpointAddress) -> None:
    if service.service.kind is ServiceKind.HEADLESS:
        pointers.records.add(Record("PTR", service.name))
        pointers.rules.add("R17")


def _cut(self: ClusterDomain, namespace: str, service: str) -> str:
    return f"{service[:62]}.{namespace}.{self.services}"


def _without_underscore(self: ClusterDomain, namespace: str, service: str, port: str, protocol: str) -> str:
    return f"_{port}.{protocol}.{self.service(namespace, service)}".lower()


def _endpoint_mutants() -> Iterator[Mutant]:
    def expected(name: str, attribute: str, replacement: Any) -> Mutant:
        return Mutant(name, endpoints, attribute, replacement, of_endpoints=True)

    yield expected(
        "publishNotReadyAddresses is ignored",
        "counts_as_ready",
        lambda service, pod: pod.ready and not pod.terminating,
    )
    yield expected("Pods that have ended are endpoints", "has_endpoint", lambda pod: bool(pod.addresses))
    yield expected(
        "Pods that terminate are no endpoints",
        "has_endpoint",
        lambda pod: not pod.ended and not pod.terminating,
    )
    yield expected(
        "Pods that terminate are ready",
        "counts_as_ready",
        lambda service, pod: service.publish_not_ready or pod.ready,
    )
    yield expected("the hostname does not need the subdomain", "hostname", lambda service, pod: pod.hostname)
    yield expected("the hostname is the Pod's name", "hostname", lambda service, pod: pod.name)
    yield expected(
        "a named targetPort is the Service's port",
        "ports_of",
        _wrapped(endpoints, "ports_of", _service_port_instead),
    )
    yield expected("only IPv4 has endpoints", "families", lambda service: frozenset(("IPv4",)))
    yield expected("both families have endpoints", "families", lambda service: frozenset(("IPv4", "IPv6")))
    yield expected("one label of the selector is enough", "selects", _any_label)
    yield expected("Services without selector have endpoints", "is_controlled", lambda service: True)


MUTANTS = (*_zone_mutants(), *_endpoint_mutants())
