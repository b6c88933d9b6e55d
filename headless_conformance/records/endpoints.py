"""The endpoints that the control plane must have written for a Service, from the Service and its Pods alone.

How endpoints are spread over EndpointSlices is the controller's choice: they are compared as a set, and an
endpoint that stands in two slices for a moment counts once. Zones and hints are left out, because they decide
about no record. What is expected is what the EndpointSlice API and the API reference of Services promise:

- a Pod that the selector matches, that has an address and has not ended, is an endpoint of each family of the
  Service;
- `serving` says whether the Pod is Ready, `terminating` whether it is being deleted, and `ready` both
  together, or always true with `publishNotReadyAddresses`;
- `hostname` is the Pod's when its subdomain is the name of the Service;
- a port with a named `targetPort` is there only for Pods of which a container declares it;
- a Service without selector and one of type ExternalName get none.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields

from headless_conformance.records.objects import (
    CONTROLLER,
    EndpointPort,
    EndpointSlice,
    Pod,
    ReadOnlyObject,
    Service,
    ServiceKind,
    ServicePort,
    read_pod,
    read_service,
    read_slice,
)


@dataclass(frozen=True)
class ListedEndpoint:
    """One endpoint of a Service with one address, whichever slice it stands in."""

    family: str
    address: str
    ports: frozenset[EndpointPort]
    hostname: str
    target: str
    node: str
    ready: bool
    serving: bool
    terminating: bool

    @property
    def identity(self) -> tuple[str, str]:
        """What tells that two descriptions are of the same endpoint: its family and the Pod, or the
        address without one."""
        return self.family, self.target or self.address

    def __str__(self) -> str:
        ports = (
            ",".join(sorted(f"{port.name or '-'}:{port.number}/{port.protocol}" for port in self.ports))
            or "no port"
        )
        flags = [name for name in ("ready", "serving", "terminating") if getattr(self, name)]
        who = f" of {self.target}" if self.target else ""
        name = f" hostname {self.hostname}" if self.hostname else ""
        where = self.node or "no node"
        return f"{self.address} {ports}{name}{who} on {where}: {', '.join(flags) or 'not ready'}"


@dataclass(frozen=True)
class EndpointChange:
    """An endpoint that is there and is not as it must be."""

    expected: ListedEndpoint
    seen: ListedEndpoint

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of what differs."""
        names = (field.name for field in fields(ListedEndpoint))
        return tuple(name for name in names if getattr(self.expected, name) != getattr(self.seen, name))


@dataclass(frozen=True)
class EndpointDifference:
    """How the EndpointSlices of one Service differ from what the control plane must have written."""

    service: str
    missing: tuple[ListedEndpoint, ...] = ()
    surplus: tuple[ListedEndpoint, ...] = ()
    changed: tuple[EndpointChange, ...] = ()
    mislabelled: tuple[str, ...] = ()
    """Slices whose label for headless Services is there and must not be, or the other way round."""

    def __bool__(self) -> bool:
        return bool(self.missing or self.surplus or self.changed or self.mislabelled)

    def __str__(self) -> str:
        lines = [f"EndpointSlices of Service {self.service}"]
        lines += [f"-{endpoint}" for endpoint in self.missing]
        lines += [f"+{endpoint}" for endpoint in self.surplus]
        for change in self.changed:
            lines += [f"-{change.expected}", f"+{change.seen}  ; differs in {', '.join(change.fields)}"]
        lines += [f"+EndpointSlice {name}  ; label for headless Services" for name in self.mislabelled]
        return "\n".join(lines)


def expected_endpoints(
    service: ReadOnlyObject, pods: Iterable[ReadOnlyObject]
) -> frozenset[ListedEndpoint] | None:
    """The endpoints that the EndpointSlice controller must have written; None where it writes none for
    this Service."""
    read = read_service(service)
    if not is_controlled(read):
        return None
    members = [pod for pod in map(read_pod, pods) if selects(read, pod) and has_endpoint(pod)]
    return frozenset(endpoint for pod in members for endpoint in _endpoints_of(read, pod))


def listed_endpoints(slices: Iterable[EndpointSlice]) -> frozenset[ListedEndpoint]:
    """The endpoints of these slices, one for each address."""
    return frozenset(
        ListedEndpoint(
            family=found.family,
            address=address,
            ports=found.ports,
            hostname=endpoint.hostname,
            target=endpoint.target,
            node=endpoint.node,
            ready=endpoint.ready,
            serving=endpoint.serving,
            terminating=endpoint.terminating,
        )
        for found in slices
        for endpoint in found.endpoints
        for address in endpoint.addresses
    )


def compare_endpoints(
    service: ReadOnlyObject, pods: Iterable[ReadOnlyObject], slices: Iterable[ReadOnlyObject]
) -> EndpointDifference:
    """What the slices of the EndpointSlice controller have too much, too little or otherwise; false when
    nothing.

    Slices of anybody else are not judged: whoever writes them decides what is in them.
    """
    read = read_service(service)
    expected = expected_endpoints(service, pods)
    if expected is None:
        return EndpointDifference(read.key)
    of_service = [found for found in map(read_slice, slices) if found.service_key == read.key]
    own = [found for found in of_service if found.managed_by == CONTROLLER]
    headless = read.kind is ServiceKind.HEADLESS
    mislabelled = tuple(sorted(found.name for found in own if found.says_headless != headless))
    return _difference(read.key, expected, listed_endpoints(own), mislabelled)


def is_controlled(service: Service) -> bool:
    """Whether the EndpointSlice controller writes the endpoints of this Service."""
    return service.kind is not ServiceKind.EXTERNAL_NAME and bool(service.selector)


def selects(service: Service, pod: Pod) -> bool:
    """Whether a Pod is in the namespace of a Service and has all labels of its selector."""
    return pod.namespace == service.namespace and service.selector.items() <= pod.labels.items()


def has_endpoint(pod: Pod) -> bool:
    """A Pod that has ended is no endpoint, whatever the Service publishes, and one without address cannot
    be one."""
    return not pod.ended and bool(pod.addresses)


def families(service: Service) -> frozenset[str]:
    """The address families of a Service; of one that says none, that of its address, or both for a
    headless one."""
    if service.families:
        return frozenset(service.families)
    return frozenset(family_of(address) for address in service.cluster_ips) or frozenset(("IPv4", "IPv6"))


def family_of(address: str) -> str:
    """The family of an address, as EndpointSlices call it."""
    return f"IPv{ipaddress.ip_address(address).version}"


def counts_as_ready(service: Service, pod: Pod) -> bool:
    """Ready Pods that stay, or all with `publishNotReadyAddresses`."""
    return service.publish_not_ready or (pod.ready and not pod.terminating)


def hostname(service: Service, pod: Pod) -> str:
    """The Pod's hostname when its subdomain names this Service."""
    return pod.hostname if pod.subdomain == service.name else ""


def ports_of(service: Service, pod: Pod) -> frozenset[EndpointPort]:
    """The ports of a Service as this Pod has them; a named `targetPort` that it does not declare is left
    out."""
    numbers = ((port, _target(port, pod)) for port in service.ports)
    return frozenset(
        EndpointPort(port.name, number, port.protocol) for port, number in numbers if number is not None
    )


def _target(port: ServicePort, pod: Pod) -> int | None:
    if isinstance(port.target, int):
        return port.target
    return pod.named_ports.get((port.target, port.protocol))


def _endpoints_of(service: Service, pod: Pod) -> Iterator[ListedEndpoint]:
    for address in pod.addresses:
        if family_of(address) in families(service):
            yield ListedEndpoint(
                family=family_of(address),
                address=address,
                ports=ports_of(service, pod),
                hostname=hostname(service, pod),
                target=f"Pod/{pod.namespace}/{pod.name}/{pod.uid}",
                node=pod.node,
                ready=counts_as_ready(service, pod),
                serving=pod.ready,
                terminating=pod.terminating,
            )


def _difference(
    service: str,
    expected: frozenset[ListedEndpoint],
    seen: frozenset[ListedEndpoint],
    mislabelled: tuple[str, ...],
) -> EndpointDifference:
    missing, surplus = expected - seen, seen - expected
    wrong = {endpoint.identity: endpoint for endpoint in sorted(surplus, key=str)}
    changed = tuple(
        EndpointChange(endpoint, wrong[endpoint.identity])
        for endpoint in sorted(missing, key=str)
        if endpoint.identity in wrong
    )
    paired = {change.expected for change in changed} | {change.seen for change in changed}
    return EndpointDifference(
        service=service,
        missing=tuple(sorted(missing - paired, key=str)),
        surplus=tuple(sorted(surplus - paired, key=str)),
        changed=changed,
        mislabelled=mislabelled,
    )
