"""A cluster without containers: the real API server, controllers, scheduler and DNS servers as processes on
loopback.

Only the kubelet is simulated. So the promises of the API, the controllers and DNS can be verified here; what
needs a kubelet, packets between Pods, data on volumes or MySQL cannot. Works as an ordinary user; several
clusters can run side by side.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import dns.exception
import dns.message
import dns.query
import dns.rdatatype
from kubernetes import client
from kubernetes.utils import FailToCreateError, create_from_dict
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from headless_conformance.cluster.api_client import api_client
from headless_conformance.cluster.model import Capability, Cluster
from headless_conformance.core.errors import StepFailed
from headless_conformance.core.parallel import in_parallel
from headless_conformance.core.paths import log_dir, work_dir
from headless_conformance.core.plan import Step
from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import Settings
from headless_conformance.providers.simulated import control_plane, corefile, objects
from headless_conformance.providers.simulated.component import Component, Supervisor
from headless_conformance.providers.simulated.network import addresses
from headless_conformance.providers.simulated.ports import Ports
from headless_conformance.providers.simulated.run_directory import RunDirectory
from headless_conformance.toolchain.go import go_programs, planned_build, source_of
from headless_conformance.toolchain.go_build_cache import shared_build_cache

SIMULATED_NAME = "simulated"
KUBERNETES_PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
"""What is needed of a Kubernetes release: nodes are simulated, so there is no kubelet, kube-proxy or
kubeadm."""
_NODES = 3
MANY_NODES = 50
"""With SLOW=1: at 250 Pods each, room for the scale tests."""
THRIFTY = {"GOGC": "400", "GOMAXPROCS": "1"}
"""How Go programs do with less processor time: later garbage collections and no threads that look for work.

Not with SLOW=1, where the heaps are large and the API server has work for more than one processor.
"""
_START_SECONDS = 180.0
"""Bound on each of API, nodes and DNS becoming ready. Alone on two cores all three take five seconds."""
_POLL_SECONDS = 0.05


class NotReadyError(Exception):
    """What is still missing."""


def planned_programs(settings: Settings) -> list[Step]:
    """The steps that `ensure_programs` is going to take. Raises UserError where there is no Go."""
    release, kwok = settings.release, settings.versions.components["kwok"]
    kubernetes, rest = "kubernetes", "rest"
    return [
        *planned_build(source_of("kubernetes", release.patch), KUBERNETES_PROGRAMS, lane=kubernetes),
        *planned_build(source_of("kwok", kwok), lane=kubernetes),
        *planned_build(source_of("etcd", release.etcd), ["etcd"], lane=rest),
        *planned_build(source_of("coredns", release.coredns), lane=rest),
    ]


@shared_build_cache()
def ensure_programs(settings: Settings, progress: Progress) -> control_plane.Programs:
    """What a simulated cluster runs, built if need be and nothing else.

    Two builds at once: one fetches modules or links, which take one processor, while the other one compiles.
    Raises UserError or StepFailed as `toolchain.go`.
    """
    release = settings.release

    def of_kubernetes() -> tuple[Path, Path]:
        # In this order: kwok takes most of what it is made of from Kubernetes.
        return (
            go_programs("kubernetes", release.patch, progress, KUBERNETES_PROGRAMS),
            go_programs("kwok", settings.versions.components["kwok"], progress),
        )

    def of_the_rest() -> tuple[Path, Path]:
        return (
            go_programs("etcd", release.etcd, progress, ["etcd"]),
            go_programs("coredns", release.coredns, progress),
        )

    (kubernetes, kwok), (etcd, coredns) = in_parallel([of_kubernetes, of_the_rest])
    return control_plane.Programs(kubernetes=kubernetes, kwok=kwok, etcd=etcd, coredns=coredns)


class SimulatedCluster:
    """One cluster of `nodes` simulated nodes (3, and 50 with SLOW=1) and `dns_replicas` DNS servers.

    All DNS servers use `dns_corefile`, kubeadm's by default. Start it from the main thread: its
    processes die with the thread that started them.
    """

    def __init__(
        self,
        settings: Settings,
        programs: control_plane.Programs,
        *,
        nodes: int | None = None,
        dns_replicas: int = 2,
        dns_corefile: str | None = None,
    ) -> None:
        self._settings = settings
        self._programs = programs
        count = nodes or (MANY_NODES if settings.slow else _NODES)
        self._nodes = objects.node_names(count)
        self._replicas = dns_replicas
        self._addresses = addresses(settings.network, count)
        self._corefile = dns_corefile or corefile.default(self._addresses.domain)
        self._ports = Ports()
        self.components = Supervisor()
        self._directory: RunDirectory | None = None

    def __enter__(self) -> Cluster:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        death = self.components.death
        self.stop(keep_logs=kind is not None or death is not None)
        if kind is None and death is not None:
            raise StepFailed(death)

    def start(self) -> Cluster:
        """Start everything and return when it answers.

        Raises StepFailed, with the last log lines of the component that ended or what is still missing after
        _START_SECONDS; nothing runs on then.
        """
        try:
            return self._start()
        except BaseException:
            self.stop(keep_logs=True)
            raise

    def _start(self) -> Cluster:
        programs = self._programs
        directory = RunDirectory(work_dir() / "simulated", log_dir() / "simulated")
        self._directory = directory
        etcd_port, peer_port, api_port = (self._ports.take() for _ in range(3))
        files = control_plane.write_files(directory.path, self._addresses, api_port)
        admin = files.kubeconfigs["admin"]
        self._run("etcd", control_plane.etcd(programs, files, directory.path, etcd_port, peer_port))
        self._run(
            "kube-apiserver",
            control_plane.api_server(programs, files, self._addresses, api_port, etcd_port),
        )
        api = api_client(admin)
        self._until(lambda: _require_api(api))
        for manifest in [*objects.fixed(), *objects.dns(self._addresses, self._corefile)]:
            self._until(partial(_create, api, manifest))
        self._until(lambda: _require_rights(api))
        self._run(
            "kube-controller-manager", control_plane.controller_manager(programs, files, self._addresses)
        )
        self._run("kube-scheduler", control_plane.scheduler(programs, files, directory.path))
        self._run("kwok", control_plane.kwok(programs, files, self._addresses))
        servers = tuple((control_plane.LOOPBACK, self._ports.take()) for _ in range(self._replicas))
        for number, (_, port) in enumerate(servers, start=1):
            path = directory.path / f"Corefile-{number}"
            path.write_text(
                corefile.on_host(self._corefile, port, self._ports.take(), files.kubeconfigs["coredns"])
            )
            self._run(f"coredns-{number}", control_plane.coredns(programs, path))
        for index, name in enumerate(self._nodes):
            self._until(partial(_create, api, objects.node(name, index)))
        core = client.CoreV1Api(api)
        self._until(lambda: _require_nodes(core, len(self._nodes)))
        for name in self._nodes:
            self._until(partial(_create, api, objects.first_pod(name)))
        self._until(lambda: _require_first_pods(core))
        self._until(lambda: self._require_dns(servers))
        return Cluster(
            name=directory.name,
            provider=SIMULATED_NAME,
            release=self._settings.release,
            kubeconfig=admin,
            kubectl=programs.kubernetes / "kubectl",
            capabilities=_capabilities(len(self._nodes)),
            images={},
            ends_with_run=True,
            host_dns=servers,
        )

    def _run(self, name: str, command: control_plane.Command) -> None:
        assert self._directory is not None
        # A home of its own: kwok reads a configuration of the user's otherwise.
        env = {"HOME": str(self._directory.path), **({} if self._settings.slow else THRIFTY)}
        self.components.add(
            Component(
                name, command, log=self._directory.logs / f"{name}.log", env=env, cwd=self._directory.path
            )
        )

    def _until(self, require: Callable[[], None]) -> None:
        """Repeat `require` until it raises nothing; StepFailed when a component ends or time is up."""
        try:
            for attempt in Retrying(
                stop=stop_after_delay(_START_SECONDS),
                wait=wait_fixed(_POLL_SECONDS),
                retry=retry_if_exception_type(NotReadyError),
                reraise=True,
            ):
                with attempt:
                    self.components.require_alive()
                    require()
        except NotReadyError as error:
            assert self._directory is not None
            raise StepFailed(
                f"The simulated cluster is not ready after {_START_SECONDS:.0f} s: {error}; "
                f"see {self._directory.logs}."
            ) from None

    def _require_dns(self, servers: tuple[tuple[str, int], ...]) -> None:
        domain = self._addresses.domain
        wanted = {
            f"kubernetes.default.svc.{domain}.": self._addresses.api,
            f"kube-dns.kube-system.svc.{domain}.": self._addresses.dns,
        }
        for address, port in servers:
            for name, expected in wanted.items():
                for ask in (dns.query.udp, dns.query.tcp):
                    query = dns.message.make_query(name, dns.rdatatype.A)
                    try:
                        answer = ask(query, address, port=port, timeout=1)
                    except (OSError, dns.exception.DNSException) as error:
                        raise NotReadyError(f"DNS server on port {port}: {error}") from None
                    found = [str(record) for rrset in answer.answer for record in rrset]
                    if found != [expected]:
                        raise NotReadyError(
                            f"DNS server on port {port} answers {found} for {name}, not {expected}"
                        )

    def stop(self, *, keep_logs: bool = False) -> None:
        """End all processes and remove this run's files; may be called again."""
        self.components.stop()
        self._ports.release()
        if self._directory is not None:
            self._directory.remove(keep_logs=keep_logs)
            self._directory = None


def _capabilities(nodes: int) -> frozenset[Capability]:
    found = {Capability.CONTROL_PLANE}
    if nodes >= 3:
        found.add(Capability.SEVERAL_NODES)
    if nodes * objects.PODS_PER_NODE > 12_000:
        found.add(Capability.MANY_PODS)
    return frozenset(found)


def _require_api(api: Any) -> None:
    url = urlsplit(api.configuration.host)
    try:
        # The API client retries a refused connection, and warns of each: look whether anybody listens first.
        socket.create_connection((url.hostname, url.port), timeout=2).close()
        api.call_api("GET", f"{api.configuration.host}/readyz", header_params={}, _request_timeout=2)
    except Exception as error:
        raise NotReadyError(f"API server: {error}") from None


def _create(api: Any, manifest: objects.Manifest) -> None:
    """Create an object.

    An API server that has just become ready refuses some for a moment: Services before their address range is
    set up, for one.
    """
    try:
        create_from_dict(api, manifest)
    except FailToCreateError as error:
        raise NotReadyError(f"{manifest['kind']} {manifest['metadata']['name']}: {error}") from None


def _require_rights(api: Any) -> None:
    """The authorizer knows the roles that exist: it follows them with a delay, and a component that is
    refused gives up."""
    discovery = {"nonResourceAttributes": {"verb": "get", "path": "/api"}}
    for user, verb, resource in control_plane.FIRST_REQUESTS:
        group, _, plural = resource.rpartition("/")
        request = {
            "resourceAttributes": {
                "verb": verb,
                "group": group,
                "resource": plural,
                "namespace": "kube-system",
            }
        }
        for asked in (discovery, request):
            if not _is_allowed(api, user, asked):
                raise NotReadyError(f"{user} is not allowed {asked} yet")


def _is_allowed(api: Any, user: str, asked: dict[str, Any]) -> bool:
    reviews: Any = client.AuthorizationV1Api(api)
    review = {"spec": {"user": user, "groups": ["system:authenticated"], **asked}}
    return bool(reviews.create_subject_access_review(review).status.allowed)


def _require_nodes(core: Any, count: int) -> None:
    nodes = core.list_node().items
    ready = [
        node.metadata.name
        for node in nodes
        if node.spec.pod_cidr
        and any(c.type == "Ready" and c.status == "True" for c in node.status.conditions or [])
    ]
    if len(ready) != count:
        raise NotReadyError(f"{len(ready)} of {count} nodes are Ready and have a range of Pod addresses")
    for namespace in ("default", "kube-system"):
        if "default" not in {
            account.metadata.name for account in core.list_namespaced_service_account(namespace).items
        }:
            raise NotReadyError(f"namespace {namespace} has no default service account")


def _require_first_pods(core: Any) -> None:
    """Every node's first Pod runs and is deleted, and all are gone."""
    pods = core.list_namespaced_pod("kube-system").items
    for pod in pods:
        if pod.status.phase == "Running" and pod.metadata.deletion_timestamp is None:
            core.delete_namespaced_pod(pod.metadata.name, "kube-system", grace_period_seconds=1)
    if pods:
        raise NotReadyError(
            f"first Pods of {len(pods)} nodes are not done: {', '.join(p.metadata.name for p in pods[:3])}"
        )
