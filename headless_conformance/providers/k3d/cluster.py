"""A k3d cluster of this clone: k3s as it comes, but for what needs images of its own, created through
pytest-kubernetes.

k3s keeps its own CoreDNS configuration and puts it back when it is changed, so it stays as it is here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from headless_conformance.cluster.model import Capability, Cluster
from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import CLONE_LABEL, clone_id
from headless_conformance.core.process import output_of
from headless_conformance.core.settings import Settings
from headless_conformance.engine.engine import Engine
from headless_conformance.images.workloads import substitute_images
from headless_conformance.providers.containers import ContainerCluster
from headless_conformance.providers.k3d.tools import K3dTools
from headless_conformance.providers.node_pulls import pull_on_nodes
from headless_conformance.providers.readiness import stored_dns

K3D_NAME = "k3d"
AGENTS = 2
_IMPORT_SECONDS = 180
HOSTS_SECONDS = 60.0
"""Bound on k3d having put its own host name into CoreDNS' configuration, after which k3s leaves it alone."""
WITHIN_K3S = "k3s runs kube-proxy within its own process"
ADD_ONS = ("traefik", "servicelb", "metrics-server")
"""What k3s starts by default, needs images for, and no requirement is about."""


def cgroup_v1() -> bool:
    """Whether this host has the older control groups, on which newer kubelets refuse to start unless told
    otherwise."""
    return not Path("/sys/fs/cgroup/cgroup.controllers").exists()


def config(settings: Settings, name: str, *, old_cgroups: bool) -> dict[str, object]:
    """k3d's configuration file for one server, which takes Pods too, and AGENTS agents."""
    network = settings.network
    server = [f"--disable={add_on}" for add_on in ADD_ONS]
    for option, value in (
        ("cluster-cidr", network.pod_cidr),
        ("service-cidr", network.service_cidr),
        ("cluster-domain", network.domain),
    ):
        server += [f"--{option}={value}"] if value else []
    every = ["--kubelet-arg=fail-cgroupv1=false"] if old_cgroups else []
    arguments = [
        *({"arg": arg, "nodeFilters": ["server:*"]} for arg in server),
        *({"arg": arg, "nodeFilters": ["server:*", "agent:*"]} for arg in every),
    ]
    return {
        "apiVersion": "k3d.io/v1alpha5",
        "kind": "Simple",
        # The plugin passes no name beside a file and deletes `pytest-<name>`: both must be the same.
        "metadata": {"name": name},
        "servers": 1,
        "agents": AGENTS,
        "image": settings.release.k3s_image,
        "options": {
            "k3d": {"wait": True, "disableLoadbalancer": True},
            "k3s": {"extraArgs": arguments},
            "kubeconfig": {"updateDefaultKubeconfig": False, "switchCurrentContext": False},
            "runtime": {
                "labels": [{"label": f"{CLONE_LABEL}={clone_id()}", "nodeFilters": ["server:*", "agent:*"]}]
            },
        },
    }


@dataclass(frozen=True)
class K3dCluster(ContainerCluster[K3dTools]):
    """The one k3d cluster of a run."""

    PROGRAM = "k3d"
    PREFIX = "pytest-hc-"
    """pytest-kubernetes puts `pytest-` before every name, and deletes under that name only."""
    LABEL = "k3d.cluster"
    DELETE = ("cluster", "delete")

    @classmethod
    def own(cls, engine: Engine) -> list[str]:
        found = engine.docker(
            "ps",
            "-a",
            "--filter",
            f"label={CLONE_LABEL}={clone_id()}",
            "--format",
            f'{{{{.Label "{cls.LABEL}"}}}}',
        )
        labelled = {name for name in found.split() if name.startswith(f"{cls.PREFIX}{clone_id()}-")}
        # k3d's tools container, network and volume can have no label of ours: what we began is ours too.
        return sorted(labelled | {name for name in cls._recorded() if cls._is_there(engine, name)})

    @classmethod
    def _is_there(cls, engine: Engine, name: str) -> bool:
        return any((cls.containers_of(engine, name), cls._networks(engine, name), cls._volumes(engine, name)))

    @staticmethod
    def _networks(engine: Engine, name: str) -> list[str]:
        return engine.docker(
            "network", "ls", "--quiet", "--filter", "label=app=k3d", "--filter", f"name=^k3d-{name}$"
        ).split()

    @classmethod
    def _volumes(cls, engine: Engine, name: str) -> list[str]:
        return engine.docker("volume", "ls", "--quiet", "--filter", f"label={cls.LABEL}={name}").split()

    @classmethod
    def _remove_rest(cls, engine: Engine, name: str) -> None:
        for network in cls._networks(engine, name):
            engine.docker("network", "rm", network)
        for volume in cls._volumes(engine, name):
            engine.docker("volume", "rm", volume)

    def _config(self) -> dict[str, object]:
        return config(self.settings, self.name, old_cgroups=cgroup_v1())

    def _environment(self) -> Mapping[str, str]:
        """k3d keeps its own files in our folder, and not in the person's home and in /tmp."""
        folder = str(self._folder_of(self.name))
        return {**self.tools.env, "XDG_CONFIG_HOME": folder, "TMPDIR": folder}

    def _load_images(self, manager: Any) -> None:
        if not self.tools.archives:
            engine, label = self.tools.engine, f"label={self.LABEL}={self.name}"
            for role in ("server", "agent"):
                nodes = engine.docker("ps", "-q", "--filter", label, "--filter", f"label=k3d.role={role}")
                pull_on_nodes(engine, nodes.split())
        for archive in self.tools.archives.values():
            words = ("image", "import", archive, "--cluster", self.name, "--mode", "direct")
            output_of([self.tools.program, *words], env=self._environment(), timeout=_IMPORT_SECONDS)

    def _adjust(self, cluster: Cluster) -> None:
        require_own_hosts(cluster)

    def _cluster(self) -> Cluster:
        return Cluster(
            name=self.name,
            provider=K3D_NAME,
            release=self.settings.release,
            kubeconfig=self.kubeconfig,
            kubectl=self.tools.kubectl,
            capabilities=frozenset(Capability) - {Capability.CONTROL_PLANE, Capability.MANY_PODS},
            images=substitute_images(self.tools.archives),
            stock_dns=True,
            lacking={Capability.CONTROL_PLANE: WITHIN_K3S},
        )


def require_own_hosts(cluster: Cluster) -> None:
    """Wait until k3d's own change of CoreDNS' configuration is there; k3s would overwrite an earlier one of
    ours.

    Raises UserError after HOSTS_SECONDS.
    """
    for attempt in Retrying(
        stop=stop_after_delay(HOSTS_SECONDS),
        wait=wait_fixed(0.5),
        retry=retry_if_exception_type(UserError),
        reraise=True,
    ):
        with attempt:
            if "host.k3d.internal" not in stored_dns(cluster).get("NodeHosts", ""):
                raise UserError(
                    f"k3d has not finished CoreDNS' configuration after {HOSTS_SECONDS:.0f} s; run it again."
                )
