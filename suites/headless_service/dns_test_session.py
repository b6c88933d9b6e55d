"""The document's `kubectl run dns-test`, typed in a terminal, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from kubernetes.client.exceptions import ApiException

from headless_conformance.cluster.kube import Kube, node_of
from headless_conformance.cluster.manifests import with_node_labels
from headless_conformance.cluster.model import Cluster
from headless_conformance.cluster.refusals import refusal_in
from headless_conformance.cluster.terminal import on_terminal
from headless_conformance.core.errors import not_supported
from headless_conformance.core.objects import Object

POD = "dns-test"
IMAGE = "busybox:1.28"
PROMPTS = ("/ # ", "/ $ ")
"""Of root, and of any other user, whom a platform may make of root."""
HINT = "If you don't see a command prompt, try pressing enter."
DEFAULT_GRACE_SECONDS = 30
"""Of a Pod that says nothing of it."""
GONE_SECONDS = 15.0
"""Bound on the Pod's end after its grace period, which it takes:
a shell that was started again does not heed SIGTERM."""

FORBIDDEN_CONTAINER = "CreateContainerConfigError"
"""What a kubelet says where an image and a Pod's securityContext, which kubectl leaves open, contradict."""

ANSWER_SECONDS = 20.0
"""Bound on a command in the shell."""


@dataclass(frozen=True)
class ShellSession:
    """What the terminal showed, and the Pod while the shell was open and afterwards."""

    shown: str
    reached_prompt: bool
    lookups: dict[str, str]
    pod: Object | None
    status: int | None
    """kubectl's exit status; None when it had not ended in time."""
    left: Object | None
    """The Pod when kubectl had come back."""

    @property
    def gone_within(self) -> float:
        """Seconds within which the Pod must be gone."""
        grace = (self.pod or {}).get("spec", {}).get("terminationGracePeriodSeconds", DEFAULT_GRACE_SECONDS)
        return float(grace) + GONE_SECONDS


def find_pod(kube: Kube, namespace: str) -> Object | None:
    """The Pod `dns-test` of a namespace, if there is one."""
    try:
        return kube.get("Pod", namespace, POD)
    except ApiException as error:
        if error.status == 404:
            return None
        raise


def command_words(cluster: Cluster) -> list[str]:
    """The document's command as this cluster can run it:
    the image that stands for its own, what that is pulled with, and the nodes that can run it."""
    words = ["run", POD, "-ti", f"--image={cluster.images.get(IMAGE, IMAGE)}", "--rm"]
    spec: Object = {}
    if cluster.pull_secret:
        spec["imagePullSecrets"] = [{"name": cluster.pull_secret}]
    if cluster.node_labels:
        spec["affinity"] = with_node_labels({}, cluster.node_labels)
    overrides = f"--overrides={json.dumps({'apiVersion': 'v1', 'spec': spec})}"
    return [*words, overrides] if spec else words


def run_session(kube: Kube, cluster: Cluster, namespace: str, names: Sequence[str] = ()) -> dict[str, Any]:
    """Open the shell, look each of these names up in it, and leave it; the fields of a ShellSession.

    NotSupportedError with the platform's words when that refuses the Pod, or lets no container of it start.
    """
    command = [str(kube.kubectl_path), "--namespace", namespace, *command_words(cluster)]
    lookups: dict[str, str] = {}
    with on_terminal(command, kube.environment) as terminal:
        if not terminal.read_until(HINT, cluster.pod_ready_timeout, others=PROMPTS):
            kube.outages.look_at_node(node_of(find_pod(kube, namespace) or {}))
        terminal.type("")
        # Prompts come before and after the empty line; behind the answer to this, there is one.
        terminal.type("echo ready-$((1 + 1))")
        root, other = (f"ready-2\n{prompt}" for prompt in PROMPTS)
        reached = terminal.read_until(root, ANSWER_SECONDS, others=[other])
        pod = find_pod(kube, namespace)
        for name in names if reached else ():
            before = len(terminal.text)
            terminal.type(f"nslookup {name}")
            root, other = (f"\n{prompt}" for prompt in PROMPTS)
            terminal.read_until(root, ANSWER_SECONDS, after=before, others=[other])
            lookups[name] = terminal.text[before:]
        terminal.type("exit")
        status = terminal.read_to_end(cluster.pod_ready_timeout)
        shown = terminal.text
    if not reached and (reason := refusal_in(shown) if pod is None else _held_back(pod)):
        not_supported(f"this cluster does not let the Pod {POD} run: {reason}")
    return asdict(ShellSession(shown, reached, lookups, pod, status, find_pod(kube, namespace)))


def _held_back(pod: Object) -> str:
    """Why a kubelet may start no container of a Pod that a platform has given other rules than kubectl did;
    empty where that is not so."""
    waiting = [found["state"].get("waiting") or {} for found in pod["status"].get("containerStatuses") or ()]
    forbidden = [found.get("message", "") for found in waiting if found.get("reason") == FORBIDDEN_CONTAINER]
    return next(iter(forbidden), "")
