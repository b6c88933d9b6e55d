"""Objects of the API as a cluster in memory has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Object = dict[str, Any]


LONG_AGO = "2026-01-01T00:00:00Z"


def service(name: str, selector: Mapping[str, str], namespace: str = "shop", **spec: Any) -> Object:
    """A Service as the API has it; headless unless another cluster IP is given."""
    address = spec.pop("clusterIP", "None")
    own = {
        "clusterIP": address,
        "clusterIPs": [address],
        "ipFamilies": ["IPv4"],
        "type": "ClusterIP",
        "ports": [],
        **spec,
    }
    own |= {"selector": dict(selector)} if selector else {}
    own["ports"] = [{"protocol": "TCP", **port} for port in own["ports"]]
    return {
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": LONG_AGO},
        "spec": own,
    }


def service_of(manifest: Object, number: int) -> Object:
    """A manifest with what the API server fills in."""
    spec = manifest["spec"]
    if spec.get("type") != "ExternalName":
        address = spec.get("clusterIP") or f"10.96.0.{number + 10}"
        spec |= {
            "clusterIP": address,
            "clusterIPs": [address],
            "ipFamilies": spec.get("ipFamilies", ["IPv4"]),
        }
        spec.setdefault("type", "ClusterIP")
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
    spec.setdefault("ports", [])
    manifest["metadata"].setdefault("creationTimestamp", LONG_AGO)
    return manifest


def pod(name: str, template: Object, number: int) -> Object:
    """A Ready Pod."""
    network = template.get("spec", {}).get("hostNetwork")
    address = "192.0.2.1" if network else f"10.1.{number // 250}.{number % 250 + 1}"
    return {
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"uid-{name}",
            "labels": dict((template.get("metadata") or {}).get("labels") or {}),
            "creationTimestamp": LONG_AGO,
        },
        "spec": {**template.get("spec", {}), "nodeName": "node-1"},
        "status": {
            "phase": "Running",
            "podIPs": [{"ip": address}],
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": LONG_AGO}],
        },
    }


def unready(found: Object, reason: str = "") -> None:
    """Make a Pod not Ready."""
    found["status"]["conditions"] = [
        {"type": "Ready", "status": "False", **({"reason": reason} if reason else {})}
    ]


def pending(found: Object) -> None:
    """Make a Pod one that waits for a node."""
    found["status"] = {
        "phase": "Pending",
        "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}],
    }


def slices(found: Object, pods: Iterable[Object]) -> list[Object]:
    """The EndpointSlices of a Service with selector: one for each set of port numbers."""
    spec, metadata = found["spec"], found["metadata"]
    grouped: dict[tuple[Any, ...], list[Object]] = {}
    for one in pods:
        labels = one["metadata"]["labels"]
        ended = one["status"].get("phase") in ("Succeeded", "Failed")
        alike = (
            one["metadata"]["namespace"] == metadata["namespace"]
            and spec["selector"].items() <= labels.items()
        )
        if alike and not ended and one["status"].get("podIPs"):
            ports = tuple(_ports(spec["ports"], one))
            grouped.setdefault(ports, []).append(_endpoint(found, one))
    made = []
    for number, (ports, endpoints) in enumerate(grouped.items()):
        labels = {"kubernetes.io/service-name": metadata["name"]}
        labels["endpointslice.kubernetes.io/managed-by"] = "endpointslice-controller.k8s.io"
        if spec["clusterIP"] == "None":
            labels["service.kubernetes.io/headless"] = ""
        made.append(
            {
                "metadata": {
                    "name": f"{metadata['name']}-{number}",
                    "namespace": metadata["namespace"],
                    "labels": labels,
                },
                "addressType": "IPv4",
                "ports": [
                    {"name": name, "port": number, "protocol": protocol} for name, number, protocol in ports
                ],
                "endpoints": endpoints,
            }
        )
    return made


def _ports(ports: Iterable[Object], one: Object) -> Iterable[tuple[str, int, str]]:
    declared = {
        p["name"]: p["containerPort"]
        for c in one["spec"].get("containers", [])
        for p in c.get("ports", [])
        if "name" in p
    }
    for port in ports:
        target = port.get("targetPort") or port["port"]
        number = declared.get(target) if isinstance(target, str) else target
        if number is not None:
            yield port.get("name", ""), number, port.get("protocol", "TCP")


def _endpoint(found: Object, one: Object) -> Object:
    metadata, is_ready = one["metadata"], one["status"]["conditions"][-1]["status"] == "True"
    terminating = "deletionTimestamp" in metadata
    published = bool(found["spec"].get("publishNotReadyAddresses"))
    named = one["spec"].get("hostname") if one["spec"].get("subdomain") == found["metadata"]["name"] else None
    return {
        "addresses": [one["status"]["podIPs"][0]["ip"]],
        "conditions": {
            "ready": published or (is_ready and not terminating),
            "serving": is_ready,
            "terminating": terminating,
        },
        "nodeName": one["spec"]["nodeName"],
        "targetRef": {
            "kind": "Pod",
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": metadata["uid"],
        },
        **({"hostname": named} if named else {}),
    }


def stateful_set(name: str = "db", replicas: int = 3, **spec: Any) -> Object:
    """A manifest of a StatefulSet behind the Service `<name>-peers`."""
    template_spec = spec.pop("template_spec", {})
    labels = spec.pop("labels", {"app": name})
    container = {"name": "server", "ports": [{"name": "data", "containerPort": 5432}]}
    return {
        "kind": "StatefulSet",
        "metadata": {"name": name},
        "spec": {
            "serviceName": f"{name}-peers",
            "replicas": replicas,
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [container], **template_spec},
            },
            **spec,
        },
    }


def headless(name: str = "db-peers", selector: Mapping[str, str] | None = None, **spec: Any) -> Object:
    """A manifest of a headless Service with one named port."""
    chosen = {"app": "db"} if selector is None else dict(selector)
    own = {"clusterIP": "None", "ports": [{"name": "data", "port": 5432}], **spec}
    own |= {"selector": chosen} if chosen else {}
    return {"kind": "Service", "metadata": {"name": name}, "spec": own}
