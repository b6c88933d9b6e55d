"""The core/v1 Endpoints of a Service, which earlier versions of `kubectl describe` printed: what is in them
and what must be.

They have the addresses of one family, the Service's first, and none of Pods that are being deleted or have
none of its ports.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from headless_conformance.records.endpoints import ListedEndpoint, expected_endpoints, family_of
from headless_conformance.records.objects import EndpointPort, ReadOnlyObject, read_service, target_of


def expected_in_endpoints(
    service: ReadOnlyObject, pods: Iterable[ReadOnlyObject]
) -> frozenset[ListedEndpoint] | None:
    """What the control plane must have written into the Endpoints of a Service; None where it writes none."""
    expected = expected_endpoints(service, pods)
    if expected is None:
        return None
    read = read_service(service)
    first = (*read.families, "IPv4")[0]
    listed = (
        found
        for found in expected
        if found.family == first
        and (found.ready or not found.terminating)
        and (found.ports or not read.ports)
    )
    return frozenset(replace(found, serving=found.ready, terminating=False) for found in listed)


def listed_in_endpoints(endpoints: ReadOnlyObject) -> frozenset[ListedEndpoint]:
    """The endpoints of an Endpoints object, one for each address."""
    return frozenset(
        _listed(address, subset, ready=ready)
        for subset in endpoints.get("subsets") or ()
        for field, ready in (("addresses", True), ("notReadyAddresses", False))
        for address in subset.get(field) or ()
    )


def _listed(address: ReadOnlyObject, subset: ReadOnlyObject, *, ready: bool) -> ListedEndpoint:
    return ListedEndpoint(
        family=family_of(address["ip"]),
        address=address["ip"],
        ports=frozenset(
            EndpointPort(port.get("name") or "", port["port"], port.get("protocol") or "TCP")
            for port in subset.get("ports") or ()
        ),
        hostname=address.get("hostname") or "",
        target=target_of(address.get("targetRef")),
        node=address.get("nodeName") or "",
        ready=ready,
        serving=ready,
        terminating=False,
    )
