"""A StatefulSet of the person's own, only ever looked at: what is expected of it follows from its objects,
and what they or its image do not offer is not supported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.pods import is_pod_ready
from headless_conformance.core.errors import not_supported
from headless_conformance.core.mismatch import require
from headless_conformance.core.objects import Object
from headless_conformance.records.endpoints import family_of, has_endpoint, selects
from headless_conformance.records.objects import Service, read_pod, read_service

UDP_ADDRESSES = 60
"""More addresses than about so many do not fit into the answers over UDP that tests ask for."""
CLUSTER_RESOLVERS = ("ClusterFirst", "ClusterFirstWithHostNet")


@dataclass(frozen=True)
class OwnSet(HeadlessSet):
    """Any StatefulSet, with the members that were Ready when it was looked at."""

    start: int = 0
    """Its first ordinal."""
    ready_ordinals: tuple[int, ...] = ()
    """Those of its Ready members, which alone are judged."""
    settled: bool = True
    """Whether no member is to come."""

    @property
    def ordinals(self) -> Sequence[int]:
        return self.ready_ordinals

    @property
    def next_ordinal(self) -> int:
        return self.start + self.replicas

    @property
    def service_fqdn(self) -> str:
        self._require_service_name()
        return super().service_fqdn

    def get_service(self) -> Object:
        self._require_service_name()
        return super().get_service()

    def _require_service_name(self) -> None:
        subject = f"{self.statefulset_subject} .spec.serviceName"
        require(bool(self.service_name), subject, expected="present", observed="absent", where=self.where)

    def get_pods(self) -> list[Object]:
        """Its Ready Pods; a member that is not Ready is not judged."""
        return [pod for pod in super().get_pods() if is_pod_ready(pod)]

    def pod_ip(self, ordinal: int) -> str:
        """The address that a member has under the Service, of IPv4."""
        addresses = [found for found in self.pod_ips(ordinal) if family_of(found) == "IPv4"]
        return addresses[0] if "IPv4" in self._families() and addresses else self._has_no_ipv4()

    def ready_ips(self) -> list[str]:
        """The IPv4 addresses of the Pods that the Service publishes, each once: Pods that share their node's
        network share its address, and the Service may select Pods of others."""
        if "IPv4" not in self._families():
            self._has_no_ipv4()
        return [found for found in self.resolvable_ips() if family_of(found) == "IPv4"]

    def resolvable_ips(self) -> list[str]:
        service, families = self._read_service(), self._families()
        if not service.selector:
            not_supported(
                f"nothing says which Pods {self.service_subject}, which has no selector, stands for"
            )
        pods = [pod for pod in self.kube.list("Pod", self.namespace) if selects(service, read_pod(pod))]
        published = [
            pod
            for pod in pods
            if (service.publish_not_ready and has_endpoint(read_pod(pod))) or is_pod_ready(pod)
        ]
        addresses = dict.fromkeys(
            found for pod in published for found in read_pod(pod).addresses if family_of(found) in families
        )
        if len(addresses) > UDP_ADDRESSES:
            not_supported(f"{len(addresses)} addresses do not fit into one answer over UDP")
        return list(addresses)

    def ready_ips_by_fqdn(self) -> dict[str, str]:
        """Pod FQDN and IPv4 address of each Ready member."""
        return {self.pod_fqdn(ordinal): self.pod_ip(ordinal) for ordinal in self.ordinals}

    def endpoints(self) -> list[dict[str, Any]]:
        """One endpoint of each of its Ready members; a member has one in each address family."""
        own = {pod["metadata"]["name"] for pod in self.get_pods()}
        found = {(endpoint.get("targetRef") or {}).get("name"): endpoint for endpoint in super().endpoints()}
        return [endpoint for name, endpoint in found.items() if name in own]

    def may_ask_for_absent(self, name: str, keeps_denials: Callable[[str], bool]) -> bool:
        return self.settled and not keeps_denials(name)

    def has_nothing_to_ask(self, what: str) -> NoReturn:
        not_supported(f"{self.service_subject} has nothing for which there would be {what}")

    def require_hosts_file_of_kubelet(self) -> None:
        spec = self._pod_spec()
        if spec.get("hostNetwork"):
            not_supported("its Pods use their nodes' network, and with it the nodes' hosts file")
        if spec.get("hostAliases"):
            not_supported("its Pods have lines of their own (hostAliases) in their hosts files")

    def require_resolver_of_cluster(self) -> None:
        spec = self._pod_spec()
        policy = spec.get("dnsPolicy") or CLUSTER_RESOLVERS[0]
        on_the_node = bool(spec.get("hostNetwork")) and policy == CLUSTER_RESOLVERS[0]
        if policy not in CLUSTER_RESOLVERS or on_the_node or spec.get("dnsConfig"):
            not_supported("its Pods have another resolver configuration (dnsPolicy, dnsConfig, hostNetwork)")

    def _pod_spec(self) -> Object:
        return dict(self.get_statefulset()["spec"]["template"]["spec"])

    def _read_service(self) -> Service:
        return read_service(self.get_service())

    def _families(self) -> frozenset[str]:
        return frozenset(self._read_service().families) or frozenset(("IPv4",))

    def _has_no_ipv4(self) -> NoReturn:
        not_supported(f"{self.service_subject} has no addresses of IPv4, which this test asks for")
