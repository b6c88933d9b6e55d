"""Generated namespaces on a real API server: creating them, steering their Pods, and reading back what the
cluster made of it."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from headless_conformance.providers.simulated import control_plane
from headless_conformance.providers.simulated.cluster import SimulatedCluster
from headless_conformance.records import EndpointDifference, compare_endpoints
from tests.records.generator import Namespace, Object
from tests.records.shapes import View

WORKERS = 4
SECONDS = 120.0
POLL_SECONDS = 0.5
SERVICE_CIDR6 = "fd00:198:18::/112"
READY_ANNOTATION = "simulated.headless-conformance/ready"
FINALIZER = "headless-conformance.example/stays"


class DualStackCluster(SimulatedCluster):
    """A simulated cluster whose Services can have both families."""

    def _run(self, name: str, command: control_plane.Command) -> None:
        option = "--service-cluster-ip-range="
        both = [f"{word},{SERVICE_CIDR6}" if str(word).startswith(option) else word for word in command]
        super()._run(name, both)


@dataclass(frozen=True)
class Found:
    """All Services, EndpointSlices and Pods of the cluster."""

    services: list[Object]
    slices: list[Object]
    pods: list[Object]

    def views(self, namespaces: Iterable[str]) -> list[View]:
        """The objects of each of these namespaces."""
        return [
            View(_within(self.services, name), _within(self.slices, name), _within(self.pods, name))
            for name in namespaces
        ]

    def endpoint_differences(self) -> list[EndpointDifference]:
        """What the control plane has not written as the model has it."""
        by_namespace = {
            kind: _grouped(found) for kind, found in (("pods", self.pods), ("slices", self.slices))
        }
        differences = (
            compare_endpoints(
                service, *(by_namespace[kind].get(_namespace(service), []) for kind in ("pods", "slices"))
            )
            for service in self.services
        )
        return [difference for difference in differences if difference]


class LiveCluster:
    """The API of one cluster with `nodes` nodes."""

    def __init__(self, api: Any, nodes: Sequence[str]) -> None:
        self._api = api
        self._core: Any = client.CoreV1Api(api)
        self._discovery: Any = client.DiscoveryV1Api(api)
        self._nodes = nodes

    def create(self, namespaces: Sequence[Namespace]) -> None:
        """Everything of these namespaces, and bring their Pods into the states that they must have."""
        self._each(namespaces, lambda found: self._core.create_namespace({"metadata": {"name": found.name}}))
        self._each(namespaces, self._create_services)
        self._each(list(enumerate(namespaces)), lambda numbered: self._create_pods(*numbered))
        wanted = {(found.name, pod["metadata"]["name"]): pod for found in namespaces for pod in found.pods}
        self._until("all Pods run", lambda: self._run(wanted))
        self._each(list(wanted.items()), lambda item: self._steer(item[0], item[1]))

    def settled(self) -> Found:
        """What there is, once EndpointSlices are as the model has them or time is up."""
        end = time.monotonic() + SECONDS
        while (found := self.read()).endpoint_differences() and time.monotonic() < end:
            time.sleep(POLL_SECONDS)
        return found

    def read(self) -> Found:
        """What there is now."""
        return Found(
            services=_items(self._core.list_service_for_all_namespaces),
            slices=_items(self._discovery.list_endpoint_slice_for_all_namespaces),
            pods=_items(self._core.list_pod_for_all_namespaces),
        )

    def _create_services(self, found: Namespace) -> None:
        for service in found.services:
            body = copy.deepcopy(service)
            if body["spec"].get("clusterIP") != "None" and not found.fixed_addresses:
                for given in ("clusterIP", "clusterIPs"):
                    body["spec"].pop(given, None)
            self._core.create_namespaced_service(found.name, body)
        for found_slice in found.slices:
            self._discovery.create_namespaced_endpoint_slice(found.name, found_slice)

    def _create_pods(self, number: int, found: Namespace) -> None:
        for pod in found.pods:
            spec = {**pod["spec"], "nodeName": self._nodes[number % len(self._nodes)]}
            spec["automountServiceAccountToken"] = False
            metadata: Object = {"name": pod["metadata"]["name"], "labels": pod["metadata"]["labels"]}
            if _is_unready(pod):
                metadata["annotations"] = {READY_ANNOTATION: "false"}
            if "deletionTimestamp" in pod["metadata"]:
                metadata["finalizers"] = [FINALIZER]
            self._retry(self._core.create_namespaced_pod, found.name, {"metadata": metadata, "spec": spec})

    def _retry(self, call: Callable[..., Any], *arguments: Any) -> None:
        """A namespace gets its service account a moment after it was made."""
        end = time.monotonic() + SECONDS
        while True:
            try:
                call(*arguments)
            except ApiException as error:
                if error.status != 403 or time.monotonic() > end:
                    raise
                time.sleep(POLL_SECONDS)
            else:
                return

    def _run(self, wanted: Mapping[tuple[str, str], Object]) -> bool:
        running = {
            (pod["metadata"]["namespace"], pod["metadata"]["name"])
            for pod in _items(self._core.list_pod_for_all_namespaces)
            if pod["status"].get("podIPs")
        }
        return wanted.keys() <= running

    def _steer(self, where: tuple[str, str], pod: Object) -> None:
        """A second address, an end, or a deletion that does not come to its end."""
        namespace, name = where
        status: Object = {}
        second = [entry for entry in pod["status"]["podIPs"] if ":" in entry["ip"]]
        if second:
            now = json.loads(self._core.read_namespaced_pod(name, namespace, _preload_content=False).data)[
                "status"
            ]
            status["podIPs"] = [*now["podIPs"], *second]
        if pod["status"]["phase"] == "Succeeded":
            status |= {
                "phase": "Succeeded",
                "conditions": [{"type": "Ready", "status": "False", "reason": "PodCompleted"}],
            }
        if status:
            self._core.patch_namespaced_pod_status(name, namespace, {"status": status})
        if "deletionTimestamp" in pod["metadata"]:
            self._core.delete_namespaced_pod(name, namespace, grace_period_seconds=1)

    def _until(self, what: str, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + SECONDS
        while not holds():
            if time.monotonic() > end:
                raise TimeoutError(f"not after {SECONDS:.0f} s: {what}")
            time.sleep(POLL_SECONDS)

    def _each(self, found: Sequence[Any], do: Callable[[Any], Any]) -> None:
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(do, found))


def _items(call: Callable[..., Any]) -> list[Object]:
    return list(json.loads(call(_preload_content=False).data)["items"])


def _is_unready(pod: Object) -> bool:
    ended = pod["status"]["phase"] == "Succeeded"
    return not ended and any(c["status"] != "True" for c in pod["status"]["conditions"])


def _namespace(found: Object) -> str:
    return str(found["metadata"]["namespace"])


def _grouped(found: Iterable[Object]) -> dict[str, list[Object]]:
    grouped: dict[str, list[Object]] = {}
    for one in found:
        grouped.setdefault(_namespace(one), []).append(one)
    return grouped


def _within(found: Iterable[Object], namespace: str) -> list[Object]:
    return [one for one in found if _namespace(one) == namespace]
