"""A kind cluster of this clone."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from headless_conformance.cluster.model import Capability, Cluster
from headless_conformance.core.errors import StepFailed
from headless_conformance.core.paths import NODE_LOGS, clone_id, work_dir
from headless_conformance.core.process import output_of
from headless_conformance.engine.engine import Engine
from headless_conformance.providers.containers import ContainerCluster
from headless_conformance.providers.kind.tools import KindTools
from headless_conformance.providers.node_pulls import pull_on_nodes
from headless_conformance.providers.readiness import answer_unknown_names

KIND_NAME = "kind"
_WORKERS = 3
KUBELET_LINES = 300
KUBELET_SECONDS = 20.0
"""Bound on one node's journal: a paused node never answers."""
OWNER_MOUNT = "/etc/headless-conformance/owner"


def owner_file() -> Path:
    """Mounted into every node that this clone creates: the proof that a container is ours, readable even when
    it is stopped."""
    path = work_dir() / "owner"
    if not path.exists():
        path.write_text(f"{clone_id()}\n")
    return path


def _is_ours(engine: Engine, container: str) -> bool:
    mounts = json.loads(engine.docker("inspect", "--format", "{{json .Mounts}}", container))
    return any(
        mount.get("Destination") == OWNER_MOUNT and mount.get("Source") == str(owner_file())
        for mount in mounts
    )


def kubelet_logs(engine: Engine, name: str, since: float) -> dict[str, str]:
    """The last KUBELET_LINES lines that the kubelet of each node of a cluster wrote since a time (seconds
    since the epoch).

    A node that cannot be entered has the reason instead.
    """
    journal = (
        "journalctl",
        "--unit=kubelet",
        f"--since=@{int(since)}",
        f"--lines={KUBELET_LINES}",
        "--no-pager",
        "--quiet",
    )
    logs = {}
    names = engine.docker(
        "ps", "-a", "--filter", f"label={KindCluster.LABEL}={name}", "--format", "{{.Names}}"
    )
    for node in sorted(names.split()):
        try:
            logs[node] = engine.docker("exec", node, *journal, timeout=KUBELET_SECONDS)
        except StepFailed as error:
            logs[node] = str(error)
    return logs


@dataclass(frozen=True)
class KindCluster(ContainerCluster[KindTools]):
    """The one kind cluster of a run."""

    PROGRAM = "kind"
    PREFIX = "hc-"
    LABEL = "io.x-k8s.kind.cluster"
    DELETE = ("delete", "cluster", "--name")
    LOGS = "; see reports/kind-logs"

    @classmethod
    def own(cls, engine: Engine) -> list[str]:
        label = f'{{{{.Label "{cls.LABEL}"}}}}'
        names = set(engine.docker("ps", "-a", "--filter", f"label={cls.LABEL}", "--format", label).split())
        mine = sorted(name for name in names if name.startswith(f"{cls.PREFIX}{clone_id()}-"))
        return [
            name
            for name in mine
            if all(_is_ours(engine, container) for container in cls.containers_of(engine, name))
        ]

    def _options(self) -> list[str]:
        return ["--image", self.tools.node_image, "--wait", "120s", "--retain"]

    def _load_images(self, manager: Any) -> None:
        if not self.tools.workloads:
            pull_on_nodes(self.tools.engine, self.containers_of(self.tools.engine, self.name))

    def _identity(self) -> dict[str, object]:
        return {
            "image": self.tools.node_image,
            "containers": sorted(self.containers_of(self.tools.engine, self.name)),
            "network": self.settings.network.model_dump(),
        }

    def _adjust(self, cluster: Cluster) -> None:
        answer_unknown_names(cluster)

    def export_logs(self) -> None:
        """`kind export logs` into NODE_LOGS."""
        if not self.containers_of(self.tools.engine, self.name):
            return
        NODE_LOGS.mkdir(parents=True, exist_ok=True)
        env = {**self.tools.env, "KUBECONFIG": str(self.kubeconfig)}
        try:
            output_of(
                [self.tools.program, "export", "logs", NODE_LOGS, "--name", self.name], env=env, timeout=120
            )
        except (subprocess.SubprocessError, OSError) as error:
            (NODE_LOGS / "export-failed.txt").write_text(f"{error}\n")

    def _cluster(self) -> Cluster:
        return Cluster(
            name=self.name,
            provider=KIND_NAME,
            release=self.settings.release,
            kubeconfig=self.kubeconfig,
            kubectl=self.tools.kubectl,
            capabilities=frozenset(Capability) - {Capability.MANY_PODS},
            images=dict(self.tools.workloads),
            kubelet_logs=partial(kubelet_logs, self.tools.engine, self.name),
        )

    def _config(self) -> dict[str, object]:
        network = self.settings.network
        node = {
            "extraMounts": [{"hostPath": str(owner_file()), "containerPath": OWNER_MOUNT, "readOnly": True}]
        }
        networking: dict[str, str] = {}
        if network.pod_cidr:
            networking["podSubnet"] = network.pod_cidr
        if network.service_cidr:
            networking["serviceSubnet"] = network.service_cidr
        config: dict[str, object] = {
            "kind": "Cluster",
            "apiVersion": "kind.x-k8s.io/v1alpha4",
            "name": self.name,
            "networking": networking,
            "nodes": [
                {"role": "control-plane", **node},
                *({"role": "worker", **node} for _ in range(_WORKERS)),
            ],
        }
        if network.domain:
            config["kubeadmConfigPatches"] = [
                f"kind: ClusterConfiguration\nnetworking:\n  dnsDomain: {network.domain}\n",
                f"kind: KubeletConfiguration\nclusterDomain: {network.domain}\n",
            ]
        return config
