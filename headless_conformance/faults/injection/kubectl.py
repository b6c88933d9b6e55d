"""kubectl as an experiment uses it and as an experiment falsifies it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

import yaml

from headless_conformance.cluster.kube import Kube
from headless_conformance.cluster.model import Cluster
from headless_conformance.core.errors import StepFailed
from headless_conformance.core.progress import Progress
from headless_conformance.core.versions import load
from headless_conformance.faults.model import Client, Command, Injection, Wrapper
from headless_conformance.toolchain.kubectl import kubectl_of


def filled(text: str, words: Mapping[str, str]) -> str:
    """The text with each `@name@` replaced: braces and dollars mean something in Corefiles."""
    for name, value in words.items():
        text = text.replace(f"@{name}@", value)
    return text


def run_kubectl(commands: Sequence[Command], kube: Kube, words: Mapping[str, str]) -> None:
    """Run commands in the namespace that `words` names. StepFailed with kubectl's own words when one fails."""
    for command in commands:
        stdin = filled(yaml.safe_dump(command.stdin), words) if command.stdin else None
        ran = kube.kubectl(*(filled(word, words) for word in command.words), namespace=words["namespace"], stdin=stdin)
        if ran.status:
            raise StepFailed(f"The experiment cannot be set up: {ran.transcript()}")


def with_kubectl(cluster: Cluster, changes: Sequence[Injection]) -> Cluster:
    """The cluster with the kubectl that an experiment wants; another row's is built if need be."""
    for change in changes:
        if isinstance(change, Client):
            cluster = replace(cluster, kubectl=kubectl_of(load().row(change.minor), Progress(total=1, out=sys.stderr)))
        if isinstance(change, Wrapper):
            cluster = wrapped(cluster, change)
    return cluster


def wrapped(cluster: Cluster, change: Wrapper) -> Cluster:
    """The cluster with another kubectl."""
    path = cluster.kubeconfig.with_suffix(".kubectl")
    path.write_text(f"#!/bin/bash\nset -o pipefail\nkubectl={shlex.quote(str(cluster.kubectl))}\n{change.script}\n")
    path.chmod(0o700)
    return replace(cluster, kubectl=path)
