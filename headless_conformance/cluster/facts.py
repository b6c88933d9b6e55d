"""What must be known of a cluster before its promises can be checked,
from where it is configured, never from DNS."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import dns.name
from kubernetes.client.exceptions import ApiException

from headless_conformance.cluster.kube import Kube
from headless_conformance.cluster.model import DEFAULT_DOMAIN, Capability, Cluster
from headless_conformance.cluster.waiting import AT_REST_TIMEOUT, CHANGE_TIMEOUT, DNS_DELAY
from headless_conformance.core.errors import NotSupportedError, not_supported
from headless_conformance.core.mismatch import Where, require
from headless_conformance.core.settings import Network

DEFAULT_TTL = 5
"""Seconds: the TTL of CoreDNS' kubernetes plugin when its configuration names none."""

DNS_NAMESPACE = "kube-system"
DNS_SERVICE = "kube-dns"
NAME_LABEL, UPSTREAM_OF_CACHE = "kubernetes.io/name", "KubeDNSUpstream"
"""How NodeLocal DNSCache marks the Service that leads it to the DNS servers."""

_PLUGIN = re.compile(r"^\s*kubernetes\b[^\n{]*\{(?P<options>[^}]*)\}", re.MULTILINE)
CACHE = re.compile(r"^[ \t]*cache\b[^\n{]*(?:\{(?P<options>[^}]*)\})?", re.MULTILINE)
DISABLED = re.compile(r"^[ \t]*disable (?P<what>success|denial)(?P<zones>.*)$", re.MULTILINE)
SEARCHED = re.compile(r"^search\s.*?\bsvc\.(?P<domain>\S+)", re.MULTILINE)
NAMESERVER = re.compile(r"^nameserver\s+(?P<address>\S+)", re.MULTILINE)
OPTION = re.compile(r"^[ \t]*(?P<name>\w+)[ \t]*(?P<value>.*?)[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class Facts:
    """A cluster's names and ranges as configured, each read when it is first asked for."""

    kube: Kube
    cluster: Cluster
    network: Network
    resolver: Callable[[], str]
    """A Pod's resolv.conf."""

    @cached_property
    def domain(self) -> str:
        """The cluster domain, without a dot at its end: the kubelets' own; where no kubelet is, the one that
        was asked for.

        On a cluster of the person's own, whose kubelets are not asked: as a Pod was given it.
        """
        if Capability.KUBELET not in self.cluster.capabilities:
            return self.network.domain or DEFAULT_DOMAIN
        if not self.cluster.ours:
            found = SEARCHED.search(self.resolver())
            return found["domain"] if found else not_supported("Pods have no search list of a cluster domain")
        node = self.kube.request("GET", "/api/v1/nodes")["items"][0]["metadata"]["name"]
        return str(
            self.kube.request("GET", f"/api/v1/nodes/{node}/proxy/configz")["kubeletconfig"]["clusterDomain"]
        )

    @cached_property
    def dns_address(self) -> str:
        """Cluster IP of the DNS Service; on a cluster of the person's own,
        the address that Pods are told to ask."""
        if not self.cluster.ours and Capability.KUBELET in self.cluster.capabilities:
            found = NAMESERVER.search(self.resolver())
            return found["address"] if found else not_supported("Pods have no name server")
        return str(self.kube.get("Service", DNS_NAMESPACE, DNS_SERVICE)["spec"]["clusterIP"])

    @cached_property
    def dns_service_addresses(self) -> list[str]:
        """Cluster IPs, one for each address family, of the Service that is labelled as the cluster's DNS."""
        # A cache on the nodes has a Service with that label for itself, by which it asks the DNS servers.
        labels = f"k8s-app={DNS_SERVICE},{NAME_LABEL}!={UPSTREAM_OF_CACHE}"
        services = self.kube.list("Service", DNS_NAMESPACE, labelSelector=labels)
        if not self.cluster.ours and (not services or ipaddress.ip_address(self.dns_address).is_link_local):
            not_supported(
                "Pods ask a cache on their nodes and not its DNS Service, or that has another label"
            )
        subject = f"Services with the label k8s-app={DNS_SERVICE}"
        where = Where(namespace=DNS_NAMESPACE)
        require(bool(services), subject, expected="at least 1", observed="0", where=where)
        return [str(found) for found in services[0]["spec"]["clusterIPs"]]

    @cached_property
    def dns_service_name(self) -> str:
        """The name of the Service that owns the DNS address, with the dot at its end."""
        services = self.kube.list("Service", DNS_NAMESPACE)
        owners = [
            item["metadata"]["name"]
            for item in services
            if self.dns_address in item["spec"].get("clusterIPs", [])
        ]
        if not owners:
            not_supported(f"no Service of {DNS_NAMESPACE} has the name server's address {self.dns_address}")
        return f"{owners[0]}.{DNS_NAMESPACE}.svc.{self.domain}."

    @cached_property
    def service_cidrs(self) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        """The ranges of Services' virtual addresses."""
        try:
            found = self.kube.request("GET", "/apis/networking.k8s.io/v1/servicecidrs")["items"]
        except ApiException as error:
            if error.status == 404 and not self.cluster.ours:
                not_supported("this Kubernetes does not tell its Service ranges")
            raise
        # The API server's own first, whose first address is that of the Service kubernetes.
        found.sort(key=lambda item: item["metadata"]["name"] != "kubernetes")
        return tuple(ipaddress.ip_network(text) for item in found for text in item["spec"]["cidrs"])

    def is_service_ip(self, address: str) -> bool:
        """Whether this is an address out of a range of Services' virtual addresses."""
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(found in virtual for virtual in self.service_cidrs)

    @cached_property
    def corefile(self) -> str:
        """The DNS server's configuration as it is stored."""
        try:
            return str(self.kube.get("ConfigMap", DNS_NAMESPACE, "coredns")["data"]["Corefile"])
        except ApiException as error:
            if error.status == 404 and not self.cluster.ours:
                not_supported(f"no ConfigMap coredns in {DNS_NAMESPACE} holds the DNS server's configuration")
            raise

    @property
    def ttl(self) -> int:
        """Seconds that the DNS server is configured to give for cluster names."""
        return int(plugin_options(self.corefile).get("ttl", DEFAULT_TTL))

    @property
    def endpoint_pod_names(self) -> bool:
        """Whether the DNS server is configured to name endpoints without a hostname after their Pods."""
        return "endpoint_pod_names" in plugin_options(self.corefile)

    def is_cached(self, name: str, what: Literal["success", "denial"]) -> bool:
        """Whether answers about a name may be kept between the DNS server and a Pod, so that their TTL counts
        down.

        On a cluster of the person's own always: a cache on the nodes (NodeLocal DNSCache) has the DNS
        Service's address.
        """
        return not self.cluster.ours or is_cached(self.corefile, name, what)

    def cache_seconds(self, name: str) -> float:
        """Seconds for which an old answer about a name may be kept;
        the documented delay where that time is not told."""
        if not (self.is_cached(name, "success") or self.is_cached(name, "denial")):
            return 0.0
        try:
            return min(self.ttl, DNS_DELAY)
        except NotSupportedError:
            return DNS_DELAY

    def change_timeout(self, name: str) -> float:
        """Seconds within which every DNS server must have noticed a change of what a name leads to."""
        return CHANGE_TIMEOUT + self.cache_seconds(name)

    def at_rest_timeout(self, name: str) -> float:
        """Seconds to look again at a name that is at rest.

        Where answers about names are kept, as by k3s, the first question may have met what there was just
        before.
        """
        return AT_REST_TIMEOUT + (self.cache_seconds(name) if self.cluster.stock_dns else 0)


def is_cached(corefile: str, name: str, what: Literal["success", "denial"]) -> bool:
    """Whether a DNS server with this Corefile keeps positive or negative answers about a name."""
    cache = CACHE.search(corefile)
    if cache is None:
        return False
    asked = dns.name.from_text(name)
    for disabled in DISABLED.finditer(cache["options"] or ""):
        zones = disabled["zones"].split() or ["."]
        if disabled["what"] == what and any(asked.is_subdomain(dns.name.from_text(zone)) for zone in zones):
            return False
    return True


def plugin_options(corefile: str) -> dict[str, str]:
    """Option names and values of a Corefile's first kubernetes block;
    an option without a value has an empty one."""
    block = _PLUGIN.search(corefile)
    return {option["name"]: option["value"] for option in OPTION.finditer(block["options"])} if block else {}
