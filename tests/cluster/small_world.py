"""A namespace with a StatefulSet as the API would give it, and DNS servers that know it; no cluster."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
from kubernetes.client.exceptions import ApiException

from headless_conformance.cluster.agent_program import ID_BYTES
from headless_conformance.cluster.dns_answer import Server
from headless_conformance.cluster.dns_client import Dns
from headless_conformance.cluster.facts import Facts
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.kube import Kube
from headless_conformance.cluster.own_set import OwnSet
from headless_conformance.records import AnswerData, Question, ResourceRecord
from tests.cluster.stand_in import stand_in_cluster
from tests.records import builders
from tests.records.builders import DOMAIN, Object, endpoint, endpoint_slice, headless, port
from tests.records.reference_server import ReferenceServer

Jobs = list[dict[str, Any]]

NAMESPACE, SET, SERVICE = "shop", "orders", "db"
PORT = port("pg", 5432)
Answering = Callable[[Question, AnswerData, str], AnswerData]
"""From a question, the right answer and the transport to what the server says."""


def member(ordinal: int, address: str, **more: Any) -> Object:
    """A Pod of the set."""
    name = f"{SET}-{ordinal}"
    found = builders.pod(name, address, hostname=name, subdomain=SERVICE, **more)
    found["metadata"]["ownerReferences"] = [{"uid": "uid-of-set", "controller": True}]
    found["status"]["podIP"] = address
    return found


@dataclass
class SmallWorld:
    """Two members from the ordinal 1 on, behind a headless Service with one named port."""

    pods: list[Object] = field(default_factory=lambda: [member(1, "198.51.100.1"), member(2, "198.51.100.2")])
    services: list[Object] = field(
        default_factory=lambda: [headless(SERVICE, PORT, selector={"app": "db"}, ipFamilies=["IPv4"])]
    )
    statefulset: Object = field(
        default_factory=lambda: {
            "metadata": {"name": SET, "namespace": NAMESPACE, "uid": "uid-of-set", "generation": 1},
            "spec": {
                "serviceName": SERVICE,
                "replicas": 2,
                "ordinals": {"start": 1},
                "template": {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "db"}]}},
            },
            "status": {"observedGeneration": 1},
        }
    )
    slices: list[Object] = field(default_factory=list)
    endpoints: list[Object] = field(default_factory=list)
    """The core/v1 Endpoints; none where nobody writes them."""
    says: Answering = lambda question, right, transport: right
    asked: set[Question] = field(default_factory=set)
    kept: Callable[[str], float] = lambda name: 0.0
    """Seconds for which the servers keep answers about a name."""
    outages: Any = field(default_factory=lambda: SimpleNamespace(require_node=lambda node: None))
    """Every node answers."""

    def __post_init__(self) -> None:
        endpoints = [
            endpoint(
                pod["status"]["podIPs"][0]["ip"],
                hostname=pod["spec"]["hostname"],
                nodeName="node-1",
                targetRef={"kind": "Pod", "namespace": NAMESPACE, **_identity(pod)},
            )
            for pod in self.pods
        ]
        for one in endpoints:
            one["conditions"] = {"ready": True, "serving": True, "terminating": False}
        self.slices = self.slices or [builders.written(endpoint_slice(SERVICE, *endpoints, ports=(PORT,)))]

    # As the API

    def get(self, kind: str, namespace: str, name: str) -> Object:
        for found in self.list(kind, namespace):
            if found["metadata"]["name"] == name:
                return found
        raise ApiException(status=404, reason="not found")

    def list(self, kind: str, namespace: str, **_: str) -> list[Object]:
        return {
            "StatefulSet": [self.statefulset],
            "Service": self.services,
            "EndpointSlice": self.slices,
            "Endpoints": self.endpoints,
            "Pod": self.pods,
        }[kind]

    # As DNS servers

    def do(self, jobs: Jobs) -> Jobs:
        server = ReferenceServer(self.services, self.slices, DOMAIN)
        return [
            {
                "answers": [[[self._answered(server, job, body), 1]] for body in job["questions"]],
                "problems": [[] for _ in job["questions"]],
            }
            for job in jobs
        ]

    def _answered(self, server: ReferenceServer, job: dict[str, Any], body: str) -> str:
        query = dns.message.from_wire(bytes(ID_BYTES) + base64.b64decode(body))
        asked = query.question[0]
        question = Question(str(asked.name), dns.rdatatype.to_text(asked.rdtype))
        self.asked.add(question)
        data = self.says(question, server.ask(question), job["transport"])
        response = dns.message.make_response(query)
        response.set_rcode(dns.rcode.from_text(data.rcode))
        for record in data.answer:
            response.answer.append(dns.rrset.from_text(record.name, 5, "IN", record.rdtype, record.rdata))
        return base64.b64encode(response.to_wire()[ID_BYTES:]).decode()

    @property
    def dns(self) -> Dns:
        """Two servers that say the same."""
        return Dns(self, (Server("one", "192.0.2.1"), Server("two", "192.0.2.2")), lambda _: True, quick)

    def own_set(self, service: str = SERVICE, **fields: Any) -> OwnSet:
        """The set as one of the person's own."""
        values = {"replicas": 2, "start": 1, "ready_ordinals": (1, 2), **fields}
        return OwnSet(cast(Kube, self), self._facts, NAMESPACE, SET, service, **values)

    def headless_set(self) -> HeadlessSet:
        """The set as one of the suite's own."""
        return HeadlessSet(cast(Kube, self), self._facts, NAMESPACE, SET, SERVICE, 2)

    @property
    def _facts(self) -> Facts:
        found = SimpleNamespace(
            cluster=stand_in_cluster(),
            domain=DOMAIN,
            at_rest_timeout=quick,
            change_timeout=quick,
            cache_seconds=self.kept,
        )
        return cast(Facts, found)


def quick(_name: str = "") -> float:
    """Seconds to look again."""
    return 0.05


def records(question: Question, *values: str) -> AnswerData:
    """An answer with these records."""
    return AnswerData(
        "NOERROR", tuple(ResourceRecord(question.name, question.rdtype, value) for value in values)
    )


def _identity(pod: Object) -> dict[str, str]:
    return {"name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]}
