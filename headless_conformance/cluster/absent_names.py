"""Names that look as if they were a member's and must not exist."""

from __future__ import annotations

import re
from collections.abc import Iterator

from headless_conformance.cluster.headless_set import HeadlessSet

BEYOND = (0, 1, 2, 17, 99, 1000, 2**31 - 1)
"""How far from the next ordinal those are that are asked for; the last is the largest number of a Pod that a
field of the API could ask for."""
MOST_PODS = 10
"""Other Pods of a namespace whose names are asked for, at the most."""


def names_of_no_member(headless_set: HeadlessSet) -> list[str]:
    """Names beside the Pod FQDNs of a set, with the dot at their end: other ordinals and spellings, other
    Pods of the namespace, labels that servers give to endpoints without hostname, and names below Pod FQDNs.
    Those that an EndpointSlice of the Service has are left out, as another set may share it."""
    slices = headless_set.endpoint_slices()
    endpoints = [found for item in slices for found in item.get("endpoints") or ()]
    hostnames = [found.get("hostname") for found in endpoints]
    labels = [*_ordinals(headless_set), *_spellings(headless_set), *_other_pods(headless_set)]
    if all(hostnames):
        labels += [found["addresses"][0].replace(".", "-").replace(":", "-") for found in endpoints[:1]]
    pods, service = headless_set.pod_names, headless_set.service_fqdn
    names = [f"{label}.{service}" for label in dict.fromkeys(labels) if label not in (*hostnames, *pods)]
    return [*names, *(f"{label}.{pods[0]}.{service}" for label in ("0", pods[0]))]


def _ordinals(headless_set: HeadlessSet) -> Iterator[str]:
    following = headless_set.next_ordinal
    for more in (*BEYOND, -headless_set.replicas - 1):
        yield headless_set.pod_name(following + more)


def _spellings(headless_set: HeadlessSet) -> Iterator[str]:
    name, first = headless_set.statefulset_name, headless_set.pod_names[0]
    ordinal = first.removeprefix(f"{name}-")
    yield from (name, f"{name}-", f"{name}-0{ordinal}", f"{name}-00{ordinal}", f"{name}{ordinal}")
    yield from (f"{name}_{ordinal}", f"{first}-0", f"{first}x", f"x{first}")


def _other_pods(headless_set: HeadlessSet) -> list[str]:
    names = [pod["metadata"]["name"] for pod in headless_set.kube.list("Pod", headless_set.namespace)]
    own = re.compile(rf"{re.escape(headless_set.statefulset_name)}-\d+")
    return [name for name in names if not own.fullmatch(name)][:MOST_PODS]
