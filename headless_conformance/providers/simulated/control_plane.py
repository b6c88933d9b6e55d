"""How each component is called: real programs with the settings that kubeadm gives them where it matters to a
test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from headless_conformance.core.files import write_private
from headless_conformance.providers.simulated.credentials import (
    Authority,
    Pair,
    kubeconfig,
    signing_key,
)
from headless_conformance.providers.simulated.network import NODES, Addresses

LOOPBACK = "127.0.0.1"
STAGES = Path(__file__).parent / "stages"
CLIENT_QPS, CLIENT_BURST = 1000, 2000
"""Requests per second that controllers and scheduler may send.

Their defaults (20 to 50) protect a shared API server and would make a set of 1,000 pods wait for its
controller.
"""


@dataclass(frozen=True)
class Programs:
    """Folders with the binaries of a release."""

    etcd: Path
    kubernetes: Path
    coredns: Path
    kwok: Path


@dataclass(frozen=True)
class Files:
    """Credentials on disk; one kubeconfig per user of the API."""

    etcd_ca: Path
    etcd_server: Pair
    etcd_client: Pair
    api_ca: Path
    api_server: Pair
    service_accounts: Pair
    kubeconfigs: Mapping[str, Path]


USERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "admin": ("admin", ("system:masters",)),
    "kube-controller-manager": ("system:kube-controller-manager", ()),
    "kube-scheduler": ("system:kube-scheduler", ()),
    "coredns": ("headless-conformance:coredns", ()),
    "kwok": ("headless-conformance:kwok", ()),
}
"""Kubeconfig name to (user, groups). The last two get exactly the rights that objects.yaml gives them."""

FIRST_REQUESTS = (
    ("system:kube-controller-manager", "create", "serviceaccounts"),
    ("system:kube-scheduler", "list", "nodes"),
    ("headless-conformance:coredns", "list", "discovery.k8s.io/endpointslices"),
    ("headless-conformance:kwok", "list", "nodes"),
)
"""(user, verb, resource) that a component must be allowed before it is started."""


def write_files(directory: Path, addresses: Addresses, api_port: int) -> Files:
    """Make random credentials below `directory`, which must be private. etcd has an authority of its own, so
    that no user of the API can talk to it."""
    etcd = Authority("etcd-ca", directory)
    api = Authority("ca", directory)
    service = (
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        f"kubernetes.default.svc.{addresses.domain}",
    )
    server = f"https://{LOOPBACK}:{api_port}"
    return Files(
        etcd_ca=etcd.certificate,
        etcd_server=etcd.issue("etcd", "etcd", names=(LOOPBACK, "localhost")),
        etcd_client=etcd.issue("etcd-client", "kube-apiserver"),
        api_ca=api.certificate,
        api_server=api.issue(
            "kube-apiserver", "kube-apiserver", names=(LOOPBACK, "localhost", addresses.api, *service)
        ),
        service_accounts=signing_key(directory),
        kubeconfigs={
            name: kubeconfig(
                directory / f"{name}.kubeconfig", server, api, api.issue(name, user, groups=groups), name
            )
            for name, (user, groups) in USERS.items()
        },
    )


Command = list[str | Path]


def etcd(programs: Programs, files: Files, directory: Path, client_port: int, peer_port: int) -> Command:
    """One member on loopback, with client certificates, and without fsync: its data is thrown away with the
    run."""
    client, peer = f"https://{LOOPBACK}:{client_port}", f"https://{LOOPBACK}:{peer_port}"
    flags = {
        "name": "etcd",
        "data-dir": directory / "etcd",
        "unsafe-no-fsync": "true",
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"etcd={peer}",
        "log-level": "warn",
        "quota-backend-bytes": 4 << 30,
    }
    for prefix in ("", "peer-"):
        flags |= {
            f"{prefix}cert-file": files.etcd_server.certificate,
            f"{prefix}key-file": files.etcd_server.key,
            f"{prefix}trusted-ca-file": files.etcd_ca,
            f"{prefix}client-cert-auth": "true",
        }
    return _command(programs.etcd / "etcd", flags)


def api_server(programs: Programs, files: Files, addresses: Addresses, port: int, etcd_port: int) -> Command:
    """TLS, client certificates and RBAC on; off is what shares a server out among tenants, which it does not
    have. Its advertised address cannot be loopback (the API refuses such endpoints): it is the first address
    of the nodes' range."""
    flags = {
        "etcd-servers": f"https://{LOOPBACK}:{etcd_port}",
        "etcd-cafile": files.etcd_ca,
        "etcd-certfile": files.etcd_client.certificate,
        "etcd-keyfile": files.etcd_client.key,
        "bind-address": LOOPBACK,
        "secure-port": port,
        "advertise-address": NODES[1],
        "tls-cert-file": files.api_server.certificate,
        "tls-private-key-file": files.api_server.key,
        "client-ca-file": files.api_ca,
        "anonymous-auth": "false",
        "authorization-mode": "RBAC",
        "service-cluster-ip-range": addresses.services,
        "service-account-issuer": f"https://kubernetes.default.svc.{addresses.domain}",
        "service-account-key-file": files.service_accounts.certificate,
        "service-account-signing-key-file": files.service_accounts.key,
        "enable-priority-and-fairness": "false",
        "profiling": "false",
    }
    return _command(programs.kubernetes / "kube-apiserver", flags)


def controller_manager(programs: Programs, files: Files, addresses: Addresses) -> Command:
    """All controllers, each with its own service account as kubeadm has it; its own HTTPS endpoint is off."""
    flags = {
        "kubeconfig": files.kubeconfigs["kube-controller-manager"],
        "secure-port": 0,
        "leader-elect": "false",
        "use-service-account-credentials": "true",
        "root-ca-file": files.api_ca,
        "service-account-private-key-file": files.service_accounts.key,
        "allocate-node-cidrs": "true",
        "cluster-cidr": addresses.pods,
        "node-cidr-mask-size": addresses.node_mask,
        "service-cluster-ip-range": addresses.services,
        "kube-api-qps": CLIENT_QPS,
        "kube-api-burst": CLIENT_BURST,
    }
    return _command(programs.kubernetes / "kube-controller-manager", flags)


def scheduler(programs: Programs, files: Files, directory: Path) -> Command:
    """The default scheduler; its own HTTPS endpoint is off."""
    configuration = {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "leaderElection": {"leaderElect": False},
        "clientConnection": {
            "kubeconfig": str(files.kubeconfigs["kube-scheduler"]),
            "qps": CLIENT_QPS,
            "burst": CLIENT_BURST,
        },
    }
    path = directory / "scheduler.yaml"
    write_private(path, yaml.safe_dump(configuration).encode())
    return _command(programs.kubernetes / "kube-scheduler", {"config": path, "secure-port": 0})


def kwok(programs: Programs, files: Files, addresses: Addresses) -> Command:
    """The simulated kubelets of all nodes, with our stages and without kwok's own server."""
    flags = {
        "kubeconfig": files.kubeconfigs["kwok"],
        "manage-all-nodes": "true",
        "node-lease-duration-seconds": 40,
        "node-port": 0,
        "cidr": addresses.pods,
    }
    stages = [f"--config={path}" for path in sorted(STAGES.glob("*.yaml"))]
    return [*_command(programs.kwok / "kwok", flags), *stages]


def coredns(programs: Programs, corefile: Path) -> Command:
    """One replica of the DNS server."""
    return [programs.coredns / "coredns", "-conf", corefile]


def _command(program: Path, flags: Mapping[str, object]) -> Command:
    return [program, *(f"--{name}={value}" for name, value in flags.items())]
