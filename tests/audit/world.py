"""A cluster in memory: objects of the API, controllers that do what Kubernetes' do, and DNS servers that
answer as CoreDNS."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from headless_conformance.audit import Audit, AuditResult, DnsServer, Options
from headless_conformance.audit.access import Access
from headless_conformance.audit.errors import InspectionError
from headless_conformance.audit.targets import parse
from headless_conformance.records import AnswerData, Question
from tests.audit.dns_servers import FakeDns
from tests.audit.objects import Object, headless, pod, service, service_of, slices, stateful_set
from tests.records.reference_server import ReferenceServer

DOMAIN = "cluster.local"
NOW = datetime(2026, 11, 1, tzinfo=UTC).timestamp()
SERVERS = (
    DnsServer("10.0.0.1", 53, "kube-system", "dns-1"),
    DnsServer("10.0.0.2", 53, "kube-system", "dns-2"),
)


class Clock:
    """Time that passes when somebody waits, and the real time on top."""

    def __init__(self) -> None:
        self._real = time.monotonic
        self.waited = 0.0

    def monotonic(self) -> float:
        return self._real() + self.waited

    def pause(self, seconds: float) -> None:
        self.waited += seconds


class World(Access):
    """The objects, and an Access that lists them."""

    def __init__(self) -> None:
        super().__init__(api=None, context="test")
        self.objects: dict[str, list[Object]] = {}
        self.refused: dict[str, InspectionError] = {}
        """Kinds that cannot be listed."""
        self.version = {"major": "1", "minor": "37", "gitVersion": "v1.37.0"}
        self.answers: dict[str, Object] = {"/api/v1/namespaces/shop": {"metadata": {"name": "shop"}}}
        """What other paths answer."""
        self.clock = Clock()
        self.dns = {server: FakeDns(self.answer, self.clock.monotonic) for server in SERVERS}
        self.later: list[tuple[float, Callable[[], None]]] = []
        """What happens after so many seconds of waiting."""
        self.add(
            "Service",
            service(
                "kubernetes", {}, "default", clusterIP="10.96.0.1", ports=[{"name": "https", "port": 443}]
            ),
        )

    @property
    def server(self) -> str:
        return "https://test.example"

    def now(self) -> float:
        return NOW + self.clock.waited

    def add(self, kind: str, *found: Object) -> None:
        self.objects.setdefault(kind, []).extend(found)

    def get(self, path: str, right: str, **query: str) -> Object:
        self.requests += 1
        if path == "/version":
            return dict(self.version)
        if path in self.answers:
            return self.answers[path]
        raise InspectionError(f"nothing at {path}")

    def list_all(self, kind: str, namespace: str = "", **query: str) -> list[Object]:
        self.requests += 1
        self._pass_time()
        if kind in self.refused:
            raise self.refused[kind]
        found = self.objects.get(kind, [])
        return copy.deepcopy([one for one in found if namespace in ("", one["metadata"]["namespace"])])

    def _pass_time(self) -> None:
        for due in [due for due in self.later if due[0] <= self.clock.waited]:
            self.later.remove(due)
            due[1]()

    def find(self, kind: str, name: str) -> Object:
        return next(one for one in self.objects[kind] if one["metadata"]["name"] == name)

    def answer(self, question: Question) -> AnswerData:
        """What a right DNS server says now."""
        self._pass_time()
        server = ReferenceServer(
            self.objects.get("Service", []), self.objects.get("EndpointSlice", []), DOMAIN
        )
        return server.ask(question)

    def apply(self, *manifests: Object) -> None:
        """Create objects, and Pods and PersistentVolumeClaims of StatefulSets."""
        for manifest in manifests:
            found = copy.deepcopy(manifest)
            found["metadata"].setdefault("namespace", "shop")
            kind = str(found["kind"])
            if kind == "Service":
                found = service_of(found, len(self.objects["Service"]))
            if kind == "StatefulSet":
                found["metadata"] |= {"uid": f"set-{found['metadata']['name']}", "generation": 1}
                found["status"] = {"observedGeneration": 1}
                self._create_pods(found)
            self.add(kind, found)
        self.write_slices()

    def _create_pods(self, found: Object) -> None:
        spec, name = found["spec"], found["metadata"]["name"]
        start = (spec.get("ordinals") or {}).get("start", 0)
        for ordinal in range(start, start + spec.get("replicas", 1)):
            made = pod(
                f"{name}-{ordinal}", copy.deepcopy(spec["template"]), len(self.objects.get("Pod", [])) + 1
            )
            made["metadata"]["labels"] |= {
                "statefulset.kubernetes.io/pod-name": f"{name}-{ordinal}",
                "apps.kubernetes.io/pod-index": str(ordinal),
            }
            made["metadata"]["ownerReferences"] = [{"controller": True, "uid": found["metadata"]["uid"]}]
            made["metadata"]["namespace"] = found["metadata"]["namespace"]
            made["spec"] |= {"hostname": f"{name}-{ordinal}", "subdomain": spec.get("serviceName") or ""}
            for template in spec.get("volumeClaimTemplates") or ():
                claim = f"{template['metadata']['name']}-{name}-{ordinal}"
                made["spec"].setdefault("volumes", []).append(
                    {"name": template["metadata"]["name"], "persistentVolumeClaim": {"claimName": claim}}
                )
                self.add(
                    "PersistentVolumeClaim",
                    {"metadata": {"name": claim, "namespace": made["metadata"]["namespace"]}},
                )
            self.add("Pod", made)

    def write_slices(self) -> None:
        """What the EndpointSlice controller does; slices of others stay."""
        kept = [
            one for one in self.objects.get("EndpointSlice", []) if "managed-by" in one["metadata"]["labels"]
        ]
        self.objects["EndpointSlice"] = kept
        for found in self.objects["Service"]:
            if found["spec"].get("selector") and found["spec"].get("type") != "ExternalName":
                self.objects["EndpointSlice"] += slices(found, self.objects.get("Pod", []))

    def audit(self, target: str = "shop/db", **options: Any) -> AuditResult:
        """Audit it, with the DNS servers of this world."""
        targets = tuple(parse(word) for word in target.split())
        options = {"domain": DOMAIN, "servers": SERVERS, **options}
        run = Audit(
            self,
            Options(targets=targets, **options),
            connect=lambda server: self.dns[server].connect(),
            pause=self.clock.pause,
        )
        return run.run()


def healthy() -> World:
    """Three members, at rest."""
    world = World()
    world.apply(headless(), stateful_set())
    return world
