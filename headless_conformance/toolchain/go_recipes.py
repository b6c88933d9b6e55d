"""The Go programs that we build: what each component is made of and where its pins are.

Kubernetes, CoreDNS, etcd, containerd and the CNI plugins are what a cluster is judged by, so each keeps the
dependencies of its own release. A component with `takes_kubernetes_versions` is only a tool and imports the
Kubernetes client: it takes the versions that the newest row of the table is built with, so that what
Kubernetes has just compiled is there for it in the build cache. It is the newest row for every row, because
kwok and crictl ask for a newer client than the older rows have. kind imports no client and keeps the
dependencies of its release.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from headless_conformance.core.versions import Versions

MODULES = Path(__file__).resolve().parent / "modules"


@dataclass(frozen=True)
class Recipe:
    """How one component is built. `commands` maps the name of each program to its package.

    `stamps` are linker variables that get `v<version>`, `bare_stamps` those that get it without the `v`.
    """

    module: str
    commands: Mapping[str, str]
    stamps: tuple[str, ...] = ()
    bare_stamps: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    extra_modules: tuple[str, ...] = ()
    staging: bool = False
    """Its `k8s.io/X v0.0.0` requirements stand for the staging releases `v0.<minor>.<patch>`."""
    takes_kubernetes_versions: bool = False
    """Modules that it has in common with Kubernetes have the versions that the newest row is pinned to."""

    def stamped(self, version: str) -> dict[str, str]:
        """Linker variables and their values."""
        values = dict.fromkeys(self.stamps, f"v{version}") | dict.fromkeys(self.bare_stamps, version)
        if self.staging:
            major, minor = version.split(".")[:2]
            for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version"):
                values |= {
                    f"{package}.gitVersion": f"v{version}",
                    f"{package}.gitMajor": major,
                    f"{package}.gitMinor": minor,
                }
        return values


def _under(prefix: str, *names: str) -> dict[str, str]:
    return {name: f"{prefix}/{name}" for name in names}


RECIPES: Mapping[str, Recipe] = {
    "kubernetes": Recipe(
        "k8s.io/kubernetes",
        _under(
            "k8s.io/kubernetes/cmd",
            "kube-apiserver",
            "kube-controller-manager",
            "kube-proxy",
            "kube-scheduler",
            "kubeadm",
            "kubectl",
            "kubelet",
        ),
        staging=True,
    ),
    "coredns": Recipe("github.com/coredns/coredns", {"coredns": "github.com/coredns/coredns"}),
    "etcd": Recipe(
        "go.etcd.io/etcd/server/v3",
        {"etcd": "go.etcd.io/etcd/server/v3", "etcdctl": "go.etcd.io/etcd/etcdctl/v3"},
        extra_modules=("go.etcd.io/etcd/etcdctl/v3",),
    ),
    "containerd": Recipe(
        "github.com/containerd/containerd/v2",
        _under("github.com/containerd/containerd/v2/cmd", "containerd", "containerd-shim-runc-v2", "ctr"),
        stamps=("github.com/containerd/containerd/v2/version.Version",),
        tags=("no_aufs", "no_btrfs", "no_devmapper", "no_zfs"),
    ),
    "cni-plugins": Recipe(
        "github.com/containernetworking/plugins",
        _under("github.com/containernetworking/plugins/plugins/main", "loopback", "ptp")
        | _under("github.com/containernetworking/plugins/plugins/ipam", "host-local")
        | _under("github.com/containernetworking/plugins/plugins/meta", "portmap"),
        stamps=("github.com/containernetworking/plugins/pkg/utils/buildversion.BuildVersion",),
    ),
    "crane": Recipe(
        "github.com/google/go-containerregistry",
        _under("github.com/google/go-containerregistry/cmd", "crane"),
        bare_stamps=("github.com/google/go-containerregistry/cmd/crane/cmd.Version",),
    ),
    "crictl": Recipe(
        "sigs.k8s.io/cri-tools",
        _under("sigs.k8s.io/cri-tools/cmd", "crictl"),
        bare_stamps=("sigs.k8s.io/cri-tools/pkg/version.Version",),
        takes_kubernetes_versions=True,
    ),
    "local-path-provisioner": Recipe(
        "github.com/rancher/local-path-provisioner",
        {"local-path-provisioner": "github.com/rancher/local-path-provisioner"},
        stamps=("main.VERSION",),
        takes_kubernetes_versions=True,
    ),
    "actionlint": Recipe(
        "github.com/rhysd/actionlint", {"actionlint": "github.com/rhysd/actionlint/cmd/actionlint"}
    ),
    "k3d": Recipe(
        "github.com/k3d-io/k3d/v5",
        {"k3d": "github.com/k3d-io/k3d/v5"},
        # Without it k3d calls itself v5-dev, which pytest-kubernetes takes for a release before 4.
        stamps=("github.com/k3d-io/k3d/v5/version.Version",),
    ),
    "kind": Recipe("sigs.k8s.io/kind", {"kind": "sigs.k8s.io/kind"}),
    "kwok": Recipe(
        "sigs.k8s.io/kwok",
        _under("sigs.k8s.io/kwok/cmd", "kwok"),
        stamps=("sigs.k8s.io/kwok/pkg/consts.Version",),
        takes_kubernetes_versions=True,
    ),
}


def components_of(versions: Versions) -> list[tuple[str, str]]:
    """Every (component, version) that the table names, newest Kubernetes first; versions carry no `v`."""
    shared = [("kind", versions.kind.removeprefix("v")), *versions.components.items()]
    rows = [
        pair
        for row in reversed(versions.rows)
        for pair in (("kubernetes", row.patch), ("coredns", row.coredns), ("etcd", row.etcd))
    ]
    return list(dict.fromkeys(rows[:3] + shared + rows[3:]))


def folder_of(component: str, version: str) -> Path:
    """Where the pins of a component are kept."""
    return MODULES / f"{component}-{version.removeprefix('v')}"
