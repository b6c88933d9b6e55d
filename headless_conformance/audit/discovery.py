"""The DNS servers behind the name servers that Pods are told (`resolver`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from headless_conformance.audit.access import Access
from headless_conformance.audit.errors import InspectionError, MissingRightError, UnreachableApiError
from headless_conformance.audit.servers import DnsServer
from headless_conformance.cluster.dns_services import (
    USUAL_NAMESPACES,
    endpoints_of,
    has_dns_port,
    is_node_cache,
    key_of,
    may_be_behind_a_cache,
    owners,
)
from headless_conformance.core.objects import Object
from headless_conformance.records.objects import SERVICE_NAME_LABEL


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
        return _with_cluster_ip(access, address) or owners(access.list_all("Service"), address)
    except MissingRightError:
        listed = [service for namespace in USUAL_NAMESPACES for service in _may_list(access, namespace)]
        found = owners(listed, address)
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
    return owners(narrow, address)


def _may_list(access: Access, namespace: str) -> list[Object]:
    try:
        return access.list_all("Service", namespace)
    except MissingRightError:
        return []


def _behind_a_cache(access: Access, address: str, notes: list[str]) -> list[Object]:
    """The DNS Services of a cluster whose Pods ask a cache on their node: those with port 53 over UDP and a
    selector.

    A Service of somebody else's DNS server is among them when there is one: each server is asked first
    whether it knows the cluster domain.
    """
    if not is_node_cache(address):
        return []
    found = [service for service in access.list_all("Service") if may_be_behind_a_cache(service)]
    if found:
        names = ", ".join(key_of(service) for service in found)
        notes.append(
            f"Pods ask a cache on their node ({address}), which is not looked at from here; asked are the "
            f"servers of {names}"
        )
    return found


def _add_servers(access: Access, service: Object, found: DiscoveredServers, problems: list[str]) -> None:
    """The ready endpoints of a DNS Service that are Pods."""
    namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
    if key_of(service) in found.services:
        return
    found.services.append(key_of(service))
    if not has_dns_port(service, "TCP"):
        found.without_tcp.append(key_of(service))
    slices = access.list_all("EndpointSlice", namespace, labelSelector=f"{SERVICE_NAME_LABEL}={name}")
    listed = endpoints_of(service, slices)
    asked = [(endpoint, endpoint.tcp_port or endpoint.udp_port) for endpoint in listed.ready if endpoint.pod]
    servers = [
        DnsServer(endpoint.address, port, endpoint.namespace, endpoint.pod, endpoint.node)
        for endpoint, port in asked
        if port
    ]
    pods = {server.pod for server in servers}
    others = [endpoint.address for endpoint in listed.ready if endpoint.pod not in pods]
    found.servers += [server for server in servers if server not in found.servers]
    if listed.unready:
        found.notes.append(f"DNS servers that are not ready, and not asked: {', '.join(listed.unready)}")
    if others:
        problems.append(
            f"DNS servers of Service {key_of(service)} that are no Pods and cannot be asked: "
            f"{', '.join(others)}"
        )
    if not servers and not others:
        problems.append(f"Service {key_of(service)} has no ready DNS server")
