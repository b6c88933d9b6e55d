"""Objects that the simulated cluster starts with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from headless_conformance.providers.simulated.network import NODES, Addresses

FIXED = Path(__file__).parent / "objects.yaml"
PODS_PER_NODE = 250
SOFTWARE = ("kubeletVersion", "kubeProxyVersion", "containerRuntimeVersion", "kernelVersion", "osImage")
Manifest = dict[str, Any]


def fixed() -> list[Manifest]:
    """Rights and the StorageClass, the same for every cluster."""
    return list(yaml.safe_load_all(FIXED.read_text()))


def dns(addresses: Addresses, corefile: str) -> list[Manifest]:
    """The DNS Service and the Corefile in use, where every kubeadm cluster has them.

    The Service has no endpoints: the replicas are processes on the host's loopback, which no EndpointSlice
    may name.
    """
    ports = [
        {"name": "dns", "port": 53, "protocol": "UDP"},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
    ]
    labels = {"k8s-app": "kube-dns", "kubernetes.io/name": "CoreDNS"}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": labels},
            "spec": {"clusterIP": addresses.dns, "ports": ports},
        },
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "coredns", "namespace": "kube-system"},
            "data": {"Corefile": corefile},
        },
    ]


def node_names(count: int) -> list[str]:
    """`simulated-1` and so on."""
    return [f"simulated-{number}" for number in range(1, count + 1)]


def node(name: str, index: int) -> Manifest:
    """A node that joins; `index` from 0 tells its address.

    Stages make it Ready, the controller manager gives it a pod range.
    """
    size = {"cpu": "64", "memory": "256Gi", "ephemeral-storage": "1Ti", "pods": str(PODS_PER_NODE)}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
            },
        },
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": str(NODES[257 + index])},
                {"type": "Hostname", "address": name},
            ],
            "capacity": size,
            "allocatable": size,
            "nodeInfo": {
                "architecture": "amd64",
                "operatingSystem": "linux",
                **dict.fromkeys(SOFTWARE, "simulated"),
                **dict.fromkeys(("machineID", "systemUUID", "bootID"), name),
            },
        },
    }


def first_pod(node_name: str) -> Manifest:
    """A Pod that shows that its node can start one, before anything depends on it.

    It also makes kwok set up the node's address pool: two pods that do this at the same time can get the same
    address.
    """
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"first-{node_name}", "namespace": "kube-system"},
        "spec": {
            "nodeName": node_name,
            "containers": [{"name": "first", "image": "simulated"}],
            "tolerations": [{"operator": "Exists"}],
        },
    }
