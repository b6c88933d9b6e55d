"""What the API says at one moment about some namespaces, and what it would not say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial

from headless_conformance.audit.access import Access
from headless_conformance.audit.errors import InspectionError, UnreachableApiError
from headless_conformance.audit.parallel import side_by_side
from headless_conformance.core.objects import Object
from headless_conformance.records.objects import SERVICE_NAME_LABEL

_KINDS = ("StatefulSet", "Service", "EndpointSlice", "Pod", "PersistentVolumeClaim")


@dataclass(frozen=True)
class Snapshot:
    """All objects of the kinds above in some namespaces."""

    namespaces: frozenset[str] | None
    """None for all namespaces."""
    objects: Mapping[tuple[str, str], list[Object]] = field(default_factory=dict)
    """By kind and namespace."""
    refused: Mapping[tuple[str, str], InspectionError] = field(default_factory=dict)
    """Kind and namespace, empty for all, that could not be listed, and why."""
    taken: float = 0.0
    """When the listing began, in seconds since the epoch by the clock of the API server."""

    def all(self, kind: str) -> list[Object]:
        """The objects of a kind in all namespaces that were looked at."""
        return [found for (of, _), listed in sorted(self.objects.items()) if of == kind for found in listed]

    def of(self, kind: str, namespace: str) -> list[Object]:
        """The objects of a kind in a namespace. Raises the InspectionError that kept us from listing them."""
        for where in (namespace, ""):
            if problem := self.refused.get((kind, where)):
                raise problem
        return self.objects.get((kind, namespace), [])

    def find(self, kind: str, namespace: str, name: str) -> Object | None:
        """One object, or None when there is none. Raises like `of`."""
        return self._by_name(kind, namespace).get(name)

    def _by_name(self, kind: str, namespace: str) -> Mapping[str, Object]:
        return {found["metadata"]["name"]: found for found in self.of(kind, namespace)}

    @cached_property
    def _slices(self) -> Mapping[tuple[str, str], list[Object]]:
        grouped: dict[tuple[str, str], list[Object]] = {}
        for found in self.all("EndpointSlice"):
            service = (found["metadata"].get("labels") or {}).get(SERVICE_NAME_LABEL, "")
            grouped.setdefault((found["metadata"]["namespace"], service), []).append(found)
        return grouped

    def slices_of(self, namespace: str, service: str) -> list[Object]:
        """The EndpointSlices of a Service. Raises like `of`."""
        self.of("EndpointSlice", namespace)
        return self._slices.get((namespace, service), [])

    @cached_property
    def _pods(self) -> Mapping[str, list[Object]]:
        grouped: dict[str, list[Object]] = {}
        for pod in self.all("Pod"):
            for owner in pod["metadata"].get("ownerReferences") or ():
                if owner.get("controller"):
                    grouped.setdefault(owner.get("uid", ""), []).append(pod)
        return grouped

    def pods_of(self, owner: Object) -> list[Object]:
        """The Pods that an object controls. Raises like `of`."""
        self.of("Pod", owner["metadata"]["namespace"])
        return self._pods.get(owner["metadata"].get("uid", ""), [])


def collect(
    access: Access, namespaces: Iterable[str] | None, until: float, kinds: Iterable[str] = _KINDS
) -> Snapshot:
    """List everything, side by side. Raises UnreachableApiError; what is refused is in the snapshot."""
    where = [""] if namespaces is None else sorted(set(namespaces))
    taken = access.now()
    tasks: dict[tuple[str, str], Callable[[], list[Object]]] = {
        (kind, namespace): partial(access.list_all, kind, namespace) for kind in kinds for namespace in where
    }
    objects: dict[tuple[str, str], list[Object]] = {}
    refused: dict[tuple[str, str], InspectionError] = {}
    for (kind, namespace), outcome in side_by_side(tasks, until).items():
        if isinstance(outcome, UnreachableApiError):
            raise outcome
        if isinstance(outcome, TimeoutError):
            raise UnreachableApiError(f"the API server {access.server} did not list {kind} objects in time")
        if isinstance(outcome, InspectionError):
            refused[kind, namespace] = outcome
        elif isinstance(outcome, Exception):
            refused[kind, namespace] = InspectionError(f"listing {kind} objects failed: {outcome!r}")
        else:
            for found in outcome:
                own = found["metadata"].setdefault("namespace", namespace)
                objects.setdefault((kind, own), []).append(found)
    return Snapshot(None if namespaces is None else frozenset(where), objects, refused, taken)
