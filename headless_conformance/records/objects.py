"""Services, EndpointSlices and Pods, read from the JSON of the API: only what decides about records.

Fields that the API server fills in may be missing, as in a manifest: the API's own defaults hold then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from headless_conformance.records.names import canonical_address

ReadOnlyObject = Mapping[str, Any]
"""An object of the API, as its manifest has it."""

SERVICE_NAME_LABEL = "kubernetes.io/service-name"
POD_NAME_LABEL = "statefulset.kubernetes.io/pod-name"
MANAGED_BY_LABEL = "endpointslice.kubernetes.io/managed-by"
HEADLESS_LABEL = "service.kubernetes.io/headless"
CONTROLLER = "endpointslice-controller.k8s.io"
"""The value of MANAGED_BY_LABEL on what the control plane writes for a Service with selector."""
ENDED = ("Succeeded", "Failed")


class ServiceKind(StrEnum):
    """How the specification sees a Service."""

    HEADLESS = "headless"
    CLUSTER_IP = "ClusterIP"
    EXTERNAL_NAME = "ExternalName"
    PENDING = "without address yet"
    """It will get a cluster IP, and nothing can be said before."""


@dataclass(frozen=True)
class ServicePort:
    name: str
    number: int
    protocol: str
    target: int | str


@dataclass(frozen=True)
class Service:
    namespace: str
    name: str
    kind: ServiceKind
    cluster_ips: tuple[str, ...]
    families: tuple[str, ...]
    ports: tuple[ServicePort, ...]
    selector: Mapping[str, str]
    external_name: str
    publish_not_ready: bool

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def named_ports(self) -> frozenset[tuple[str, str]]:
        """Name and protocol of each port that has a name."""
        return frozenset((port.name, port.protocol) for port in self.ports if port.name)


@dataclass(frozen=True)
class EndpointPort:
    name: str
    number: int | None
    protocol: str


@dataclass(frozen=True)
class Endpoint:
    addresses: tuple[str, ...]
    hostname: str
    target: str
    """The object behind it, as `Kind/namespace/name/uid`, or an empty string."""
    node: str
    ready: bool
    serving: bool
    terminating: bool


@dataclass(frozen=True)
class EndpointSlice:
    namespace: str
    name: str
    service: str
    managed_by: str
    says_headless: bool
    """Whether it has the label that tells kube-proxy to leave it alone."""
    family: str
    ports: frozenset[EndpointPort]
    endpoints: tuple[Endpoint, ...]

    @property
    def service_key(self) -> str:
        return f"{self.namespace}/{self.service}"


@dataclass(frozen=True)
class Pod:
    namespace: str
    name: str
    uid: str
    labels: Mapping[str, str]
    ended: bool
    ready: bool
    terminating: bool
    addresses: tuple[str, ...]
    hostname: str
    subdomain: str
    node: str
    named_ports: Mapping[tuple[str, str], int]
    """Number of each container port by name and protocol; of two with the same, the first."""


def read_service(found: ReadOnlyObject) -> Service:
    """A Service of the API."""
    spec = found.get("spec") or {}
    addresses = list(spec.get("clusterIPs") or ([spec["clusterIP"]] if spec.get("clusterIP") else []))
    if spec.get("type") == "ExternalName":
        kind = ServiceKind.EXTERNAL_NAME
    elif not addresses:
        kind = ServiceKind.PENDING
    else:
        kind = ServiceKind.HEADLESS if addresses[0] == "None" else ServiceKind.CLUSTER_IP
    return Service(
        namespace=_namespace(found),
        name=found["metadata"]["name"],
        kind=kind,
        cluster_ips=tuple(canonical_address(address) for address in addresses)
        if kind is ServiceKind.CLUSTER_IP
        else (),
        families=tuple(spec.get("ipFamilies") or ()),
        ports=tuple(_service_port(port) for port in spec.get("ports") or ()),
        selector=spec.get("selector") or {},
        external_name=spec.get("externalName") or "",
        publish_not_ready=bool(spec.get("publishNotReadyAddresses")),
    )


def _service_port(port: ReadOnlyObject) -> ServicePort:
    return ServicePort(
        name=port.get("name") or "",
        number=port["port"],
        protocol=port.get("protocol") or "TCP",
        target=port.get("targetPort") or port["port"],
    )


def read_slice(found: ReadOnlyObject) -> EndpointSlice:
    """An EndpointSlice of the API."""
    labels = found["metadata"].get("labels") or {}
    family = found["addressType"]
    return EndpointSlice(
        namespace=_namespace(found),
        name=found["metadata"].get("name") or "",
        service=labels.get(SERVICE_NAME_LABEL) or "",
        managed_by=labels.get(MANAGED_BY_LABEL) or "",
        says_headless=HEADLESS_LABEL in labels,
        family=family,
        ports=frozenset(
            EndpointPort(port.get("name") or "", port.get("port"), port.get("protocol") or "TCP")
            for port in found.get("ports") or ()
        ),
        endpoints=tuple(_endpoint(endpoint, family) for endpoint in found.get("endpoints") or ()),
    )


def _endpoint(found: ReadOnlyObject, family: str) -> Endpoint:
    """Conditions that are not there mean ready, serving and not terminating (API reference of
    EndpointConditions)."""
    conditions = found.get("conditions") or {}
    ready, serving = is_endpoint_ready(conditions), conditions.get("serving")
    addresses = tuple(found["addresses"])
    return Endpoint(
        addresses=addresses
        if family == "FQDN"
        else tuple(canonical_address(address) for address in addresses),
        hostname=found.get("hostname") or "",
        target=target_of(found.get("targetRef")),
        node=found.get("nodeName") or "",
        ready=ready,
        serving=ready if serving is None else bool(serving),
        terminating=bool(conditions.get("terminating")),
    )


def is_endpoint_ready(conditions: ReadOnlyObject) -> bool:
    """An endpoint whose readiness is not known counts as ready."""
    ready = conditions.get("ready")
    return ready is None or bool(ready)


def target_of(found: ReadOnlyObject | None) -> str:
    """The object behind an endpoint, as `Kind/namespace/name/uid`; empty where none is named."""
    if not found:
        return ""
    return "/".join(found.get(field) or "" for field in ("kind", "namespace", "name", "uid"))


def read_pod(found: ReadOnlyObject) -> Pod:
    """A Pod of the API."""
    spec, status, metadata = found.get("spec") or {}, found.get("status") or {}, found["metadata"]
    addresses = [entry["ip"] for entry in status.get("podIPs") or ()]
    return Pod(
        namespace=_namespace(found),
        name=metadata["name"],
        uid=metadata.get("uid") or "",
        labels=metadata.get("labels") or {},
        ended=status.get("phase") in ENDED,
        ready=any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or ()),
        terminating=metadata.get("deletionTimestamp") is not None,
        addresses=tuple(canonical_address(address) for address in addresses),
        hostname=spec.get("hostname") or "",
        subdomain=spec.get("subdomain") or "",
        node=spec.get("nodeName") or "",
        named_ports=_named_ports(spec),
    )


def _named_ports(spec: ReadOnlyObject) -> dict[tuple[str, str], int]:
    """Ports of containers, then of sidecars: init containers that are restarted for ever."""
    sidecars = [found for found in spec.get("initContainers") or () if found.get("restartPolicy") == "Always"]
    named: dict[tuple[str, str], int] = {}
    for container in [*(spec.get("containers") or ()), *sidecars]:
        for port in container.get("ports") or ():
            if port.get("name"):
                named.setdefault((port["name"], port.get("protocol") or "TCP"), port["containerPort"])
    return named


def _namespace(found: ReadOnlyObject) -> str:
    return found["metadata"].get("namespace") or "default"
