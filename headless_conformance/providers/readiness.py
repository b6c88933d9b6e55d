"""A cluster is ready when its API answers with the requested version, its nodes are Ready, and its DNS
answers."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.stream.ws_client import PortForward
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed
from urllib3.exceptions import HTTPError

from headless_conformance.cluster.api_client import api_client
from headless_conformance.cluster.model import DEFAULT_DOMAIN, Cluster
from headless_conformance.cluster.websocket import open_websocket
from headless_conformance.core.errors import UserError
from headless_conformance.core.kubectl_environment import kubectl_environment
from headless_conformance.core.process import output_of

ROLLOUT_SECONDS = 120
"""Bound on nodes becoming Ready and on CoreDNS rolling out."""
_ANSWER_SECONDS = 30.0
"""Bound on the first right answer of each DNS replica after the rollout."""

API_READY, API_READY_SECONDS = 200, 10.0
"""What an API server answers that is ready, and the bound on that answer."""

REPLICA_SECONDS = 5.0
"""Bound on the port-forward to a replica, and on its answer."""

FORWARD = re.compile(r"^(?P<indent>[ \t]+)forward \. [^\n{]*(?:\{[^}]*\})?\n", re.MULTILINE)
PLUGIN_DOMAIN = re.compile(r"^\s*kubernetes[ \t]+(?P<domain>[^\s{]+)", re.MULTILINE)
"""The first zone of a Corefile's kubernetes plugin, which is the cluster domain."""
UNKNOWN_NAMES = "127.0.0.1:5353"
"""Where a DNS server finds its own second server block, which answers NXDOMAIN to everything."""


def kubectl(cluster: Cluster, *words: str | Path, timeout: float = 60.0, stdin: str | None = None) -> str:
    """Standard output of the row's kubectl against this cluster; UserError with kubectl's own words when it
    fails."""
    command: Sequence[str | Path] = [cluster.kubectl, "--kubeconfig", cluster.kubeconfig, *words]
    try:
        environment = kubectl_environment(cluster.kubeconfig)
        return output_of(command, env=environment, timeout=timeout, stdin=stdin)
    except subprocess.CalledProcessError as error:
        raise UserError(
            f"kubectl {' '.join(map(str, words))} failed; run `make clean` and try again: "
            f"{error.stderr.strip()}"
        ) from None
    except subprocess.TimeoutExpired:
        raise UserError(
            f"kubectl {' '.join(map(str, words))} did not end within {timeout:.0f} s; "
            "run `make clean` and try again."
        ) from None


def is_api_ready(kubeconfig: Path) -> bool:
    """Whether an API server answers that it is ready. No kubectl is asked: a cluster that is kept must not be
    taken for dead because of a client's settings."""
    try:
        api = api_client(kubeconfig)
        _, url, headers, _, _ = api.param_serialize("GET", "/readyz", auth_settings=["BearerToken"])
        answer = api.call_api("GET", url, headers, _request_timeout=API_READY_SECONDS)
        return bool(answer.status == API_READY)
    except (ApiException, HTTPError, config.ConfigException, OSError, yaml.YAMLError):
        return False


def without_upstream(corefile: str) -> str:
    """The Corefile with NXDOMAIN, from a second server block, in place of an upstream server's answers.

    Only the `forward` line is replaced, so that the plugins keep their order (`template` in the same block
    would answer before `kubernetes` does); a Corefile without one comes back unchanged.
    """
    changed = FORWARD.sub(rf"\g<indent>forward . {UNKNOWN_NAMES}\n", corefile)
    if changed == corefile:
        return corefile
    address, port = UNKNOWN_NAMES.split(":")
    return (
        f"{changed.rstrip()}\n.:{port} "
        f"{{\n    bind {address}\n    template ANY ANY {{\n       rcode NXDOMAIN\n    }}\n}}\n"
    )


def stored_dns(cluster: Cluster) -> Mapping[str, str]:
    """The files of the ConfigMap from which kubeadm's and k3s' CoreDNS is configured, by name."""
    stored = json.loads(kubectl(cluster, "-n", "kube-system", "get", "configmap", "coredns", "-o", "json"))
    return dict(stored["data"])


def stored_corefile(cluster: Cluster) -> str:
    """The Corefile of that ConfigMap."""
    return stored_dns(cluster)["Corefile"]


def configure_dns(cluster: Cluster, corefile: str) -> None:
    """Store a Corefile and restart CoreDNS with it; does not wait."""
    patch = json.dumps({"data": {"Corefile": corefile}})
    kubectl(cluster, "-n", "kube-system", "patch", "configmap", "coredns", "--type=merge", "-p", patch)
    kubectl(cluster, "-n", "kube-system", "rollout", "restart", "deployment/coredns")


def answer_unknown_names(cluster: Cluster) -> None:
    """Make CoreDNS answer NXDOMAIN for every name outside the cluster, so that no run depends on an upstream
    server."""
    corefile = stored_corefile(cluster)
    changed = without_upstream(corefile)
    if changed != corefile:
        configure_dns(cluster, changed)


def require_version(cluster: Cluster) -> None:
    """UserError when the server is not exactly the requested patch: a matrix must never test the wrong
    version."""
    said = json.loads(kubectl(cluster, "version", "-o", "json"))["serverVersion"]["gitVersion"]
    if said.removeprefix("v").split("+")[0] != cluster.release.patch:
        raise UserError(
            f"Kubernetes {cluster.release.patch} was requested and the server says {said}; "
            "run `make clean` and try again."
        )


def require_ready(cluster: Cluster) -> None:
    """Wait until nodes are Ready and every CoreDNS replica answers `kubernetes.default` over TCP.

    Raises UserError when the bounded waiting ends.
    """
    require_version(cluster)
    bound = f"--timeout={ROLLOUT_SECONDS}s"
    kubectl(cluster, "wait", "--for=condition=Ready", "nodes", "--all", bound, timeout=ROLLOUT_SECONDS + 10)
    kubectl(
        cluster,
        "-n",
        "kube-system",
        "rollout",
        "status",
        "deployment/coredns",
        bound,
        timeout=ROLLOUT_SECONDS + 10,
    )
    for attempt in Retrying(
        stop=stop_after_delay(_ANSWER_SECONDS),
        wait=wait_fixed(0.2),
        retry=retry_if_exception_type(),
        reraise=True,
    ):
        with attempt:
            require_answers(cluster)


def require_answers(cluster: Cluster) -> None:
    """Ask each running CoreDNS Pod, through a port-forward, for the API server's Service; UserError on any
    other answer."""
    api = api_client(cluster.kubeconfig)
    pods = json.loads(
        kubectl(cluster, "-n", "kube-system", "get", "pods", "-l", "k8s-app=kube-dns", "-o", "json")
    )["items"]
    serving = [
        pod
        for pod in pods
        if pod["status"]["phase"] == "Running" and "deletionTimestamp" not in pod["metadata"]
    ]
    if not serving:
        raise UserError("No CoreDNS Pod runs in kube-system; see `kubectl -n kube-system get pods`.")
    found = PLUGIN_DOMAIN.search(stored_corefile(cluster))
    domain = found["domain"] if found else DEFAULT_DOMAIN
    query = dns.message.make_query(f"kubernetes.default.svc.{domain}.", dns.rdatatype.A)
    for pod in serving:
        name = pod["metadata"]["name"]
        answer = ask_replica(api, pod, query)
        if answer.rcode() != dns.rcode.NOERROR or not answer.answer:
            said = dns.rcode.to_text(answer.rcode())
            raise UserError(
                f"CoreDNS Pod {name} does not answer kubernetes.default yet ({said}); "
                f"see `kubectl -n kube-system logs {name}`."
            )


def ask_replica(
    api: client.ApiClient, pod: Mapping[str, Any], query: dns.message.Message
) -> dns.message.Message:
    """Ask one DNS Pod over TCP through a port-forward.

    Raises what the client, the stream or dnspython raise.
    """
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    path = f"/api/v1/namespaces/{namespace}/pods/{name}/portforward"
    forwarded = PortForward(open_websocket(api, path, [("ports", "53")], REPLICA_SECONDS), [53])
    try:
        socket = forwarded.socket(53)
        socket.setblocking(True)
        return dns.query.tcp(query, pod["status"]["podIP"], timeout=REPLICA_SECONDS, sock=socket)
    finally:
        forwarded.close()
