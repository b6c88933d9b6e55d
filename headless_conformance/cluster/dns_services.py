"""The cluster's DNS: the Services that own the addresses that Pods are told to ask, and the servers behind
them.

Names, labels, namespaces and ports of DNS Services differ from platform to platform. What all have in common
is that a Pod's resolv.conf names an address, that a Service owns the address, and that its EndpointSlices
list the servers.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from headless_conformance.core.objects import Object
from headless_conformance.records.objects import is_endpoint_ready

DNS_PORT = 53
CLOUD_ADDRESSES = ipaddress.ip_network("169.254.169.0/24")
"""Link-local addresses of what clouds offer to each machine. The DNS of Google's and Amazon's is there, so
that an address of these is no cache in front of the cluster's own servers."""
USUAL_NAMESPACES = ("kube-system", "openshift-dns")
"""Where an account that may not list Services of all namespaces looks for the owner of the address."""


@dataclass(frozen=True)
class DnsEndpoint:
    """One server behind a DNS Service, as an EndpointSlice has it."""

    address: str
    udp_port: int | None
    """Where it listens; None where the Service has no such port."""
    tcp_port: int | None
    namespace: str = ""
    pod: str = ""
    """Empty where it is no Pod."""
    node: str = ""


@dataclass
class DnsEndpoints:
    """The servers behind one DNS Service."""

    ready: list[DnsEndpoint] = field(default_factory=list)
    unready: list[str] = field(default_factory=list)
    """Names of Pods, else addresses."""


def key_of(service: Object) -> str:
    """A Service as `namespace/name`."""
    return f"{service['metadata']['namespace']}/{service['metadata']['name']}"


def cluster_ips(service: Object) -> list[str]:
    """A Service's cluster IPs, one for each of its address families."""
    spec = service.get("spec") or {}
    return list(spec.get("clusterIPs") or ([spec["clusterIP"]] if spec.get("clusterIP") else []))


def has_dns_port(service: Object, protocol: str) -> bool:
    """Whether a Service answers on DNS' port over a protocol."""
    ports = (service.get("spec") or {}).get("ports") or ()
    return any(port["port"] == DNS_PORT and (port.get("protocol") or "TCP") == protocol for port in ports)


def may_be_behind_a_cache(service: Object) -> bool:
    """Whether a Service may be the one that a cache on the nodes asks: it has DNS' port and leads to Pods."""
    return has_dns_port(service, "UDP") and bool((service.get("spec") or {}).get("selector"))


def is_node_cache(address: str) -> bool:
    """Whether an address may be that of a cache on each node (NodeLocal DNSCache)."""
    parsed = ipaddress.ip_address(address)
    return parsed.is_link_local and parsed not in CLOUD_ADDRESSES


def owners(services: Iterable[Object], address: str) -> list[Object]:
    """The Services with this cluster IP."""
    return [service for service in services if address in cluster_ips(service)]


def endpoints_of(service: Object, slices: Sequence[Object]) -> DnsEndpoints:
    """The servers that a DNS Service's EndpointSlices list, each once."""
    found: dict[tuple[str, str], DnsEndpoint] = {}
    unready: list[str] = []
    for listed in slices:
        for endpoint in listed.get("endpoints") or ():
            target = endpoint.get("targetRef") or {}
            pod = target["name"] if target.get("kind") == "Pod" else ""
            address = endpoint["addresses"][0]
            if not is_endpoint_ready(endpoint.get("conditions") or {}):
                unready.append(target.get("name") or address)
                continue
            server = DnsEndpoint(
                address,
                _target_port(service, listed, "UDP"),
                _target_port(service, listed, "TCP"),
                target.get("namespace") or service["metadata"]["namespace"],
                pod,
                endpoint.get("nodeName") or "",
            )
            # A Pod with two families has an endpoint in two slices, and is asked once.
            found.setdefault((server.namespace, pod or address), server)
    return DnsEndpoints(list(found.values()), sorted(set(unready)))


def _target_port(service: Object, listed: Object, protocol: str) -> int | None:
    """The port at which the servers of a slice listen for what comes to the Service's port 53."""
    numbers = {
        (port.get("name") or "", port.get("protocol") or "TCP"): port.get("port")
        for port in listed.get("ports") or ()
    }
    for port in (service.get("spec") or {}).get("ports") or ():
        if port["port"] == DNS_PORT and (port.get("protocol") or "TCP") == protocol:
            number = numbers.get((port.get("name") or "", protocol))
            if number:
                return int(number)
    return None
