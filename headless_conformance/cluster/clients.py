"""Pods that tests look from: an agent for DNS and the C library, and others that a document brings."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from headless_conformance.cluster.agent import Agent
from headless_conformance.cluster.cluster_dns import ClusterDns
from headless_conformance.cluster.deployer import Deployer
from headless_conformance.cluster.dns_answer import PORT, Server
from headless_conformance.cluster.dns_services import DnsEndpoint
from headless_conformance.cluster.facts import Facts
from headless_conformance.cluster.kube import Kube, node_of
from headless_conformance.cluster.manifests import ManifestFolder
from headless_conformance.cluster.shared import SetUp
from headless_conformance.cluster.waiting import ObservationError, reached
from headless_conformance.core.objects import Object

Range = ipaddress.IPv4Network | ipaddress.IPv6Network

CLIENTS_FILE = "clients.yaml"
AGENT = "headless-client"
"""Name of the agent's Pod."""
DNS_AGENT = f"{AGENT}-for-dns"
"""Name of the Pod that asks DNS servers, where it is beside the agent's."""


def client_set_up(
    deployer: Deployer, folder: ManifestFolder, namespace: str, name: str, role: str, called: str = ""
) -> SetUp:
    """One of the client Pods of a folder, by its name; `role` tells it from others of that name in a run, and
    `called` is another name for it in the cluster."""
    pod_name = called or name

    def create() -> None:
        pods = [pod for pod in folder.load(CLIENTS_FILE) if pod["metadata"]["name"] == name]
        for pod in pods:
            pod["metadata"]["name"] = pod_name
        deployer.shared.reserve("Pod", namespace, pod_name)
        deployer.create(pods, namespace)

    return SetUp(deployer.shared, role, create, lambda _: deployer.await_pod(namespace, pod_name))


def new_agent(deployer: Deployer, folder: ManifestFolder, namespace: str, pod: str = AGENT) -> Agent:
    """The agent of a namespace, whose Pod is there; another one takes its place when its node dies."""
    spare = partial(_spare_agent, deployer, folder, namespace, pod)
    return Agent(deployer.kube, namespace, pod, partial(_at_rest_timeout, deployer.facts), spare)


def agent_on(deployer: Deployer, namespace: str, pod: str, node: str) -> Agent:
    """An agent in a Pod that has its program's interpreter, on a node that is of interest."""
    at_rest_timeout = partial(_at_rest_timeout, deployer.facts)
    return Agent(deployer.kube, namespace, pod, at_rest_timeout, node=node)


def _at_rest_timeout(facts: Facts) -> float:
    return facts.at_rest_timeout(f"svc.{facts.domain}.")


def _spare_agent(deployer: Deployer, folder: ManifestFolder, namespace: str, first: str) -> str:
    """Name of an agent's Pod on another node than the first one's, made once per run."""
    spare = f"{first}-spare"

    def create() -> None:
        dead = node_of(deployer.kube.get("Pod", namespace, first))
        deployer.shared.reserve("Pod", namespace, spare)
        deployer.create([agent_pod(folder, spare, "NotIn", dead)], namespace)
        deployer.await_pod(namespace, spare)

    deployer.shared.once(f"{spare}-in-{namespace}", create)
    return spare


def agent_pod(folder: ManifestFolder, name: str, operator: Literal["In", "NotIn"], node: str) -> Object:
    """Another of the agent's Pods, on this node or on any but this one."""
    (pod,) = [found for found in folder.load(CLIENTS_FILE) if found["metadata"]["name"] == AGENT]
    chosen = {"matchFields": [{"key": "metadata.name", "operator": operator, "values": [node]}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [chosen]}}
    pod["metadata"]["name"] = name
    pod["spec"]["affinity"] = {"nodeAffinity": required}
    return pod


def ready_replicas(cluster_dns: ClusterDns) -> dict[Server, str] | None:
    """The DNS servers that are ready and their nodes; None where this account may not see them."""
    found = cluster_dns.endpoints()
    return None if found is None else {_server(endpoint): endpoint.node for endpoint in found}


def _server(endpoint: DnsEndpoint) -> Server:
    name = f"CoreDNS Pod {endpoint.pod}" if endpoint.pod else f"DNS server {endpoint.address}"
    port = endpoint.udp_port or endpoint.tcp_port or PORT
    return Server(name, endpoint.address, port, endpoint.tcp_port or port)


def name_servers(cluster_dns: ClusterDns) -> tuple[Server, ...]:
    """The addresses that Pods ask."""
    addresses = cluster_dns.asked
    name = "the Pods' name server"
    return tuple(
        Server(name if len(addresses) == 1 else f"{name} {number}", address)
        for number, address in enumerate(addresses, start=1)
    )


class _NoneReadyError(ObservationError):
    """There were DNS servers when the run began, and there is none now."""


@dataclass
class DnsServers:
    """The DNS servers of a cluster as Pods ask them: each that is ready, where this account may see them, and
    the addresses that Pods are told to ask.

    Those come last, so that a server that is silent or wrong is named itself.
    """

    kube: Kube
    cluster_dns: ClusterDns
    services: tuple[Server, ...]
    _nodes: dict[Server, str] = field(default_factory=dict)
    """The servers that were found last, and their nodes."""

    def find(self) -> tuple[Server, ...]:
        """Those that there are now: one server at least, which is waited for. Raises OutageError when none
        comes."""
        self.kube.outages.require_dns()

        def look() -> tuple[Server, ...]:
            found = ready_replicas(self.cluster_dns)
            if found == {} and self.kube.outages.has_dns:
                raise _NoneReadyError("no DNS server of the cluster is Ready")
            self._nodes = found or {}
            return (*self._nodes, *self.services)

        try:
            return reached(look, in_vain=lambda error: isinstance(error, _NoneReadyError))
        except _NoneReadyError:
            self.kube.outages.look_at_dns()
            raise

    def are_there(self, server: Server) -> bool:
        """Whether a server is still one to be asked: ready, on a node that answers. Of a Service: all that
        were found."""
        now = ready_replicas(self.cluster_dns) or {}
        asked = self._nodes if server in self.services else {server: self._nodes[server]}
        return all(found in now and self.kube.outages.answers(node) for found, node in asked.items())
