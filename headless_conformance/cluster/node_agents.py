"""A Pod to look from on every node, the control plane's included where that is ours: what one node hands out
or lets through, another may not."""

from __future__ import annotations

from headless_conformance.cluster.clients import AGENT, agent_pod
from headless_conformance.cluster.deployer import Deployer
from headless_conformance.cluster.kube import Kube
from headless_conformance.cluster.manifests import ManifestFolder
from headless_conformance.cluster.pods import is_pod_ready
from headless_conformance.cluster.shared import OTHER, SetUp
from headless_conformance.cluster.waiting import eventually
from headless_conformance.core.errors import NotSupportedError
from headless_conformance.core.mismatch import Mismatch, Where, require
from headless_conformance.core.objects import Object

PROXY_NAMESPACE, PROXY_LABEL = "kube-system", "k8s-app=kube-proxy"
CONTROL_PLANE_TAINT = "node-role.kubernetes.io/control-plane"
MOST_OF_ANOTHERS = 6
"""Nodes of a cluster of the person's own on which a Pod of ours looks around, at the most."""


def node_agents_set_up(deployer: Deployer, folder: ManifestFolder) -> SetUp:
    """An agent's Pod on every node, in a namespace that has nothing of the document in it; what is finished
    is the node of each by the Pod's name."""

    def create() -> dict[str, str]:
        namespace = deployer.shared.own_namespace(OTHER)
        nodes = nodes_for_pods(deployer.kube, ours=deployer.cluster.ours)
        named = {f"{AGENT}-{number}": node for number, node in enumerate(nodes, start=1)}
        for name, node in named.items():
            pod = agent_pod(folder, name, "In", node)
            if deployer.cluster.ours:
                pod["spec"]["tolerations"] = [{"key": CONTROL_PLANE_TAINT, "effect": "NoSchedule"}]
            deployer.shared.reserve("Pod", namespace, name)
            deployer.create([pod], namespace)
        return named

    def finish(named: dict[str, str]) -> dict[str, str]:
        namespace = deployer.shared.own_namespace(OTHER)
        return {name: node for name, node in named.items() if _runs(deployer, namespace, name)}

    return SetUp(deployer.shared, "node-agents", create, finish)


def nodes_for_pods(kube: Kube, *, ours: bool) -> list[str]:
    """Names of the Ready nodes that take a Pod of ours; those without kube-proxy, where others have it, are
    not meant for Pods that ask Services. Empty where this account may not list nodes."""
    try:
        nodes = kube.request("GET", "/api/v1/nodes")["items"]
    except NotSupportedError:
        return []
    proxied = _proxied(kube)
    names = [
        node["metadata"]["name"]
        for node in nodes
        if _takes_pods(node, ours=ours) and (not proxied or node["metadata"]["name"] in proxied)
    ]
    return names if ours else names[:MOST_OF_ANOTHERS]


def _proxied(kube: Kube) -> set[str]:
    try:
        proxies = kube.list("Pod", PROXY_NAMESPACE, labelSelector=PROXY_LABEL)
    except NotSupportedError:
        return set()
    return {str(proxy["spec"].get("nodeName")) for proxy in proxies}


def _takes_pods(node: Object, *, ours: bool) -> bool:
    conditions = node["status"].get("conditions") or ()
    ready = any(found["type"] == "Ready" and found["status"] == "True" for found in conditions)
    barred = [
        taint
        for taint in node["spec"].get("taints") or ()
        if taint["effect"] != "PreferNoSchedule" and not (ours and taint["key"] == CONTROL_PLANE_TAINT)
    ]
    linux = node["metadata"].get("labels", {}).get("kubernetes.io/os", "linux") == "linux"
    return ready and linux and not barred and not node["spec"].get("unschedulable")


def _runs(deployer: Deployer, namespace: str, name: str) -> bool:
    """Wait until a Pod is Ready. False on a cluster of the person's own where it does not become so, as on a
    node that is full."""
    if deployer.cluster.ours:
        deployer.await_pod(namespace, name)
        return True

    def decided() -> bool:
        pod = deployer.kube.get("Pod", namespace, name)
        ready, refused = is_pod_ready(pod), _is_unschedulable(pod)
        where = Where(namespace=namespace)
        require(ready or refused, f"Pod {name}: Ready", expected="true", observed=False, where=where)
        return ready

    try:
        return eventually(
            decided, expecting=f"Pod {name} to be Ready", within=deployer.cluster.pod_ready_timeout
        )
    except Mismatch:
        return False


def _is_unschedulable(pod: Object) -> bool:
    return any(
        found["type"] == "PodScheduled" and found.get("reason") == "Unschedulable"
        for found in pod["status"].get("conditions") or ()
    )
