"""The DNS servers behind the name servers that Pods are told (`resolver`).

Names, labels, namespaces and ports of DNS Services differ from platform to platform. What all have in common
is that a Pod's resolv.conf names an address, that a Service owns the address, and that its EndpointSlices
list the servers.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field

from headless_conformance.audit.access import Access
from headless_conformance.audit.errors import InspectionError, MissingRightError, UnreachableApiError
from headless_conformance.audit.servers import DnsServer
from headless_conformance.core.objects import Object
from headless_conformance.records.objects import SERVICE_NAME_LABEL
from headless_conformance.records.objects import is_endpoint_ready as endpoint_is_ready

DNS_PORT = 53
CLOUD_ADDRESSES = ipaddress.ip_network("169.254.169.0/24")
"""Link-local addresses of what clouds offer to each machine. The DNS of Google's and Amazon's is there, so
that an address of these is no cache in front of the cluster's own servers."""
USUAL_NAMESPACES = ("kube-system", "openshift-dns")
"""Where an account that may not list Services of all namespaces looks for the owner of the address."""


@dataclass
class DiscoveredServers:
    """Who can be asked."""

    servers: list[DnsServer] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    """Those of the addresses that were looked at that lead to servers of this cluster."""
    services: list[str] = field(default_factory=list)
    """The DNS Services, as `namespace/name`."""
    without_tcp: list[str] = field(default_factory=list)
    """Those that have no TCP port 53."""
    caches: list[str] = field(default_factory=list)
    """Addresses of caches that Pods ask in place of the servers, which others may be among then."""
    notes: list[str] = field(default_factory=list)
    problem: str = ""
    """Why no server can be asked; empty when there is one."""


def find_servers(access: Access, nameservers: Iterable[str]) -> DiscoveredServers:
    """The servers behind these addresses. Raises UnreachableApiError."""
    found = DiscoveredServers()
    problems: list[str] = []
    for address in nameservers:
        try:
            services = _owners(access, address)
            if not services:
                services = _behind_a_cache(access, address, found.notes)
                found.caches += [address] if services else []
            if not services:
                problems.append(
                    f"the name server {address} is no Service's address and no DNS Pods stand behind it "
                    "that could be asked: "
                    "a managed DNS, or a cache whose servers are not in this cluster"
                )
            found.addresses += [address] if services else []
            for service in services:
                _add_servers(access, service, found, problems)
        except UnreachableApiError:
            raise
        except InspectionError as error:
            problems.append(f"the servers behind {address} cannot be found: {error.reason}")
    if found.servers:
        found.notes += problems
    else:
        found.problem = "; ".join(problems) or "Pods are given no name server"
    return found


def _owners(access: Access, address: str) -> list[Object]:
    """The Services with this cluster IP."""
    try:
        return _with_cluster_ip(access, address) or [
            service for service in access.list_all("Service") if address in _cluster_ips(service)
        ]
    except MissingRightError:
        listed = [service for namespace in USUAL_NAMESPACES for service in _may_list(access, namespace)]
        found = [service for service in listed if address in _cluster_ips(service)]
        if not found:
            raise
        return found


def _with_cluster_ip(access: Access, address: str) -> list[Object]:
    """Those that the API server picks out; none from one older than 1.31, which refuses the selector."""
    try:
        narrow = access.list_all("Service", fieldSelector=f"spec.clusterIP={address}")
    except (MissingRightError, UnreachableApiError):
        raise
    except InspectionError:
        return []
    return [service for service in narrow if address in _cluster_ips(service)]


def _may_list(access: Access, namespace: str) -> list[Object]:
    try:
        return access.list_all("Service", namespace)
    except MissingRightError:
        return []


def _cluster_ips(service: Object) -> list[str]:
    spec = service.get("spec") or {}
    return list(spec.get("clusterIPs") or ([spec["clusterIP"]] if spec.get("clusterIP") else []))


def _behind_a_cache(access: Access, address: str, notes: list[str]) -> list[Object]:
    """The DNS Services of a cluster whose Pods ask a cache on their node: those with port 53 over UDP and a
    selector.

    A Service of somebody else's DNS server is among them when there is one: each server is asked first
    whether it knows the cluster domain.
    """
    parsed = ipaddress.ip_address(address)
    if not parsed.is_link_local or parsed in CLOUD_ADDRESSES:
        return []
    services = access.list_all("Service")
    found = [s for s in services if _has_port(s, "UDP") and (s.get("spec") or {}).get("selector")]
    if found:
        names = ", ".join(_key(service) for service in found)
        notes.append(
            f"Pods ask a cache on their node ({address}), which is not looked at from here; asked are the "
            f"servers of {names}"
        )
    return found


def _has_port(service: Object, protocol: str) -> bool:
    ports = (service.get("spec") or {}).get("ports") or ()
    return any(port["port"] == DNS_PORT and (port.get("protocol") or "TCP") == protocol for port in ports)


def _key(service: Object) -> str:
    return f"{service['metadata']['namespace']}/{service['metadata']['name']}"


def _add_servers(access: Access, service: Object, found: DiscoveredServers, problems: list[str]) -> None:
    """The ready endpoints of a DNS Service that are Pods."""
    namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
    if _key(service) in found.services:
        return
    found.services.append(_key(service))
    if not _has_port(service, "TCP"):
        found.without_tcp.append(_key(service))
    slices = access.list_all("EndpointSlice", namespace, labelSelector=f"{SERVICE_NAME_LABEL}={name}")
    servers: dict[tuple[str, str], DnsServer] = {}
    others: list[str] = []
    unready: list[str] = []
    for listed in slices:
        port = _target_port(service, listed)
        for endpoint in listed.get("endpoints") or ():
            target = endpoint.get("targetRef") or {}
            address = endpoint["addresses"][0]
            if not endpoint_is_ready(endpoint.get("conditions") or {}):
                unready.append(target.get("name") or address)
            elif target.get("kind") != "Pod" or port is None:
                others.append(address)
            else:
                # A Pod with two families has an endpoint in two slices, and is asked once.
                own = DnsServer(
                    address,
                    port,
                    target.get("namespace") or namespace,
                    target["name"],
                    endpoint.get("nodeName") or "",
                )
                servers.setdefault((own.namespace, own.pod), own)
    found.servers += [server for server in servers.values() if server not in found.servers]
    if unready:
        found.notes.append(
            f"DNS servers that are not ready, and not asked: {', '.join(sorted(set(unready)))}"
        )
    if others:
        problems.append(
            f"DNS servers of Service {_key(service)} that are no Pods and cannot be asked: "
            f"{', '.join(others)}"
        )
    if not servers and not others:
        problems.append(f"Service {_key(service)} has no ready DNS server")


def _target_port(service: Object, listed: Object) -> int | None:
    """The port at which the servers of a slice listen: that of the Service's port 53 over TCP, else over
    UDP."""
    numbers = {
        (port.get("name") or "", port.get("protocol") or "TCP"): port.get("port")
        for port in listed.get("ports") or ()
    }
    for protocol in ("TCP", "UDP"):
        for port in (service.get("spec") or {}).get("ports") or ():
            own = port.get("protocol") or "TCP"
            if port["port"] == DNS_PORT and own == protocol and numbers.get((port.get("name") or "", own)):
                return numbers.get((port.get("name") or "", own))
    return None
