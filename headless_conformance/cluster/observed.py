"""What can be seen of a cluster and belongs into a report. What cannot be seen is left out."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from headless_conformance.cluster.api_client import api_client
from headless_conformance.cluster.model import Cluster

SECONDS = 5
"""Bound on each look."""

POD_NETWORKS = (
    "antrea-agent",
    "aws-node",
    "calico-node",
    "canal",
    "cilium",
    "kindnet",
    "kube-flannel-ds",
    "kube-router",
    "netd",
    "weave-net",
)
"""DaemonSets by which a Pod network shows itself; netd is the one of our own node images."""

CANNOT_BE_SEEN = (
    ApiException,
    HTTPError,
    config.ConfigException,
    OSError,
    LookupError,
    TypeError,
    yaml.YAMLError,
)


def observe(cluster: Cluster) -> dict[str, str]:
    """Facts by the names that docs/conformance-report.schema.json gives them."""
    facts = {"cluster": cluster.name, "provider": cluster.provider, "kubernetes": cluster.release.patch}
    if stand_ins := {**cluster.images_of_ours(), **cluster.stand_ins}:
        facts["stand_ins"] = "; ".join(f"{public}: {what}" for public, what in sorted(stand_ins.items()))
    with contextlib.suppress(*CANNOT_BE_SEEN):
        api = api_client(cluster.kubeconfig)
        for look in (_server, _nodes, _pod_network, _kube_proxy, _coredns, _corefile):
            facts.update(_seen(look, api))
    return facts


def _seen(look: Callable[[Any], Iterator[tuple[str, Any]]], api: Any) -> dict[str, str]:
    seen: dict[str, str] = {}
    with contextlib.suppress(*CANNOT_BE_SEEN):
        for name, value in look(api):
            if value:
                seen[name] = str(value)
    return seen


def _server(api: Any) -> Iterator[tuple[str, Any]]:
    code: Any = client.VersionApi(api).get_code(_request_timeout=SECONDS)
    yield "kubernetes", code.git_version.removeprefix("v")
    # A server that was built outside its repository has a placeholder here.
    yield "git_commit", re.fullmatch(r"[0-9a-f]{40}", code.git_commit) and code.git_commit


def _nodes(api: Any) -> Iterator[tuple[str, Any]]:
    nodes: Any = client.CoreV1Api(api).list_node(_request_timeout=SECONDS).items
    yield "nodes", len(nodes)
    info = nodes[0].status.node_info
    yield "node_os", info.os_image
    yield "node_kernel", info.kernel_version
    yield "node_runtime", info.container_runtime_version


def _pod_network(api: Any) -> Iterator[tuple[str, Any]]:
    found: Any = client.AppsV1Api(api).list_daemon_set_for_all_namespaces(_request_timeout=SECONDS).items
    yield "pod_network", ", ".join(sorted({item.metadata.name for item in found} & set(POD_NETWORKS)))


def _kube_proxy(api: Any) -> Iterator[tuple[str, Any]]:
    stored: Any = client.CoreV1Api(api).read_namespaced_config_map(
        "kube-proxy", "kube-system", _request_timeout=SECONDS
    )
    mode = yaml.safe_load(stored.data["config.conf"])["mode"]
    yield "kube_proxy_mode", mode or "the platform's default"


def _coredns(api: Any) -> Iterator[tuple[str, Any]]:
    listing = client.CoreV1Api(api).list_namespaced_pod
    pods: Any = listing("kube-system", label_selector="k8s-app=kube-dns", _request_timeout=SECONDS)
    yield "coredns_image", pods.items[0].spec.containers[0].image


def _corefile(api: Any) -> Iterator[tuple[str, Any]]:
    stored: Any = client.CoreV1Api(api).read_namespaced_config_map(
        "coredns", "kube-system", _request_timeout=SECONDS
    )
    yield "corefile_sha256", hashlib.sha256(stored.data["Corefile"].encode()).hexdigest()
