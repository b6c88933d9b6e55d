"""Short ways to write down objects of the API and answers of servers in tests."""

from __future__ import annotations

from typing import Any

from headless_conformance.records import (
    AnswerData,
    Question,
    ResourceRecord,
    Zone,
    judge,
    zone_difference,
    zone_of,
)
from headless_conformance.records.objects import (
    CONTROLLER,
    HEADLESS_LABEL,
    MANAGED_BY_LABEL,
    SERVICE_NAME_LABEL,
)

Object = dict[str, Any]
DOMAIN = "cluster.local"


def port(name: str, number: int, protocol: str = "TCP", target: int | str | None = None) -> Object:
    """A port of a Service."""
    return {
        "name": name,
        "port": number,
        "protocol": protocol,
        "targetPort": number if target is None else target,
    }


def headless(name: str = "db", *ports: Object, namespace: str = "shop", **spec: Any) -> Object:
    """A headless Service."""
    return _service(
        name, namespace, {"clusterIP": "None", "clusterIPs": ["None"], "ports": list(ports), **spec}
    )


def ordinary(name: str, addresses: list[str], *ports: Object, namespace: str = "shop", **spec: Any) -> Object:
    """A Service with cluster IPs."""
    given = {"clusterIP": addresses[0], "clusterIPs": addresses, "ports": list(ports), **spec}
    return _service(name, namespace, given)


def external(name: str, target: str, namespace: str = "shop") -> Object:
    """A Service of type ExternalName."""
    return _service(name, namespace, {"type": "ExternalName", "externalName": target})


def _service(name: str, namespace: str, spec: Object) -> Object:
    return {"metadata": {"name": name, "namespace": namespace}, "spec": spec}


def endpoint(*addresses: str, hostname: str = "", ready: bool | None = True, **more: Any) -> Object:
    """An endpoint of a slice; its readiness is not known with `ready=None`."""
    found: Object = {"addresses": list(addresses), **more}
    if ready is not None:
        found["conditions"] = {"ready": ready}
    if hostname:
        found["hostname"] = hostname
    return found


def endpoint_slice(
    service: str,
    *endpoints: Object,
    ports: tuple[Object, ...] = (),
    name: str = "slice",
    namespace: str = "shop",
) -> Object:
    """A slice of a Service, of the family of its first address."""
    version = "IPv6" if endpoints and ":" in endpoints[0]["addresses"][0] else "IPv4"
    listed = [{"name": p["name"], "port": p["port"], "protocol": p["protocol"]} for p in ports]
    labels = {SERVICE_NAME_LABEL: service}
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "addressType": version,
        "ports": listed,
        "endpoints": list(endpoints),
    }


def written(found: Object, *, headless: bool = True) -> Object:
    """A slice as the EndpointSlice controller labels it."""
    labels = {**found["metadata"]["labels"], MANAGED_BY_LABEL: CONTROLLER}
    if headless:
        labels[HEADLESS_LABEL] = ""
    return {**found, "metadata": {**found["metadata"], "labels": labels}}


def pod(
    name: str,
    *addresses: str,
    ready: bool = True,
    phase: str = "Running",
    terminating: bool = False,
    ports: tuple[Object, ...] = (),
    **spec: Any,
) -> Object:
    """A Pod with the label `app: db`; `ports` are those of its container."""
    metadata: Object = {"name": name, "namespace": "shop", "uid": f"uid-of-{name}", "labels": {"app": "db"}}
    if terminating:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return {
        "metadata": metadata,
        "spec": {"nodeName": "node-1", "containers": [{"name": "main", "ports": list(ports)}], **spec},
        "status": {
            "phase": phase,
            "podIPs": [{"ip": address} for address in addresses],
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        },
    }


def zone(
    services: list[Object], slices: list[Object] | None = None, namespaces: list[str] | None = None
) -> Zone:
    """The zone in `cluster.local`."""
    return zone_of(services, slices or [], domain=DOMAIN, namespaces=namespaces)


def answer(name: str, rdtype: str, *values: str, rcode: str = "NOERROR", **more: Any) -> AnswerData:
    """An answer with these records of one name."""
    return AnswerData(rcode, tuple(ResourceRecord(name, rdtype, value) for value in values), **more)


def differences(found: Zone, name: str, rdtype: str, given: AnswerData) -> list[str]:
    """The lines of the zone difference of one answer, without the question and the rules."""
    text = zone_difference(judge(found, Question(name, rdtype), given))
    return [line.partition("  ;")[0] for line in text.splitlines() if not line.startswith("@@")]


SQL, HTTP, DNS = port("sql", 3306), port("http", 80), port("dns", 53, "UDP")
"""Ports of many examples."""
