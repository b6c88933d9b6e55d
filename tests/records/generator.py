"""Namespaces with Services, EndpointSlices and Pods of many shapes, from a seed: the same seed gives the same
objects.

The objects are as the API server would give them. Pods come with the status that they must get;
EndpointSlices are those that somebody writes by hand for Services without selector.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from headless_conformance.records.objects import SERVICE_NAME_LABEL

Object = dict[str, Any]
DOMAIN = "cluster.local"
LABELS = {"app": "pods", "role": "member"}
OTHER_LABELS = {"app": "pods", "role": "other"}
PORTS = (("sql", 3306, "TCP"), ("http", 80, "TCP"), ("dns", 53, "UDP"), ("rpc", 9000, "SCTP"))
HOSTNAMES = ("db-0", "db-1", "db-2", "primary")
ALIASES = ("www.example.com", "database.example.org.", "headless.elsewhere.svc.cluster.local")


@dataclass
class Namespace:
    """All objects of one namespace."""

    name: str
    services: list[Object] = field(default_factory=list)
    slices: list[Object] = field(default_factory=list)
    pods: list[Object] = field(default_factory=list)
    fixed_addresses: bool = False
    """Whether Services must get the cluster IPs that they have here, and not any."""


def namespaces(seed: int, count: int) -> list[Namespace]:
    """That many namespaces. A later one is the same however many there are."""
    return [_Generator(seed, number).make() for number in range(count)]


class _Generator:
    def __init__(self, seed: int, number: int) -> None:
        self._random = random.Random(f"{seed}/{number}")
        self._number = number
        self._made = Namespace(f"model-{number}")
        self._used: set[str] = set()
        high, low = divmod(number, 250)
        self._pool = [f"10.{high}.{low}.{last}" for last in range(1, 6)]
        self._pool6 = [
            f"fd00:0:0:{number + 1:x}::",
            *(f"fd00:0:0:{number + 1:x}::{last}" for last in range(1, 5)),
        ]

    def make(self) -> Namespace:
        """Draw everything."""
        for _ in range(self._random.randint(1, 3)):
            self._hand_written()
        if self._chance(0.5):
            self._of_pods()
        if self._chance(0.2):
            spec = {"type": "ExternalName", "externalName": self._random.choice(ALIASES)}
            self._made.services.append(self._object(self._name("alias"), spec))
        return self._made

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _name(self, stem: str) -> str:
        """A name that is not taken; some have all 63 characters that a label can have."""
        name = f"{stem}-{len(self._made.services)}"
        return name.ljust(63, "x") if self._chance(0.12) else name

    def _object(self, name: str, spec: Object, **more: Any) -> Object:
        return {"metadata": {"name": name, "namespace": self._made.name, **more}, "spec": spec}

    def _service(self, ports: Sequence[Object], **spec: Any) -> Object:
        """A headless Service or, with an address that the API server would give, an ordinary one."""
        headless = self._chance(0.7) or not ports
        families = self._random.choices(
            (["IPv4"], ["IPv6"], ["IPv4", "IPv6"]), (1, 1, 6) if headless else (4, 1, 2)
        )[0]
        addresses = ["None"] if headless else [self._cluster_ip(family) for family in families]
        service = self._object(
            self._name("headless" if headless else "ordinary"),
            {
                "type": "ClusterIP",
                "clusterIP": addresses[0],
                "clusterIPs": addresses,
                "ipFamilies": families,
                "ipFamilyPolicy": "SingleStack" if len(families) == 1 else "RequireDualStack",
                **({"ports": list(ports)} if ports else {}),
                **spec,
            },
        )
        self._made.services.append(service)
        return service

    def _cluster_ip(self, family: str) -> str:
        """One that the API server could give to this Service."""
        number = self._number * 5 + len(self._made.services) + 1
        return f"198.18.{number // 250}.{number % 250}" if family == "IPv4" else f"fd00:198:18::{number:x}"

    def _ports(self) -> list[Object]:
        """None, one without name, or up to three with names."""
        kind = self._random.choices(("none", "unnamed", "named"), (1, 1, 5))[0]
        if kind == "none":
            return []
        if kind == "unnamed":
            return [{"port": 8080, "protocol": "TCP", "targetPort": 8080}]
        return [
            {"name": name, "port": number, "protocol": protocol, "targetPort": number}
            for name, number, protocol in self._random.sample(PORTS, self._random.randint(1, 3))
        ]

    def _hand_written(self) -> None:
        """A Service without selector, and what somebody wrote for it."""
        ports = self._ports()
        name = self._service(ports)["metadata"]["name"]
        for number in range(self._random.choices((0, 1, 2, 3), (1, 8, 5, 2))[0]):
            version = 6 if self._chance(0.3) else 4
            endpoints = [self._endpoint(version) for _ in range(self._random.randint(1, 4))]
            self._made.slices.append(
                {
                    "metadata": {
                        "name": f"{name[:40]}-{len(self._made.slices)}-{number}",
                        "namespace": self._made.name,
                        "labels": {SERVICE_NAME_LABEL: name},
                    },
                    "addressType": f"IPv{version}",
                    "ports": self._slice_ports(ports),
                    "endpoints": [found for found in endpoints if found],
                }
            )

    def _slice_ports(self, ports: Sequence[Object]) -> list[Object]:
        """Those of the Service, of which some are missing, with the numbers that the endpoints listen on."""
        kept = [port for port in ports if self._chance(0.85)]
        moved = self._random.choice((0, 0, 1000))
        listed = [
            {"name": p.get("name", ""), "port": p["port"] + moved, "protocol": p["protocol"]} for p in kept
        ]
        if self._chance(0.08):
            listed.append({"name": "extra", "port": 7000, "protocol": "TCP"})
        return listed

    def _endpoint(self, version: int) -> Object:
        pool = self._pool if version == 4 else self._pool6
        endpoint: Object = {"addresses": self._random.sample(pool, 2 if self._chance(0.06) else 1)}
        ready = self._random.choices((True, False, None), (6, 2, 2))[0]
        if ready is not None:
            endpoint["conditions"] = {"ready": ready}
        if self._chance(0.6):
            endpoint["hostname"] = self._random.choice(HOSTNAMES)
        return endpoint

    def _of_pods(self) -> None:
        """Services over one set of Pods, most with a hostname below the first of them."""
        target: int | str = "sql" if self._chance(0.5) else 3306
        ports: list[Object] = [{"name": "sql", "port": 3306, "protocol": "TCP", "targetPort": target}]
        if self._chance(0.4):
            ports.append({"name": "metrics", "port": 9100, "protocol": "TCP", "targetPort": "metrics"})
        for _ in range(self._random.randint(1, 2)):
            self._service(ports, selector=LABELS, publishNotReadyAddresses=self._chance(0.3))
        governing = self._made.services[-1]["metadata"]["name"]
        dual, host_network = self._chance(0.35), self._chance(0.25)
        for ordinal in range(self._random.randint(1, 3)):
            self._made.pods.append(self._pod(ordinal, governing, dual, host_network))
        if self._chance(0.2):
            bystander = self._pod(3, governing, dual, False)
            bystander["metadata"]["labels"] = OTHER_LABELS
            self._made.pods.append(bystander)

    def _pod(self, ordinal: int, governing: str, dual: bool, host_network: bool) -> Object:
        state = self._random.choices(("ready", "unready", "ended", "terminating"), (6, 2, 1.5, 1.5))[0]
        declared = [{"name": "sql", "containerPort": 3306, "protocol": "TCP"}] if self._chance(0.8) else []
        spec: Object = {"containers": [{"name": "main", "image": "simulated", "ports": declared}]}
        if host_network:
            spec["hostNetwork"] = True
        if self._chance(0.75):
            spec["hostname"] = f"pod-{ordinal}"
        if self._chance(0.8):
            spec["subdomain"] = governing
        address = self._pool[0] if host_network else self._pool[ordinal].replace("10.", "100.", 1)
        addresses = [address, f"fd01::{self._number:x}:{ordinal + 1:x}"] if dual else [address]
        metadata = {"uid": f"uid-{self._number}-{ordinal}", "labels": LABELS, "annotations": {}}
        if state == "terminating":
            metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        pod = self._object(f"pod-{ordinal}", {**spec, "nodeName": "simulated-1"}, **metadata)
        pod["status"] = {
            "phase": "Succeeded" if state == "ended" else "Running",
            "podIPs": [{"ip": ip} for ip in addresses],
            "conditions": [
                {"type": "Ready", "status": "True" if state in ("ready", "terminating") else "False"}
            ],
        }
        return pod
