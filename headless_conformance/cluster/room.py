"""Whether a node has room for one more Pod, in the scheduler's own words."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import uuid4

from headless_conformance.cluster.kube import Kube
from headless_conformance.cluster.waiting import eventually
from headless_conformance.core.mismatch import Where, require
from headless_conformance.core.objects import Object

NEVER = ("NoSchedule", "NoExecute")
"""Effects of taints that keep Pods away."""
TRIAL_PREFIX = "headless-room-"


def nodes_without_room(kube: Kube, like: Object, nodes: Iterable[str]) -> dict[str, str]:
    """The nodes that take Pods and have no room for one that needs what the Pod `like` needs, each with why.

    Another Pod is created for that, beside it, and deleted.
    """
    return {node: reason for node in nodes if (reason := _why_no_room(kube, like, node))}


def nodes_that_take_pods(kube: Kube) -> list[str]:
    """Their names: no taint and no cordon keeps Pods away."""
    return [
        node["metadata"]["name"]
        for node in kube.request("GET", "/api/v1/nodes")["items"]
        if not node["spec"].get("unschedulable")
        and not any(taint["effect"] in NEVER for taint in node["spec"].get("taints", ()))
    ]


def _why_no_room(kube: Kube, like: Object, node: str) -> str:
    namespace, name = like["metadata"]["namespace"], f"{TRIAL_PREFIX}{uuid4().hex[:8]}"
    kube.create(namespace, _trial(like, name, node))

    def scheduled() -> Object:
        conditions = kube.get("Pod", namespace, name)["status"].get("conditions", ())
        found = [one for one in conditions if one["type"] == "PodScheduled"]
        where = Where(node=node, namespace=namespace)
        require(bool(found), f"Pod {name} .status.conditions", expected="present", observed=None, where=where)
        return dict(found[0])

    try:
        seen = eventually(scheduled, expecting=f"the scheduler to look for room on node {node}", within=20.0)
    finally:
        kube.delete("Pod", namespace, name)
    return "" if seen["status"] == "True" else str(seen.get("message") or seen.get("reason"))


def _trial(like: Object, name: str, node: str) -> Object:
    """A Pod that can only be on this node, and asks for as much as the other one. It need not start."""
    spec = like["spec"]
    on_node = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [on_node]}}
    kept = ("name", "image", "resources", "securityContext")
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "affinity": {"nodeAffinity": required},
            "terminationGracePeriodSeconds": 0,
            "restartPolicy": "Never",
            **{field: spec[field] for field in ("securityContext", "imagePullSecrets") if field in spec},
            "containers": [
                {field: container[field] for field in kept if field in container}
                for container in spec["containers"]
            ],
        },
    }
