"""The DNS of one cluster as its Pods are told to use it: name servers, Services, servers, configurations."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from kubernetes.client.exceptions import ApiException

from headless_conformance.cluster.corefile import MAIN_FILE, DnsConfiguration
from headless_conformance.cluster.dns_services import (
    DNS_PORT,
    USUAL_NAMESPACES,
    DnsEndpoint,
    cluster_ips,
    endpoints_of,
    has_dns_port,
    is_node_cache,
    key_of,
    may_be_behind_a_cache,
    owners,
)
from headless_conformance.cluster.kube import Kube
from headless_conformance.cluster.model import Capability, Cluster
from headless_conformance.cluster.waiting import COULD_NOT_OBSERVE
from headless_conformance.core.errors import NotSupportedError, not_supported
from headless_conformance.core.mismatch import require
from headless_conformance.core.objects import Object
from headless_conformance.records.objects import SERVICE_NAME_LABEL

USUAL_NAMESPACE, USUAL_CONFIGURATION = "kube-system", "coredns"
"""Where kubeadm has the configuration of its DNS servers."""
USUAL_LABEL = ("k8s-app", "kube-dns")
"""On the DNS Service of most clusters: it tells it where no kubelet does."""
NAMESERVER = re.compile(r"^nameserver\s+(?P<address>\S+)", re.MULTILINE)


@dataclass(frozen=True)
class ClusterDns:
    """Each part is read when it is first asked for."""

    kube: Kube
    cluster: Cluster
    resolver: Callable[[], str]
    """A Pod's resolv.conf."""

    @cached_property
    def kubelets(self) -> list[Object]:
        """The configurations of the kubelets that say theirs. Raises what the last one did when none does."""
        found: list[Object] = []
        problem: Exception | None = None
        for node in self.kube.request("GET", "/api/v1/nodes")["items"]:
            path = f"/api/v1/nodes/{node['metadata']['name']}/proxy/configz"
            try:
                found.append(self.kube.request("GET", path)["kubeletconfig"])
            except COULD_NOT_OBSERVE as error:
                problem = error
        if not found and problem:
            raise problem
        return found

    @cached_property
    def name_servers(self) -> list[str]:
        """The addresses that Pods are told to ask, each once: by the kubelets; on a cluster of the person's
        own as a Pod was given them; where no kubelet is, those of its DNS Services."""
        if Capability.KUBELET not in self.cluster.capabilities:
            answering = [found for found in self._all_services if has_dns_port(found, "UDP")]
            name, value = USUAL_LABEL
            labelled = [
                found for found in answering if found["metadata"].get("labels", {}).get(name) == value
            ]
            return [address for found in labelled or answering for address in cluster_ips(found)]
        if not self.cluster.ours:
            told = NAMESERVER.findall(self.resolver())
            return list(dict.fromkeys(told)) or not_supported("Pods have no name server")
        handed_out = (address for kubelet in self.kubelets for address in kubelet.get("clusterDNS") or ())
        return list(dict.fromkeys(handed_out))

    @cached_property
    def services(self) -> list[Object]:
        """The Services that own these addresses and answer on DNS' port; behind a cache on the nodes, all
        that it may ask. NotSupportedError where this account may not list Services."""
        found: dict[str, Object] = {}
        for address in self.name_servers:
            own = owners(self._all_services, address)
            if not own and is_node_cache(address):
                own = [service for service in self._all_services if may_be_behind_a_cache(service)]
            found |= {key_of(service): service for service in own if has_dns_port(service, "UDP")}
        return list(found.values())

    @cached_property
    def addresses(self) -> list[str]:
        """All addresses of the DNS Services, those that Pods are told to ask first.

        NotSupportedError on a cluster of the person's own whose Pods do not ask a Service.
        """
        own = [address for found in self.services for address in cluster_ips(found)]
        told = [address for address in self.name_servers if address in own]
        if not told and (not self.cluster.ours or any(map(is_node_cache, self.name_servers))):
            not_supported("Pods ask a cache on their nodes, or no Service of this cluster")
        subject = f"Services with the address {','.join(self.name_servers) or 'of-a-name-server'}"
        require(bool(told), subject, expected="at least 1", observed="0")
        return list(dict.fromkeys((*told, *own)))

    @property
    def asked(self) -> list[str]:
        """The addresses that Pods ask: those that no Service owns are asked on a cluster of the person's own
        alone, where they may be a cache on the nodes."""
        own = [address for found in self.services for address in cluster_ips(found)]
        told = [address for address in self.name_servers if not self.cluster.ours or address in own]
        return told or self.name_servers

    def service_fqdn(self, address: str, domain: str) -> str:
        """The name of the Service with this address, with the dot at its end."""
        found = owners(self.services, address)
        if not found:
            not_supported(f"no Service has the name server's address {address}")
        metadata = found[0]["metadata"]
        return f"{metadata['name']}.{metadata['namespace']}.svc.{domain}."

    def endpoints(self) -> list[DnsEndpoint] | None:
        """The servers that are ready now, each once; None where this account may not see them."""
        try:
            found = [endpoint for service in self.services for endpoint in self._endpoints_of(service)]
            return list(dict.fromkeys(found)) if self.services else None
        except NotSupportedError:
            return None

    @property
    def pods(self) -> list[tuple[str, str]]:
        """Which Pods the DNS servers are: namespaces and label selectors, as far as Services say it."""
        return [
            (service["metadata"]["namespace"], ",".join(f"{name}={value}" for name, value in labels.items()))
            for service in self.services
            if (labels := service["spec"].get("selector"))
        ]

    @cached_property
    def configurations(self) -> list[DnsConfiguration]:
        """Of the DNS servers, one for each Service. NotSupportedError where none can be read."""
        found = [self._configuration_of(service) for service in self.services]
        known = [configuration for configuration in found if configuration]
        if not known:
            usual = self._config_map(USUAL_NAMESPACE, USUAL_CONFIGURATION)
            known = [DnsConfiguration(usual)] if usual else []
        if not known:
            not_supported("no ConfigMap that this account may read holds the DNS servers' configuration")
        return known

    @cached_property
    def _all_services(self) -> list[Object]:
        try:
            return self.kube.list("Service", "")
        except NotSupportedError:
            return list(self._services_of(USUAL_NAMESPACES))

    def _services_of(self, namespaces: Iterable[str]) -> Iterable[Object]:
        """The Services of these namespaces that may be listed. NotSupportedError when none may."""
        refused: NotSupportedError | None = None
        listed = False
        for namespace in namespaces:
            try:
                yield from self.kube.list("Service", namespace)
                listed = True
            except NotSupportedError as error:
                refused = error
        if refused and not listed:
            raise refused

    def _endpoints_of(self, service: Object) -> list[DnsEndpoint]:
        namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
        slices = self.kube.list("EndpointSlice", namespace, labelSelector=f"{SERVICE_NAME_LABEL}={name}")
        return endpoints_of(service, slices).ready

    def _configuration_of(self, service: Object) -> DnsConfiguration | None:
        """What the first server of a Service that is a Pod has mounted."""
        try:
            servers = [endpoint for endpoint in self._endpoints_of(service) if endpoint.pod]
            for server in servers[:1]:
                pod = self.kube.get("Pod", server.namespace, server.pod)
                for volume in pod["spec"].get("volumes", ()):
                    name = (volume.get("configMap") or {}).get("name", "")
                    if name and (files := self._config_map(server.namespace, name)):
                        return DnsConfiguration(files, server.udp_port or server.tcp_port or DNS_PORT)
        except NotSupportedError:
            return None
        return None

    def _config_map(self, namespace: str, name: str) -> dict[str, str]:
        """The files of a ConfigMap with a Corefile; none where it is not there or has none."""
        try:
            data = self.kube.get("ConfigMap", namespace, name).get("data") or {}
        except NotSupportedError:
            return {}
        except ApiException as error:
            if error.status == 404:
                return {}
            raise
        return dict(data) if MAIN_FILE in data else {}
