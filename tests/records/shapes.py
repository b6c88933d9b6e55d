"""The shapes that generated namespaces must have: each is told from the objects themselves, not from how
they were made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from headless_conformance.records.objects import SERVICE_NAME_LABEL

Object = Mapping[str, Any]
LEAST_SHARE = 0.05
"""Of all namespaces: what is rarer is not covered."""


class View:
    """The objects of one namespace, seen from its Services."""

    def __init__(self, services: Iterable[Object], slices: Iterable[Object], pods: Iterable[Object]) -> None:
        self.services = list(services)
        self.slices = list(slices)
        self.pods = list(pods)

    def headless(self) -> list[Object]:
        return [service for service in self.services if service["spec"].get("clusterIP") == "None"]

    def ordinary(self) -> list[Object]:
        return [
            service for service in self.services if service["spec"].get("clusterIP") not in (None, "", "None")
        ]

    def aliases(self) -> list[Object]:
        return [service for service in self.services if service["spec"].get("type") == "ExternalName"]

    def slices_of(self, service: Object) -> list[Object]:
        name = service["metadata"]["name"]
        return [found for found in self.slices if found["metadata"]["labels"].get(SERVICE_NAME_LABEL) == name]

    def endpoints_of(self, service: Object) -> list[Object]:
        return [endpoint for found in self.slices_of(service) for endpoint in found.get("endpoints") or ()]

    def ready_of(self, service: Object) -> list[Object]:
        return [endpoint for endpoint in self.endpoints_of(service) if _ready(endpoint)]

    def pods_of(self, service: Object) -> list[Object]:
        selector = service["spec"].get("selector")
        return [
            pod
            for pod in self.pods
            if selector and selector.items() <= (pod["metadata"].get("labels") or {}).items()
        ]


def counts(views: Iterable[View]) -> dict[str, int]:
    """In how many namespaces each shape is."""
    found = Counter(shape for view in views for shape, has in SHAPES.items() if has(view))
    return {shape: found[shape] for shape in SHAPES}


def _ready(endpoint: Object) -> bool:
    return (endpoint.get("conditions") or {}).get("ready") in (True, None)


def _ports(services: Iterable[Object]) -> Iterator[list[Object]]:
    for service in services:
        yield list(service["spec"].get("ports") or ())


def _addresses(endpoints: Iterable[Object]) -> set[str]:
    return {address for endpoint in endpoints for address in endpoint["addresses"]}


def _shared(view: View, others: list[Object]) -> bool:
    return any(
        _addresses(view.ready_of(one)) & _addresses(view.ready_of(other))
        for one in view.headless()
        for other in others
        if one is not other
    )


def _port_not_in_slices(view: View) -> bool:
    for service in view.headless():
        for port in service["spec"].get("ports") or ():
            for found in view.slices_of(service):
                names = {listed.get("name") for listed in found.get("ports") or ()}
                if found.get("endpoints") and port.get("name", "") not in names:
                    return True
    return False


def _families(view: View, service: Object) -> set[str]:
    return {found["addressType"] for found in view.slices_of(service) if found.get("endpoints")}


def _one_hostname_twice(view: View) -> bool:
    for service in view.headless():
        addresses: dict[str, set[str]] = {}
        for endpoint in view.ready_of(service):
            if endpoint.get("hostname"):
                addresses.setdefault(endpoint["hostname"], set()).update(endpoint["addresses"])
        if any(len(found) > 1 for found in addresses.values()):
            return True
    return False


def _pod_state(check: Callable[[Object], bool]) -> Callable[[View], bool]:
    return lambda view: any(check(pod) for service in view.services for pod in view.pods_of(service))


def _named(ports: Iterable[Object]) -> list[Object]:
    return [port for port in ports if port.get("name")]


def _is_unready(pod: Object) -> bool:
    return any(c["type"] == "Ready" and c["status"] != "True" for c in pod["status"].get("conditions") or ())


SHAPES: Mapping[str, Callable[[View], bool]] = {
    "headless Service": lambda view: bool(view.headless()),
    "ordinary Service": lambda view: bool(view.ordinary()),
    "ExternalName": lambda view: bool(view.aliases()),
    "named port": lambda view: any(_named(ports) for ports in _ports(view.headless())),
    "port without name": lambda view: any(
        ports and not _named(ports) for ports in _ports([*view.headless(), *view.ordinary()])
    ),
    "no port": lambda view: any(not ports for ports in _ports(view.headless())),
    "several ports": lambda view: any(len(ports) > 1 for ports in _ports(view.headless())),
    "several protocols": lambda view: any(
        len({port["protocol"] for port in ports}) > 1 for ports in _ports(view.headless())
    ),
    "N x M SRV records": lambda view: any(
        len(_named(service["spec"].get("ports") or ())) > 1 and len(_addresses(view.ready_of(service))) > 1
        for service in view.headless()
    ),
    "port that an endpoint lacks": _port_not_in_slices,
    "endpoint with hostname": lambda view: any(
        e.get("hostname") for s in view.headless() for e in view.ready_of(s)
    ),
    "endpoint without hostname": lambda view: any(
        not e.get("hostname") for s in view.headless() for e in view.ready_of(s)
    ),
    "one hostname, several addresses": _one_hostname_twice,
    "several slices": lambda view: any(len(view.slices_of(service)) > 1 for service in view.headless()),
    "slices with different ports": lambda view: any(
        len({repr(found.get("ports")) for found in view.slices_of(service) if found.get("endpoints")}) > 1
        for service in view.headless()
    ),
    "IPv6": lambda view: any("IPv6" in _families(view, service) for service in view.headless()),
    "both families": lambda view: any(len(_families(view, service)) > 1 for service in view.headless()),
    "endpoint of two headless Services": lambda view: _shared(view, view.headless()),
    "endpoint of a headless and an ordinary Service": lambda view: _shared(view, view.ordinary()),
    "endpoint not ready": lambda view: any(
        not _ready(e) for s in view.headless() for e in view.endpoints_of(s)
    ),
    "readiness not known": lambda view: any(
        (e.get("conditions") or {}).get("ready") is None
        for s in view.headless()
        for e in view.endpoints_of(s)
    ),
    "no ready endpoint": lambda view: any(not view.ready_of(service) for service in view.headless()),
    "no endpoint at all": lambda view: any(not view.endpoints_of(service) for service in view.headless()),
    "endpoint with several addresses": lambda view: any(
        len(e["addresses"]) > 1 for s in view.services for e in view.endpoints_of(s)
    ),
    "Service name of 63 characters": lambda view: any(
        len(s["metadata"]["name"]) == 63 for s in view.services
    ),
    "publishNotReadyAddresses": lambda view: any(
        s["spec"].get("publishNotReadyAddresses") and view.pods_of(s) for s in view.headless()
    ),
    "named targetPort that a Pod lacks": lambda view: any(
        isinstance(port.get("targetPort"), str)
        for s in view.services
        if view.pods_of(s)
        for port in s["spec"].get("ports") or ()
    ),
    "Pod not ready": _pod_state(_is_unready),
    "Pod that has ended": _pod_state(lambda pod: pod["status"].get("phase") in ("Succeeded", "Failed")),
    "Pod that terminates": _pod_state(lambda pod: pod["metadata"].get("deletionTimestamp") is not None),
    "Pod with hostname and subdomain": _pod_state(
        lambda p: bool(p["spec"].get("hostname") and p["spec"].get("subdomain"))
    ),
    "Pod with subdomain alone": _pod_state(
        lambda p: bool(p["spec"].get("subdomain") and not p["spec"].get("hostname"))
    ),
    "Pod with both families": _pod_state(lambda pod: len(pod["status"].get("podIPs") or ()) > 1),
    "Pod that the selector does not match": lambda view: any(
        service["spec"].get("selector") and len(view.pods_of(service)) < len(view.pods)
        for service in view.services
    ),
    "hostNetwork": _pod_state(lambda pod: bool(pod["spec"].get("hostNetwork"))),
}
