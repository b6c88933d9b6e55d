"""A headless Service with very many Pods: grown and shrunk, held against the API and DNS, and measured."""

from __future__ import annotations

import contextlib
import queue
import random
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psutil
from kubernetes import client
from kubernetes.client.exceptions import ApiException
from kubernetes.watch import Watch
from urllib3.exceptions import HTTPError

from headless_conformance.cluster.api_client import api_client
from headless_conformance.cluster.dns_checks import must_be, must_be_nxdomain
from headless_conformance.cluster.dns_client import Dns
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.model import Cluster
from headless_conformance.cluster.pods import is_pod_ready, pod_ip
from headless_conformance.cluster.timeouts import WATCH_SECONDS
from headless_conformance.cluster.waiting import ObservationError
from headless_conformance.core.objects import Object
from headless_conformance.records.objects import POD_NAME_LABEL

SERVICE_NAME, STATEFULSET_NAME = "s", "m"
"""Short, so that 1,000 SRV records fit into one DNS message of 65,535 bytes."""
WATCHED = 50
"""How many Pods of a change are timed, by random choice."""
_CHANGE_SECONDS = 570.0
"""Bound on one change of size."""
_LOOK_SECONDS = 0.25
"""How long the watch is listened to before the names that are due are asked for again."""


def manifests() -> list[Object]:
    """Service and StatefulSet without Pods, which are created all at once."""
    labels = {"app": "large-set"}
    container = {
        "name": "simulated",
        "image": "simulated",
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    pod = {
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": SERVICE_NAME},
            "spec": {"clusterIP": "None", "selector": labels, "ports": [{"name": "http", "port": 80}]},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {"name": STATEFULSET_NAME},
            "spec": {
                "serviceName": SERVICE_NAME,
                "replicas": 0,
                "podManagementPolicy": "Parallel",
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        },
    ]


@dataclass(frozen=True)
class SizeChange:
    """One change of size. Times in seconds;
    `delays` from a Pod's watch event to its right answer at every DNS server."""

    replicas: int
    settled: float
    """Until the StatefulSet reported exactly its Pods, all Ready, and every timed name was right."""
    delays: tuple[float, ...]
    processor: float
    """Processor time of all components of the cluster."""
    memory: int
    """Bytes that they hold at its end."""
    seed: int

    def percentile(self, percent: int) -> float:
        """Of `delays`, by the nearest rank."""
        ordered = sorted(self.delays)
        return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]

    def __str__(self) -> str:
        delays = ", ".join(f"{name} {self.percentile(rank) * 1000:.0f} ms" for name, rank in DELAYS.items())
        return (
            f"{self.replicas} Pods after {self.settled:.1f} s; "
            f"event to answer of {len(self.delays)}: {delays}; "
            f"{self.processor:.1f} s of processor time, {self.memory / 2**20:.0f} MiB (seed {self.seed})"
        )


def costs(idle: int, steps: Sequence[SizeChange]) -> str:
    """A table of what one Pod more took in each step, from `idle` bytes of memory on."""
    memory, replicas = idle, 0
    lines = ["endpoints    ms each    processor ms each    KiB each"]
    for step in steps:
        new = step.replicas - replicas
        wall, processor = step.settled / new * 1000, step.processor / new * 1000
        lines.append(
            f"{step.replicas:>9}{wall:>11.1f}{processor:>21.1f}{(step.memory - memory) / new / 1024:>12.0f}"
        )
        memory, replicas = step.memory, step.replicas
    return "\n".join(lines)


DELAYS: Mapping[str, int] = {"p50": 50, "p95": 95, "max": 100}


@dataclass
class _Events:
    """What the watch of some Pods tells: (name, address) when one is Ready, (name, None) when one is gone."""

    api: Any
    namespace: str
    names: list[str]
    found: queue.Queue[tuple[str, str | None, float]] = field(default_factory=queue.Queue)
    known: set[str] = field(default_factory=set)
    ended: threading.Event = field(default_factory=threading.Event)
    error: Exception | None = None

    def start(self) -> None:
        listing = self.api.list_namespaced_pod(self.namespace, label_selector=self._selector)
        self.known = {pod.metadata.name for pod in listing.items}
        threading.Thread(target=self._watch, args=(listing.metadata.resource_version,), daemon=True).start()

    @property
    def _selector(self) -> str:
        return f"{POD_NAME_LABEL} in ({','.join(self.names)})"

    def _watch(self, version: str) -> None:
        try:
            while not self.ended.is_set():
                version = self._follow(version)
        except (ApiException, HTTPError, OSError) as error:
            self.error = error

    def _follow(self, version: str) -> str:
        """One watch from `version` on; the version to go on from.
        A busy API server ends the watch of a slow reader early."""
        events = Watch().stream(
            self.api.list_namespaced_pod,
            self.namespace,
            label_selector=self._selector,
            resource_version=version,
            timeout_seconds=int(WATCH_SECONDS),
            deserialize=False,
        )
        for event in events:
            now, pod = time.monotonic(), event["object"]
            name, version = pod["metadata"]["name"], pod["metadata"]["resourceVersion"]
            if event["type"] == "DELETED":
                self.known.discard(name)
                self.found.put((name, None, now))
            elif name not in self.known and is_pod_ready(pod):
                self.known.add(name)
                self.found.put((name, pod_ip(pod), now))
        return version


@dataclass
class LargeSet:
    """A Service and the many Pods of its StatefulSet in one namespace."""

    cluster: Cluster
    pods: HeadlessSet
    dns: Dns
    size: int = 0

    def create(self) -> None:
        for manifest in manifests():
            self.pods.kube.create(self.pods.namespace, manifest)

    def resize(self, size: int, seed: int) -> SizeChange:
        """Ask for `size` Pods and wait until they are there. ObservationError after _CHANGE_SECONDS."""
        low, high = sorted((self.size, size))
        sample = random.Random(seed).sample(range(low, high), min(WATCHED, high - low))
        core = client.CoreV1Api(api_client(self.cluster.kubeconfig))
        events = _Events(core, self.pods.namespace, [self.pods.pod_name(ordinal) for ordinal in sample])
        events.start()
        before = usage()
        begun = time.monotonic()
        scaled = self.pods.scale(size)
        try:
            delays = self._time_names(events, begun + _CHANGE_SECONDS)
        finally:
            events.ended.set()
        scaled.await_ready(begun + _CHANGE_SECONDS - time.monotonic())
        settled = time.monotonic() - begun
        self.size = size
        after = usage()
        return SizeChange(
            size, settled, tuple(delays), after.processor - before.processor, after.memory, seed
        )

    def _time_names(self, events: _Events, end: float) -> list[float]:
        """Ask for each timed name from its event on, until every server is right about it."""
        delays: list[float] = []
        pending: dict[str, tuple[str | None, float]] = {}
        while len(delays) < len(events.names):
            if events.error is not None:
                raise events.error
            if time.monotonic() > end:
                missing = len(events.names) - len(delays)
                raise ObservationError(
                    f"{missing} of {len(events.names)} Pods did not come or go within {_CHANGE_SECONDS:.0f} s"
                )
            with contextlib.suppress(queue.Empty):
                while True:
                    name, now_at, when = events.found.get(block=not pending, timeout=_LOOK_SECONDS)
                    pending[name] = (now_at, when)
            for name, (expected, when) in list(pending.items()):
                answers = self.dns.ask(f"{name}.{self.pods.service_fqdn}", "A")
                if all(
                    answer.values() == ([expected] if expected else []) and answer.message
                    for answer in answers
                ):
                    delays.append(time.monotonic() - when)
                    del pending[name]
        return delays

    def require_pod_fqdn(self, name: str, expected: str) -> None:
        """A Pod FQDN has this address at every server, over both transports.
        One question each, of what is at rest."""
        for answer in self.dns.ask(f"{name}.{self.pods.service_fqdn}", "A"):
            must_be([expected])(answer)

    def require_no_pod_fqdn(self, name: str) -> None:
        """NXDOMAIN at every server, over both transports."""
        for answer in self.dns.ask(f"{name}.{self.pods.service_fqdn}", "A"):
            must_be_nxdomain(answer)

    def addresses(self) -> dict[str, str]:
        """Name and address of each Ready Pod, from its status."""
        pods = self.pods.kube.list("Pod", self.pods.namespace)
        return {pod["metadata"]["name"]: pod_ip(pod) for pod in pods if is_pod_ready(pod)}


def sample_of(names: Iterable[str], seed: int, count: int | None) -> list[str]:
    """`count` of the names, the same for the same seed; all of them where `count` is None."""
    ordered = sorted(names)
    return ordered if count is None else random.Random(seed).sample(ordered, min(count, len(ordered)))


@dataclass(frozen=True)
class Usage:
    """Processor seconds so far and resident bytes now."""

    processor: float
    memory: int


def usage() -> Usage:
    """Of all child processes of this one: the components of the simulated cluster."""
    processor, memory = 0.0, 0
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error), child.oneshot():
            times = child.cpu_times()
            processor += times.user + times.system
            memory += child.memory_info().rss
    return Usage(processor, memory)
