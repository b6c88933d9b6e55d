"""The EndpointSlices that a controller writes for a Service and its Pods, for tests that need no cluster.

It shares no code with the model: it goes through the Pods as Kubernetes' EndpointSlice controller does, and
writes one slice for each family and set of ports.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

Object = dict[str, Any]


def slices_of(service: Object, pods: Iterable[Object]) -> list[Object]:
    """None for a Service without selector."""
    spec, metadata = service["spec"], service["metadata"]
    if not spec.get("selector"):
        return []
    written: dict[tuple[str, str], Object] = {}
    for pod in pods:
        labels = pod["metadata"]["labels"]
        if pod["status"]["phase"] in ("Succeeded", "Failed") or any(
            labels.get(key) != value for key, value in spec["selector"].items()
        ):
            continue
        ports = [found for port in spec.get("ports") or () if (found := _port(port, pod))]
        for entry in pod["status"]["podIPs"]:
            family = f"IPv{ipaddress.ip_address(entry['ip']).version}"
            if family in spec["ipFamilies"]:
                found = written.setdefault(
                    (family, repr(ports)), _slice(service, family, ports, len(written))
                )
                found["endpoints"].append(_endpoint(metadata["name"], spec, pod, entry["ip"]))
    return list(written.values())


def _port(port: Object, pod: Object) -> Object | None:
    number = port["targetPort"]
    if isinstance(number, str):
        listed = [found for container in pod["spec"]["containers"] for found in container["ports"]]
        number = next((found["containerPort"] for found in listed if found["name"] == number), None)
    return {"name": port["name"], "port": number, "protocol": port["protocol"]} if number else None


def _endpoint(service: str, spec: Object, pod: Object, address: str) -> Object:
    metadata = pod["metadata"]
    serving = pod["status"]["conditions"][0]["status"] == "True"
    terminating = "deletionTimestamp" in metadata
    ready = spec.get("publishNotReadyAddresses", False) or (serving and not terminating)
    reference = {
        "kind": "Pod",
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
    }
    endpoint = {
        "addresses": [address],
        "conditions": {"ready": ready, "serving": serving, "terminating": terminating},
        "targetRef": reference,
        "nodeName": pod["spec"]["nodeName"],
    }
    if pod["spec"].get("subdomain") == service and "hostname" in pod["spec"]:
        endpoint["hostname"] = pod["spec"]["hostname"]
    return endpoint


def _slice(service: Object, family: str, ports: list[Object], number: int) -> Object:
    name = service["metadata"]["name"]
    labels = {
        "kubernetes.io/service-name": name,
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
    }
    if service["spec"]["clusterIP"] == "None":
        labels["service.kubernetes.io/headless"] = ""
    metadata = {
        "name": f"{name[:50]}-of-pods-{number}",
        "namespace": service["metadata"]["namespace"],
        "labels": labels,
    }
    return {"metadata": metadata, "addressType": family, "ports": ports, "endpoints": []}
