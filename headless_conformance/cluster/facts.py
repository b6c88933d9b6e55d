"""What must be known of a cluster before its promises can be checked,
from where it is configured, never from DNS."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from kubernetes.client.exceptions import ApiException

from headless_conformance.cluster.cluster_dns import ClusterDns
from headless_conformance.cluster.kube import Kube
from headless_conformance.cluster.model import DEFAULT_DOMAIN, Capability, Cluster
from headless_conformance.cluster.waiting import AT_REST_TIMEOUT, CHANGE_TIMEOUT, DNS_DELAY
from headless_conformance.core.errors import NotSupportedError, not_supported
from headless_conformance.core.settings import Network

SEARCHED = re.compile(r"^search\s.*?\bsvc\.(?P<domain>\S+)", re.MULTILINE)


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
        return str(self.dns.kubelets[0]["clusterDomain"])

    @cached_property
    def dns(self) -> ClusterDns:
        """Where the cluster's DNS is."""
        return ClusterDns(self.kube, self.cluster, self.resolver)

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

    @property
    def endpoint_pod_names(self) -> bool:
        """Whether a DNS server is configured to name endpoints without a hostname after their Pods."""
        name = f"svc.{self.domain}."
        return any(found.has_option("endpoint_pod_names", name) for found in self.dns.configurations)

    def cache_seconds(self, name: str) -> float:
        """Seconds for which an old answer about a name may be kept, at the most the documented delay; that
        delay where it is not told.

        On a cluster of the person's own for its TTL at least: a cache on the nodes (NodeLocal DNSCache) may
        have the DNS Service's address.
        """
        try:
            configurations = self.dns.configurations
        except NotSupportedError:
            return DNS_DELAY
        kept = [max(found.kept(name, "success"), found.kept(name, "denial")) for found in configurations]
        if not self.cluster.ours:
            kept += [found.ttl(name) or 0 for found in configurations]
        return min(max(kept), DNS_DELAY)

    def change_timeout(self, name: str) -> float:
        """Seconds within which every DNS server must have noticed a change of what a name leads to."""
        return CHANGE_TIMEOUT + self.cache_seconds(name)

    def at_rest_timeout(self, name: str) -> float:
        """Seconds to look again at a name that is at rest.

        Where answers about names are kept, as by k3s, the first question may have met what there was just
        before.
        """
        return AT_REST_TIMEOUT + (self.cache_seconds(name) if self.cluster.stock_dns else 0)
