"""StatefulSets of a person's, and what a run with each of them as TARGET must come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from headless_conformance.core.objects import Object

NAMESPACE = "shop"
PORT = "pg"


@dataclass(frozen=True)
class Case:
    """A StatefulSet of the person's, and what a run with it as TARGET must come to."""

    name: str
    failed: Mapping[str, str]
    """Requirements that must fail, each with what one of its failures must be about."""
    exit_status: int
    passed: tuple[str, ...] = ()
    not_supported: Mapping[str, str] = field(default_factory=dict)
    """Requirements of which nothing can be seen, each with a part of the reason."""
    not_judged: bool = False
    service_name: str = ""
    replicas: int = 2
    start: int = 0
    container: Object = field(default_factory=lambda: {"image": "example/pg"})

    @property
    def target(self) -> str:
        return f"{NAMESPACE}/{self.name}"

    @property
    def pods(self) -> list[str]:
        return [f"{self.name}-{self.start + number}" for number in range(self.replicas)]

    def objects(self) -> list[Object]:
        """The set and the headless Service that selects its Pods."""
        labels = {"app": self.name}
        ports = [{"name": PORT, "containerPort": 5432}]
        container = {"name": "main", "ports": ports, **self.container}
        spec: Object = {
            "serviceName": self.service_name or f"{self.name}-db",
            "replicas": self.replicas,
            "podManagementPolicy": "Parallel",
            "ordinals": {"start": self.start},
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]},
            },
        }
        service = {
            "clusterIP": "None",
            "selector": labels,
            "ports": [{"name": PORT, "port": 15432, "targetPort": PORT}],
        }
        return [
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": f"{self.name}-db"}, "spec": service},
            {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": self.name}, "spec": spec},
        ]
