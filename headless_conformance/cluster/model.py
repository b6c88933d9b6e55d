"""Where a cluster comes from. Every provider hands tests the same `Cluster`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from headless_conformance.cluster.waiting import POD_READY_TIMEOUT, STACK_READY_TIMEOUT
from headless_conformance.core.versions import Release
from headless_conformance.images.archive import PREFIX

DEFAULT_DOMAIN = "cluster.local"
"""The cluster domain where none is asked for."""


READY_ANNOTATION = "simulated.headless-conformance/ready"
"""On a Pod of a simulated node: "false" makes its readiness probe fail for as long as it stands there."""


class Capability(StrEnum):
    """What a test can need of a cluster; a test whose need is missing is reported as not supported here."""

    KUBELET = "kubelet"
    """Real Pods: exec, /etc/hosts, packets between Pods."""
    SEVERAL_NODES = "several-nodes"
    """Three schedulable nodes at least."""
    VOLUMES = "volumes"
    """A default StorageClass that provisions."""
    SQL = "sql"
    """MySQL servers that run."""
    CONTROL_PLANE = "control-plane"
    """Access to the DNS server's configuration and to the nodes."""
    MANY_PODS = "room-for-10000-pods"
    """More than 10,000 Pods at once."""


@dataclass(frozen=True)
class Cluster:
    """A cluster that answers: API up, nodes Ready, its DNS resolving `kubernetes.default`."""

    name: str
    provider: str
    """Name of the provider that it comes from."""
    release: Release
    kubeconfig: Path
    kubectl: Path
    """On kind and simulated nodes that of the release's row;
    elsewhere the person's, when it is of that minor."""
    capabilities: frozenset[Capability]
    images: Mapping[str, str]
    """The manifests' image names and the images that stand for them here;
    a name that is absent is used as it is."""
    only_namespace: str = ""
    """The one namespace in which anything may be created; empty where a run has namespaces of its own."""
    stand_ins: Mapping[str, str] = field(default_factory=dict)
    """By image name, what is there in the place of the public image of that name, where it is something
    else."""
    lacking: Mapping[Capability, str] = field(default_factory=dict)
    """Why it lacks a capability, where there is more to say than that it does; part of a sentence."""
    namespace_objects: tuple[Mapping[str, Any], ...] = ()
    """What every namespace of a run begins with, such as the run's own rights in it."""
    node_labels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Values of labels that a node must have for Pods of a run; empty where every node will do."""
    storage_class: str = ""
    """The StorageClass of all PersistentVolumeClaims; empty for the default one."""
    pull_secret: str = ""
    """Name of the Secret with which Pods pull their images; empty where none is needed."""
    ours: bool = True
    """Whether it was created for runs of this suite.
    One of the person's own may refuse to be looked at, and differ."""
    ends_with_run: bool = False
    """Whether nothing has to be removed from it, because it ends with the run."""
    stock_dns: bool = False
    """Whether its DNS servers are as the distribution configures them:
    they keep answers, and pass on unknown names."""
    timeout_factor: float = 1.0
    """How much longer Pods may take to become Ready than where every image is on every node."""
    kubelet_logs: Callable[[float], Mapping[str, str]] | None = None
    """What each node's kubelet wrote since a time (seconds since the epoch); None where it cannot be had."""
    host_dns: tuple[tuple[str, int], ...] = field(default=())
    """(address, port) of each DNS replica that the host can ask directly over UDP and TCP;
    empty where only Pods can."""

    def images_of_ours(self) -> dict[str, str]:
        """By image name, the image from Debian packages that a cluster of ours has in its place."""
        return {public: name for public, name in self.images.items() if name.startswith(f"{PREFIX}/")}

    @property
    def pod_ready_timeout(self) -> float:
        """Seconds from creation to Ready of one Pod."""
        return POD_READY_TIMEOUT * self.timeout_factor

    @property
    def stack_ready_timeout(self) -> float:
        """Seconds from apply to Ready of three database servers, which start one after another."""
        return STACK_READY_TIMEOUT * self.timeout_factor
