"""Clients of the ordinary Service that the document contrasts with a headless one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.kube import Kube, node_of
from headless_conformance.cluster.pods import is_pod_ready
from headless_conformance.core.errors import NotSupportedError, not_supported
from suites.headless_service.sql import HOSTNAME, SQL_CLIENT, Sql, as_pods, asked_in_pod

PROXY_NAMESPACE, PROXY_LABEL = "kube-system", "k8s-app=kube-proxy"
TOPOLOGY_ANNOTATIONS = ("service.kubernetes.io/topology-mode", "service.kubernetes.io/topology-aware-hints")


def keeps_connections_near(found: HeadlessSet) -> bool:
    """Whether a Service, as it is stored, may send a client to the members that are near it only."""
    service = found.get_service()
    spec, annotations = service["spec"], service["metadata"].get("annotations", {})
    by_annotation = any(annotations.get(name, "").lower() == "auto" for name in TOPOLOGY_ANNOTATIONS)
    return (
        by_annotation or bool(spec.get("trafficDistribution")) or spec.get("internalTrafficPolicy") == "Local"
    )


def nodes_without_kube_proxy(kube: Kube) -> set[str]:
    """The nodes that have no kube-proxy where others have one, so that they know no new Service; none where
    this account may not see it."""
    try:
        proxies = kube.list("Pod", PROXY_NAMESPACE, labelSelector=PROXY_LABEL)
        nodes = {node["metadata"]["name"] for node in kube.request("GET", "/api/v1/nodes")["items"]}
    except NotSupportedError:
        return set()
    served = {node_of(proxy) for proxy in proxies if is_pod_ready(proxy)}
    return nodes - served if served else set()


@dataclass(frozen=True)
class ServiceClients:
    """What clients of the ordinary Service see: one Pod that is none of its members, where every client sees
    all of them; else its own members, each on its node."""

    members: HeadlessSet
    sql: Sql

    @property
    def host(self) -> str:
        """The Service's name, from another namespace."""
        return f"{self.members.service_name}.{self.members.namespace}"

    def ask(self, statement: str, times: int) -> list[str]:
        """What a statement prints on so many new connections of each client."""
        if not (inside := self._inside()):
            return self.sql.repeat(self.host, statement, times)
        hosts = [self.host] * times
        return [row for ordinal in inside for row in asked_in_pod(self.members, ordinal, statement, hosts)]

    def write(self, statement: str) -> None:
        """Make a change on one connection of one client."""
        if inside := self._inside():
            asked_in_pod(self.members, inside[0], statement, [self.host])
        else:
            self.sql.query(self.host, statement)

    def servers(self, times: int) -> set[str]:
        """The Pods whose servers answer on so many new connections of each client."""
        return set(as_pods(self.ask(HOSTNAME, times), self.members, self.sql.hostnames))

    def _inside(self) -> Sequence[int]:
        """The members that look in the place of the Pod that is none; empty where that one can tell."""
        kube = self.members.kube
        without = nodes_without_kube_proxy(kube)
        own = node_of(kube.get("Pod", self.sql.namespace, SQL_CLIENT))
        if own not in without and not keeps_connections_near(self.members):
            return ()
        able = [o for o in self.members.ordinals if node_of(self.members.get_pod(o)) not in without]
        return able or not_supported("no client of the Service is on a node with kube-proxy")
