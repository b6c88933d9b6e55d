"""One headless Service with its StatefulSet in one namespace,
seen through the API, and the names that DNS must give it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn, Self

import allure
from kubernetes.client.exceptions import ApiException

from headless_conformance.cluster.facts import Facts
from headless_conformance.cluster.kube import CommandResult, Kube, node_of
from headless_conformance.cluster.pods import is_pod_ready, pod_ip
from headless_conformance.cluster.refusals import refusal_in
from headless_conformance.cluster.waiting import ObservationError
from headless_conformance.core.errors import not_supported
from headless_conformance.core.mismatch import Mismatch, Observation, Where, text_of
from headless_conformance.core.objects import Object
from headless_conformance.records.names import ClusterDomain

KEPT_BY_KUBECTL = "kubectl.kubernetes.io/last-applied-configuration"
"""The annotation in which `kubectl apply` keeps what was applied."""


@dataclass(frozen=True)
class HeadlessSet:
    """A StatefulSet and the Service that its `serviceName` is meant to name."""

    kube: Kube
    facts: Facts
    namespace: str
    statefulset_name: str
    service_name: str
    replicas: int = 3
    """As the manifest says: the number that the API and DNS are held against."""

    @property
    def ordinals(self) -> Sequence[int]:
        """Those that the API and DNS are held against."""
        return range(self.replicas)

    @property
    def next_ordinal(self) -> int:
        """The ordinal after the last one."""
        return self.replicas

    @property
    def pod_names(self) -> list[str]:
        """The names that its Pods must have, by ordinal."""
        return [self.pod_name(ordinal) for ordinal in self.ordinals]

    def pod_name(self, ordinal: int) -> str:
        """A Pod's name, by the documented pattern."""
        return f"{self.statefulset_name}-{ordinal}"

    @property
    def service_fqdn(self) -> str:
        """The Service's DNS name, with the dot at its end."""
        return self._domain.service(self.namespace, self.service_name)

    def pod_fqdn(self, ordinal: int) -> str:
        """A Pod's DNS name, with the dot at its end."""
        return f"{self.pod_name(ordinal)}.{self.service_fqdn}"

    def port_fqdn(self, port: str, protocol: str = "tcp") -> str:
        """The name of the SRV records of one of the Service's named ports, with the dot at its end."""
        return self._domain.port(self.namespace, self.service_name, port, protocol)

    @property
    def _domain(self) -> ClusterDomain:
        return ClusterDomain.of(self.facts.domain)

    @property
    def service_subject(self) -> str:
        """The Service, as the subject of a mismatch."""
        return f"Service {self.service_name}"

    @property
    def statefulset_subject(self) -> str:
        """The StatefulSet, as the subject of a mismatch."""
        return f"StatefulSet {self.statefulset_name}"

    @property
    def slices_subject(self) -> str:
        """The Service's EndpointSlices, as the subject of a mismatch."""
        return f"EndpointSlices of Service {self.service_name}"

    @property
    def where(self) -> Where:
        """The namespace, for a mismatch."""
        return Where(namespace=self.namespace)

    def get_service(self) -> Object:
        return self._get("Service", self.service_name)

    def describe_service(self) -> CommandResult:
        """`kubectl describe` of the Service, as evidence too."""
        result = self.kube.kubectl("describe", f"svc/{self.service_name}", namespace=self.namespace)
        allure.attach(result.transcript(), result.command, allure.attachment_type.TEXT)
        return result

    def get_statefulset(self) -> Object:
        return self._get("StatefulSet", self.statefulset_name)

    def get_pod(self, ordinal: int) -> Object:
        return self._get("Pod", self.pod_name(ordinal))

    def pod_ip(self, ordinal: int) -> str:
        """A Pod's address, from its status. OutageError when its node is known not to answer: DNS may have
        taken it out."""
        return pod_ip(self._reachable_pod(ordinal))

    def pod_ips(self, ordinal: int) -> list[str]:
        """All of a Pod's addresses, one for each address family of the Pod network,
        the one of `pod_ip` first. OutageError as there."""
        return [found["ip"] for found in self._reachable_pod(ordinal)["status"]["podIPs"]]

    def _reachable_pod(self, ordinal: int) -> Object:
        pod = self.get_pod(ordinal)
        self.kube.outages.require_node(node_of(pod))
        return pod

    def pvc_uid(self, ordinal: int, template: str = "data") -> str:
        """The UID of the PersistentVolumeClaim that a Pod has by a template of the StatefulSet."""
        claim = self._get("PersistentVolumeClaim", f"{template}-{self.pod_name(ordinal)}")
        return str(claim["metadata"]["uid"])

    def _get(self, kind: str, name: str) -> Object:
        """An object that must be there: its absence is a broken promise, not a failure to observe."""
        try:
            return self.kube.get(kind, self.namespace, name)
        except ApiException as error:
            if error.status == 404:
                raise Mismatch(Observation(f"{kind} {name}", "present", "absent", self.where)) from None
            raise

    def get_pods(self) -> list[Object]:
        """The Pods that the StatefulSet owns, by ordinal."""
        owned = owned_pods(self.kube, self.get_statefulset(), self.namespace)
        return sorted(owned, key=lambda pod: (len(pod["metadata"]["name"]), pod["metadata"]["name"]))

    def get_named_pods(self) -> list[Object]:
        """The Pods that have the names of its Pods, whether the StatefulSet owns them or not."""
        return [
            pod for pod in self.kube.list("Pod", self.namespace) if pod["metadata"]["name"] in self.pod_names
        ]

    def may_ask_for_absent(self, name: str, keeps_denials: Callable[[str], bool]) -> bool:
        """Whether DNS servers may be asked for a name that does not exist and may come to: a server that
        keeps the denial hides it then."""
        return True

    def has_nothing_to_ask(self, what: str) -> NoReturn:
        """Nothing can be asked about these records of the Service: a broken promise of a set of the suite's
        own."""
        raise Mismatch(Observation(f"{self.service_subject}: {what}", "at least 1", "0", self.where))

    def require_hosts_file_of_kubelet(self) -> None:
        """NotSupportedError where what the kubelet writes into the Pods' hosts files is not what it writes
        for Pods of the document."""

    def require_no_lines_of_others(self) -> None:
        """NotSupportedError where the cluster itself has added lines to the Pods' hosts files: the Pods have
        hostAliases, which were not asked for."""
        found = self.get_statefulset()
        applied = found["metadata"].get("annotations", {}).get(KEPT_BY_KUBECTL)
        asked = json.loads(applied) if applied else found
        if asked["spec"]["template"]["spec"].get("hostAliases"):
            return
        for pod in self.get_pods():
            if lines := pod["spec"].get("hostAliases"):
                not_supported(
                    f"this cluster adds hostAliases to Pod {pod['metadata']['name']}: {text_of(lines)}"
                )

    def require_resolver_of_cluster(self) -> None:
        """NotSupportedError where the Pods are not told to ask the cluster's DNS Service as Pods of the
        document are."""

    def ready_ips(self) -> list[str]:
        """Addresses of the Pods that are Ready, from their status."""
        return [pod_ip(pod) for pod in self.get_pods() if is_pod_ready(pod)]

    def resolvable_ips(self) -> list[str]:
        """All addresses, of any family, that a C library must find under the Service's name."""
        return self.ready_ips()

    def ready_ips_by_fqdn(self) -> dict[str, str]:
        """Pod FQDN and address of each Pod that is Ready, from its status."""
        ready = [pod for pod in self.get_pods() if is_pod_ready(pod)]
        return {f"{pod['metadata']['name']}.{self.service_fqdn}": pod_ip(pod) for pod in ready}

    def endpoint_slices(self) -> list[Object]:
        selector = f"kubernetes.io/service-name={self.service_name}"
        return self.kube.list("EndpointSlice", self.namespace, labelSelector=selector)

    def core_endpoints(self) -> Object | None:
        """The Service's core/v1 Endpoints, empty when the namespace has others; None where the API has none
        or nobody writes them."""
        try:
            listed = self.kube.list("Endpoints", self.namespace)
        except ApiException as error:
            if error.status == 404:
                return None
            raise
        by_name = {found["metadata"]["name"]: found for found in listed}
        return by_name.get(self.service_name, {}) if listed else None

    def endpoints(self) -> list[dict[str, Any]]:
        """Every endpoint of every slice of the Service."""
        return [endpoint for item in self.endpoint_slices() for endpoint in item.get("endpoints") or []]

    def ready_endpoint_ips(self) -> list[str]:
        """Addresses that the slices give as ready."""
        return [found for endpoint in self._ready_endpoints() for found in endpoint["addresses"]]

    def ready_endpoint_identities(self) -> list[tuple[str | None, str | None, str]]:
        """Hostname, Pod and address of each endpoint that the slices give as ready."""
        return [
            (endpoint.get("hostname"), endpoint.get("targetRef", {}).get("name"), found)
            for endpoint in self._ready_endpoints()
            for found in endpoint["addresses"]
        ]

    def _ready_endpoints(self) -> list[dict[str, Any]]:
        return [endpoint for endpoint in self.endpoints() if endpoint["conditions"].get("ready") is not False]

    def scale(self, replicas: int) -> Self:
        """Ask for another number of Pods; the set as it must then become."""
        self.kube.patch(
            "StatefulSet", self.namespace, self.statefulset_name, {"spec": {"replicas": replicas}}
        )
        return replace(self, replicas=replicas)

    def await_pod_ready(self, ordinal: int, other_than: str = "") -> float:
        """Watch until a Pod is Ready, and not the one with the UID `other_than`; the monotonic time of that
        event.

        Raises ObservationError with the Pods' state when it does not come.
        """
        name, within = self.pod_name(ordinal), self.facts.cluster.pod_ready_timeout
        end = time.monotonic() + within
        while (left := end - time.monotonic()) > 0:
            for _, pod in self.kube.watch("Pod", self.namespace, name, left):
                if pod["metadata"]["uid"] != other_than and is_pod_ready(pod):
                    return time.monotonic()
            self._require_living_nodes()
        raise self._not_ready(f"Pod {name}", f"Pod {name}: Ready", True, within)

    def require_terminating(self, ordinal: int, uid: str) -> None:
        """Raises ObservationError unless a Pod is still the one with this UID, and being deleted."""
        found = self.get_pod(ordinal)["metadata"]
        if found["uid"] != uid or "deletionTimestamp" not in found:
            raise ObservationError(f"Pod {self.pod_name(ordinal)} did not run on while it was looked at")

    def await_ready(self, within: float) -> float:
        """Watch until all replicas are Ready and of the latest template; the monotonic time of that event.

        Raises ObservationError with the Pods' state when they are not within `within` seconds;
        NotSupportedError when the cluster refuses them.
        """
        end = time.monotonic() + within
        while (left := end - time.monotonic()) > 0:
            for _, item in self.kube.watch("StatefulSet", self.namespace, self.statefulset_name, left):
                if _is_settled(item):
                    return time.monotonic()
            self._require_living_nodes()
        what = f"StatefulSet {self.namespace}/{self.statefulset_name}"
        raise self._not_ready(what, f"{self.statefulset_subject}: Ready Pods", self.replicas, within)

    def _not_ready(self, what: str, subject: str, expected: object, within: float) -> ObservationError:
        if refusal := self._refusal():
            not_supported(f"this cluster refuses Pods of {what}: {refusal}")
        states = self._pod_states()
        observation = Observation(subject, text_of(expected), states, self.where)
        return ObservationError(f"{what} was not Ready within {within:.0f} s: {states}", observation)

    def _refusal(self) -> str:
        """Why the controller may not create a Pod that is missing; empty where it may."""
        if len(self.get_named_pods()) >= self.replicas:
            return ""
        selector = f"involvedObject.name={self.statefulset_name},reason=FailedCreate"
        said = [
            found.get("message", "")
            for found in self.kube.list("Event", self.namespace, fieldSelector=selector)
        ]
        return next(filter(None, map(refusal_in, said)), "")

    def _require_living_nodes(self) -> None:
        """Look at the nodes of the Pods that are not Ready, and raise OutageError for one that does not
        answer.

        On a cluster of the person's own also for an image that cannot be pulled, and NotSupportedError where
        the Pods are refused.
        """
        late = [pod for pod in self.get_named_pods() if not is_pod_ready(pod)]
        for node in filter(None, map(node_of, late)):
            self.kube.outages.look_at_node(node)
        if (pending := self.kube.pending) is not None:
            pending.look(late)
            if not late and (refusal := self._refusal()):
                pending.refused(self.statefulset_subject, refusal)

    def _pod_states(self) -> str:
        try:
            pods = self.get_pods()
        except ApiException as error:
            return str(error.reason)
        states = [f"{pod['metadata']['name']}: {_state(pod)}" for pod in pods] or ["no Pod"]
        late = next((pod for pod in pods if not is_pod_ready(pod)), None)
        return "; ".join(states) + (
            f"\nlog of {late['metadata']['name']}:\n{self.kube.log(late)}" if late else ""
        )


def owned_pods(kube: Kube, owner: Object, namespace: str) -> list[Object]:
    """The Pods of a namespace that an object owns."""
    uid = owner["metadata"]["uid"]
    pods = kube.list("Pod", namespace)
    return [
        pod
        for pod in pods
        if any(found["uid"] == uid for found in pod["metadata"].get("ownerReferences", []))
    ]


def _is_settled(item: Object) -> bool:
    wanted, status = item["spec"]["replicas"], item["status"]
    current = status.get("observedGeneration") == item["metadata"]["generation"]
    counts = [
        status.get(name, 0) for name in ("replicas", "readyReplicas", "updatedReplicas", "availableReplicas")
    ]
    return current and counts == [wanted] * len(counts)


def _state(pod: Object) -> str:
    status = pod["status"]
    unmet = [
        f"{found['type']}={found['status']}"
        for found in status.get("conditions", [])
        if found["status"] != "True"
    ]
    containers = [f"{found['name']} {found['state']}" for found in status.get("containerStatuses", [])]
    return ", ".join([status["phase"], *unmet, *containers])
