"""One headless Service with its StatefulSet in one namespace, seen through the API, and the names that DNS must give it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import allure
from kubernetes.client.exceptions import ApiException

from headless_conformance.cluster.facts import Facts
from headless_conformance.cluster.kube import CommandResult, Kube, Object
from headless_conformance.cluster.waiting import POD_READY_TIMEOUT, Unobserved


@dataclass(frozen=True)
class HeadlessSet:
    """A StatefulSet and the Service that its `serviceName` is meant to name."""

    kube: Kube
    facts: Facts
    namespace: str
    statefulset: str
    service: str
    replicas: int = 3
    """As the manifest says: the number that the API and DNS are held against."""

    @property
    def ordinals(self) -> range:
        return range(self.replicas)

    def member(self, ordinal: int) -> str:
        """A member's name, by the documented pattern."""
        return f"{self.statefulset}-{ordinal}"

    @property
    def domain(self) -> str:
        """The Service's DNS name, with the dot at its end."""
        return f"{self.service}.{self.namespace}.svc.{self.facts.domain}."

    def pod_fqdn(self, ordinal: int) -> str:
        """A member's DNS name, with the dot at its end."""
        return f"{self.member(ordinal)}.{self.domain}"

    def get_service(self) -> Object:
        return self._get("Service", self.service)

    def describe_service(self) -> CommandResult:
        """`kubectl describe` of the Service, as evidence too."""
        ran = self.kube.kubectl("describe", f"svc/{self.service}", namespace=self.namespace)
        allure.attach(ran.transcript(), name=ran.command, attachment_type=allure.attachment_type.TEXT)
        return ran

    def get_statefulset(self) -> Object:
        return self._get("StatefulSet", self.statefulset)

    def pod(self, ordinal: int) -> Object:
        return self._get("Pod", self.member(ordinal))

    def address(self, ordinal: int) -> str:
        """A member's address, from its pod's status."""
        return address(self.pod(ordinal))

    def pod_addresses(self, ordinal: int) -> list[str]:
        """All of a member's addresses, one for each address family of the pod network, the one of `address` first."""
        return [found["ip"] for found in self.pod(ordinal)["status"]["podIPs"]]

    def pvc_uid(self, ordinal: int) -> str:
        """The UID of a member's claim on the volume `data`."""
        return str(self._get("PersistentVolumeClaim", f"data-{self.member(ordinal)}")["metadata"]["uid"])

    def ready_members(self) -> dict[str, str]:
        """DNS name and address of each member that is Ready, from pod status."""
        return {
            f"{pod['metadata']['name']}.{self.domain}": address(pod) for pod in self.pods() if is_ready(pod)
        }

    def _get(self, kind: str, name: str) -> Object:
        """An object that must be there: its absence is a broken promise, not a failure to observe."""
        try:
            return self.kube.get(kind, self.namespace, name)
        except ApiException as error:
            if error.status == 404:
                raise AssertionError(f"there is no {kind} {name} in namespace {self.namespace}") from None
            raise

    def pods(self) -> list[Object]:
        """The pods that the StatefulSet owns, by name."""
        owned = owned_pods(self.kube, self.get_statefulset(), self.namespace)
        return sorted(owned, key=lambda pod: (len(pod["metadata"]["name"]), pod["metadata"]["name"]))

    def named_pods(self) -> list[Object]:
        """The pods that have members' names, whether the StatefulSet owns them or not."""
        names = {self.member(ordinal) for ordinal in self.ordinals}
        return [pod for pod in self.kube.list("Pod", self.namespace) if pod["metadata"]["name"] in names]

    def addresses(self) -> list[str]:
        """Addresses of the members that are Ready, from pod status."""
        return [address(pod) for pod in self.pods() if is_ready(pod)]

    def slices(self) -> list[Object]:
        return self.kube.list(
            "EndpointSlice", self.namespace, labelSelector=f"kubernetes.io/service-name={self.service}"
        )

    def endpoints(self) -> list[dict[str, Any]]:
        """Every endpoint of every slice of the Service."""
        return [endpoint for item in self.slices() for endpoint in item.get("endpoints") or []]

    def ready_endpoints(self) -> list[str]:
        """Addresses that the slices give as ready."""
        return sorted(found for endpoint in self._ready() for found in endpoint["addresses"])

    def known_members(self) -> list[tuple[str, str, str]]:
        """Hostname, pod and address of each endpoint that the slices give as ready."""
        return sorted(
            (endpoint.get("hostname", ""), endpoint.get("targetRef", {}).get("name", ""), found)
            for endpoint in self._ready()
            for found in endpoint["addresses"]
        )

    def _ready(self) -> list[dict[str, Any]]:
        return [endpoint for endpoint in self.endpoints() if endpoint["conditions"].get("ready") is not False]

    def scale(self) -> None:
        """Ask for as many members as `replicas` says."""
        self.kube.patch(
            "StatefulSet", self.namespace, self.statefulset, {"spec": {"replicas": self.replicas}}
        )

    def await_member(self, ordinal: int, other_than: str = "") -> float:
        """Watch until a member is Ready, and not the pod with the UID `other_than`; the monotonic time of that event.

        Raises Unobserved with the pods' state when it does not come.
        """
        end = time.monotonic() + POD_READY_TIMEOUT
        while (left := end - time.monotonic()) > 0:
            for _, pod in self.kube.watch("Pod", self.namespace, self.member(ordinal), left):
                if pod["metadata"]["uid"] != other_than and is_ready(pod):
                    return time.monotonic()
        raise Unobserved(
            f"pod {self.member(ordinal)} was not Ready within {POD_READY_TIMEOUT:.0f} s: {self._what_pods_say()}"
        )

    def require_ending(self, ordinal: int, uid: str) -> None:
        """Raises Unobserved unless a member is still the pod with this UID, and being deleted."""
        found = self.pod(ordinal)["metadata"]
        if found["uid"] != uid or "deletionTimestamp" not in found:
            raise Unobserved(f"pod {self.member(ordinal)} did not run on while it was looked at")

    def await_ready(self, within: float) -> float:
        """Watch until all replicas are Ready and of the latest template; the monotonic time of that event.

        Raises Unobserved with the pods' state otherwise.
        """
        end = time.monotonic() + within
        while (left := end - time.monotonic()) > 0:
            for _, item in self.kube.watch("StatefulSet", self.namespace, self.statefulset, left):
                if _is_settled(item):
                    return time.monotonic()
        raise Unobserved(
            f"StatefulSet {self.namespace}/{self.statefulset} was not Ready within {within:.0f} s: {self._what_pods_say()}"
        )

    def _what_pods_say(self) -> str:
        try:
            pods = self.pods()
        except ApiException as error:
            return str(error.reason)
        said = [f"{pod['metadata']['name']}: {_state(pod)}" for pod in pods] or ["no pod"]
        late = next((pod for pod in pods if not is_ready(pod)), None)
        return "; ".join(said) + (
            f"\nlog of {late['metadata']['name']}:\n{self.kube.log(late)}" if late else ""
        )


def owned_pods(kube: Kube, owner: Object, namespace: str) -> list[Object]:
    """The pods of a namespace that an object owns."""
    uid = owner["metadata"]["uid"]
    pods = kube.list("Pod", namespace)
    return [
        pod
        for pod in pods
        if any(found["uid"] == uid for found in pod["metadata"].get("ownerReferences", []))
    ]


def address(pod: Object) -> str:
    """A pod's address from its status; an AssertionError when it has none."""
    found = pod["status"].get("podIP")
    assert found, f"pod {pod['metadata']['name']} has no address"
    return str(found)


def is_ready(pod: Object) -> bool:
    """Whether a pod is Ready and not on its way out."""
    conditions = {condition["type"]: condition["status"] for condition in pod["status"].get("conditions", [])}
    return conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]


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
