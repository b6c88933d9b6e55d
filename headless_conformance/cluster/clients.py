"""Pods that tests look from: an agent for DNS and the C library, and others that a document brings."""

from __future__ import annotations

import ipaddress
import time

from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from headless_conformance.cluster.agent import Agent
from headless_conformance.cluster.deployer import Deployer
from headless_conformance.cluster.dns_answer import PORT, Server
from headless_conformance.cluster.facts import DNS_NAMESPACE, DNS_SERVICE
from headless_conformance.cluster.headless_set import is_pod_ready
from headless_conformance.cluster.kube import Kube, Object
from headless_conformance.cluster.manifests import ManifestFolder
from headless_conformance.core.errors import NotSupported

Range = ipaddress.IPv4Network | ipaddress.IPv6Network

NODE_SECONDS = 2.0
"""How long a kubelet may take to answer."""
SERVER_ERRORS = 500

CLIENTS_FILE = "clients.yaml"
AGENT = "headless-client"
"""Name of the agent's Pod."""


def create_client(deployer: Deployer, folder: ManifestFolder, namespace: str, name: str) -> None:
    """One of the client Pods of a folder, Ready."""
    pods = [pod for pod in folder.load(CLIENTS_FILE) if pod["metadata"]["name"] == name]
    deployer.shared.reserve("Pod", namespace, name)
    deployer.create(pods, namespace)
    deployer.await_pod(namespace, name)


def new_agent(deployer: Deployer, namespace: str) -> Agent:
    facts = deployer.facts
    return Agent(deployer.kube, namespace, AGENT, lambda: facts.at_rest_timeout(f"svc.{facts.domain}."))


def ready_replicas(kube: Kube) -> dict[Server, str]:
    """The Ready CoreDNS Pods and their nodes; none where this account may not see them:
    it asks the DNS Service only."""
    try:
        pods = kube.list("Pod", DNS_NAMESPACE, labelSelector=f"k8s-app={DNS_SERVICE}")
    except NotSupported:
        return {}
    return {
        Server(f"CoreDNS Pod {pod['metadata']['name']}", pod["status"]["podIP"], _dns_port(pod)): pod["spec"][
            "nodeName"
        ]
        for pod in pods
        if is_pod_ready(pod)
    }


def _dns_port(pod: Object) -> int:
    """Where a CoreDNS Pod listens: the DNS Service's port may lead to another one."""
    ports = [found for container in pod["spec"]["containers"] for found in container.get("ports", [])]
    return next((int(found["containerPort"]) for found in ports if found.get("name") == "dns"), PORT)


def node_answers(kube: Kube, node: str) -> bool:
    """Whether a node's kubelet answers the API server at once; yes where this account may not ask."""
    asked = time.monotonic()
    try:
        kube.core.connect_get_node_proxy_with_path(node, "healthz", _request_timeout=NODE_SECONDS)
    except HTTPError:
        return False
    except ApiException as error:
        return int(error.status) < SERVER_ERRORS
    # The client asks again by itself: a node that stood still may answer the last time.
    return time.monotonic() - asked < NODE_SECONDS
