"""kubectl as a scenario uses it and as a scenario replaces it."""

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
from headless_conformance.core.versions import read_versions
from headless_conformance.faults.injection.placeholders import filled
from headless_conformance.faults.model import KubectlCommand, KubectlVersion, KubectlWrapper, Scenario
from headless_conformance.toolchain.kubectl import kubectl_of


def run_kubectl(commands: Sequence[KubectlCommand], kube: Kube, words: Mapping[str, str]) -> None:
    """Run commands in the namespace of `words`; StepFailed with kubectl's own words when one fails."""
    for command in commands:
        stdin = filled(yaml.safe_dump(command.stdin), words) if command.stdin else None
        result = kube.kubectl(
            *(filled(word, words) for word in command.words), namespace=words["namespace"], stdin=stdin
        )
        if result.status:
            raise StepFailed(f"The scenario cannot be set up: {result.transcript()}")


def with_kubectl(cluster: Cluster, scenario: Scenario) -> Cluster:
    """The cluster with the kubectl that a scenario wants; another row's is built if need be."""
    for version in scenario.injected(KubectlVersion):
        kubectl = kubectl_of(read_versions().row(version.minor), Progress(total=1, out=sys.stderr))
        cluster = replace(cluster, kubectl=kubectl)
    for wrapper in scenario.injected(KubectlWrapper):
        path = cluster.kubeconfig.with_suffix(".kubectl")
        path.write_text(
            f"#!/bin/bash\nset -o pipefail\nkubectl={shlex.quote(str(cluster.kubectl))}\n{wrapper.script}\n"
        )
        path.chmod(0o700)
        cluster = replace(cluster, kubectl=path)
    return cluster
