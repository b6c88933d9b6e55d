"""Pods that tests look from: an agent for DNS and the C library, and others that a document brings."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from functools import partial

from headless_conformance.cluster.agent import Agent
from headless_conformance.cluster.deployer import Deployer
from headless_conformance.cluster.dns_answer import PORT, Server
from headless_conformance.cluster.facts import DNS_NAMESPACE, DNS_SERVICE
from headless_conformance.cluster.headless_set import is_pod_ready
from headless_conformance.cluster.kube import Kube, node_of
from headless_conformance.cluster.manifests import ManifestFolder
from headless_conformance.cluster.shared import SetUp
from headless_conformance.cluster.waiting import ObservationError, reached
from headless_conformance.core.errors import NotSupportedError
from headless_conformance.core.objects import Object

Range = ipaddress.IPv4Network | ipaddress.IPv6Network

CLIENTS_FILE = "clients.yaml"
AGENT = "headless-client"
"""Name of the agent's Pod."""
SPARE_AGENT = f"{AGENT}-spare"


def client_set_up(deployer: Deployer, folder: ManifestFolder, namespace: str, name: str, role: str) -> SetUp:
    """One of the client Pods of a folder, by its name; `role` tells it from others of that name in a run."""

    def create() -> None:
        pods = [pod for pod in folder.load(CLIENTS_FILE) if pod["metadata"]["name"] == name]
        deployer.shared.reserve("Pod", namespace, name)
        deployer.create(pods, namespace)

    return SetUp(deployer.shared, role, create, lambda _: deployer.await_pod(namespace, name))


def new_agent(deployer: Deployer, folder: ManifestFolder, namespace: str) -> Agent:
    """The agent of a namespace, whose Pod is there; another one takes its place when its node dies."""
    facts = deployer.facts
    return Agent(
        deployer.kube,
        namespace,
        AGENT,
        lambda: facts.at_rest_timeout(f"svc.{facts.domain}."),
        partial(_spare_agent, deployer, folder, namespace),
    )


def _spare_agent(deployer: Deployer, folder: ManifestFolder, namespace: str) -> str:
    """Name of an agent's Pod on another node than the first one's, made once per run."""

    def create() -> None:
        dead = node_of(deployer.kube.get("Pod", namespace, AGENT))
        elsewhere = {"matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": [dead]}]}
        required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [elsewhere]}}
        pods = [pod for pod in folder.load(CLIENTS_FILE) if pod["metadata"]["name"] == AGENT]
        for pod in pods:
            pod["metadata"]["name"] = SPARE_AGENT
            pod["spec"]["affinity"] = {"nodeAffinity": required}
        deployer.shared.reserve("Pod", namespace, SPARE_AGENT)
        deployer.create(pods, namespace)
        deployer.await_pod(namespace, SPARE_AGENT)

    deployer.shared.once(f"spare-agent-in-{namespace}", create)
    return SPARE_AGENT


def ready_replicas(kube: Kube) -> dict[Server, str] | None:
    """The Ready CoreDNS Pods and their nodes; None where this account may not see them."""
    try:
        pods = kube.list("Pod", DNS_NAMESPACE, labelSelector=f"k8s-app={DNS_SERVICE}")
    except NotSupportedError:
        return None
    return {
        Server(f"CoreDNS Pod {pod['metadata']['name']}", pod["status"]["podIP"], _dns_port(pod)): pod["spec"][
            "nodeName"
        ]
        for pod in pods
        if is_pod_ready(pod)
    }


class _NoneReadyError(ObservationError):
    """There were DNS servers when the run began, and there is none now."""


@dataclass
class DnsServers:
    """The DNS servers of a cluster as Pods ask them: its DNS Service, and each Ready CoreDNS Pod where this
    account may see them."""

    kube: Kube
    service: Server
    _nodes: dict[Server, str] = field(default_factory=dict)
    """The Pods that were found last, and their nodes."""

    def find(self) -> tuple[Server, ...]:
        """Those that there are now: one Pod at least, which is waited for. Raises OutageError when none
        comes."""
        self.kube.outages.require_dns()

        def look() -> tuple[Server, ...]:
            found = ready_replicas(self.kube)
            if found == {} and self.kube.outages.has_dns:
                raise _NoneReadyError("no DNS server of the cluster is Ready")
            self._nodes = found or {}
            return (self.service, *self._nodes)

        try:
            return reached(look, in_vain=lambda error: isinstance(error, _NoneReadyError))
        except _NoneReadyError:
            self.kube.outages.look_at_dns()
            raise

    def are_there(self, server: Server) -> bool:
        """Whether a server is still one to be asked: a Ready Pod on a node that answers. Of the Service: all
        that were found."""
        now = ready_replicas(self.kube) or {}
        asked = self._nodes if server == self.service else {server: self._nodes[server]}
        return all(found in now and self.kube.outages.answers(node) for found, node in asked.items())


def _dns_port(pod: Object) -> int:
    """Where a CoreDNS Pod listens: the DNS Service's port may lead to another one."""
    ports = [found for container in pod["spec"]["containers"] for found in container.get("ports", [])]
    return next((int(found["containerPort"]) for found in ports if found.get("name") == "dns"), PORT)
