"""A kind cluster with StatefulSets as people have them, and audits of it by the program itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from headless_conformance.cluster.model import Cluster
from headless_conformance.cluster.pods import is_pod_ready
from headless_conformance.cluster.waiting import eventually
from headless_conformance.core.mismatch import require_items
from headless_conformance.core.paths import ROOT
from headless_conformance.core.variables import VARIABLES
from headless_conformance.engine.engine import Engine
from headless_conformance.providers.readiness import kubectl

Object = dict[str, Any]
READY_SECONDS = 120.0
AUDIT_SECONDS = 300.0
GONE_SECONDS = 50.0
CLIENT = "python:3.11-slim"
PREFIX = "audited-"
"""How the names of all namespaces begin that are created here."""


@dataclass(frozen=True)
class AuditRun:
    """One run of the program."""

    status: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def result(self) -> Object:
        """What was found on the only cluster, from the output of `-o json`."""
        (found,) = json.loads(self.stdout)["clusters"]
        return dict(found)

    @property
    def summaries(self) -> list[str]:
        return [finding["summary"] for finding in self.result.get("findings", ())]

    @property
    def outcomes(self) -> Mapping[str, str]:
        """The outcome of each check on the first target."""
        return {check["id"]: check["outcome"] for check in self.result["targets"][0]["checks"]}

    @property
    def reasons(self) -> set[str]:
        return {check.get("reason", "") for target in self.result["targets"] for check in target["checks"]}

    @property
    def figures(self) -> str:
        found = self.result
        return (
            f"exit status {self.status}, {found['seconds']} s, {found['api_requests']} API requests, "
            f"{found.get('dns_questions', 0)} DNS questions at {len(found.get('dns_servers', ()))} servers"
        )


@dataclass
class KindTrials:
    """The cluster, and what was created in it."""

    cluster: Cluster
    engine: Engine
    namespaces: list[str] = field(default_factory=list)
    said: Callable[[str], None] = print

    @property
    def image(self) -> str:
        """An image with a shell, getent and cat, and without dig."""
        return self.cluster.images[CLIENT]

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        return kubectl(self.cluster, *words, stdin=stdin)

    def namespace(self, name: str, *objects: Object) -> str:
        """A namespace of ours with these objects."""
        full = f"{PREFIX}{name}"
        self.create_namespace(full)
        self.apply(full, *objects)
        return full

    def create_namespace(self, name: str) -> None:
        """Once that of an earlier trial is gone."""
        self.kubectl("wait", "--for=delete", f"namespace/{name}", f"--timeout={GONE_SECONDS:.0f}s")
        self.kubectl("create", "namespace", name)
        self.namespaces.append(name)

    def apply(self, namespace: str, *objects: Object) -> None:
        """Those that name no namespace go into this one; empty where each names its own or has none."""
        if objects:
            where = ("--namespace", namespace) if namespace else ()
            self.kubectl(*where, "apply", "-f", "-", stdin=yaml.safe_dump_all(objects))

    def objects(self, kind: str, namespace: str) -> list[Object]:
        return list(json.loads(self.kubectl("--namespace", namespace, "get", kind, "-o", "json"))["items"])

    def wait_until_ready(self, namespace: str, names: Sequence[str] | None = None) -> None:
        """Until these Pods, or all that the StatefulSets of a namespace want, are Ready."""
        wanted = names if names is not None else list(self._members(namespace))

        def check() -> None:
            pods = [p["metadata"]["name"] for p in self.objects("pods", namespace) if is_pod_ready(p)]
            require_items("Ready Pods", [name for name in pods if name in wanted], wanted)

        eventually(check, expecting=f"Ready Pods in {namespace}", within=READY_SECONDS)

    def _members(self, namespace: str) -> Iterator[str]:
        for found in self.objects("statefulsets", namespace):
            start = (found["spec"].get("ordinals") or {}).get("start", 0)
            for ordinal in range(start, start + found["spec"]["replicas"]):
                yield f"{found['metadata']['name']}-{ordinal}"

    def audit(self, *words: str, kubeconfig: Path | None = None, form: str = "json") -> AuditRun:
        """`headless-conformance audit` with these words."""
        begun = time.monotonic()
        with self._begun(*words, kubeconfig=kubeconfig, form=form) as process:
            stdout, stderr = process.communicate(timeout=AUDIT_SECONDS)
        return AuditRun(process.returncode, stdout, stderr, time.monotonic() - begun)

    def disturbed_audit(
        self, target: str, word: str, disturbance: AbstractContextManager[object]
    ) -> AuditRun:
        """The same; from where its progress says that word, in this context."""
        begun = time.monotonic()
        with self._begun(target) as process:
            said = ""
            assert process.stderr is not None
            while word not in said and process.poll() is None:
                said += process.stderr.readline()
            with disturbance:
                stdout, stderr = process.communicate(timeout=AUDIT_SECONDS)
        return AuditRun(process.returncode, stdout, said + stderr, time.monotonic() - begun)

    @contextmanager
    def _begun(
        self, *words: str, kubeconfig: Path | None = None, form: str = "json"
    ) -> Iterator[subprocess.Popen[str]]:
        """A run that goes on."""
        env = {name: value for name, value in os.environ.items() if name not in VARIABLES}
        env |= {"PYTHONPATH": str(ROOT), "KUBECONFIG": str(kubeconfig or self.cluster.kubeconfig)}
        command = [sys.executable, "-m", "headless_conformance", "audit", *words, "-o", form]
        with subprocess.Popen(
            command, env=env, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.kill()

    def remove(self, *namespaces: str) -> None:
        """Delete namespaces that were created here; does not wait for their end."""
        own = [name for name in self.namespaces if not namespaces or name in namespaces]
        if own:
            self.kubectl("delete", "namespace", *own, "--wait=false")
        self.namespaces = [name for name in self.namespaces if name not in own]


def service(name: str, selector: Mapping[str, str] | None = None, **spec: Any) -> Object:
    """A headless Service with one port, unless the fields of `spec` say otherwise."""
    body = {"clusterIP": "None", "ports": [{"name": "data", "port": 5432}], **spec}
    if selector is not None:
        body["selector"] = dict(selector)
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": body}


def stateful_set(
    name: str, container: Mapping[str, Any], replicas: int = 3, pod: Mapping[str, Any] | None = None
) -> Object:
    """A StatefulSet behind the Service of its name; `pod` are more fields of the Pods."""
    labels = {"app": name}
    ports = [{"name": "data", "containerPort": 5432}]
    spec = {
        "terminationGracePeriodSeconds": 0,
        "containers": [{"name": "c", "ports": ports, **container}],
        **(pod or {}),
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name},
        "spec": {
            "serviceName": name,
            "replicas": replicas,
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def sleeper(image: str, script: str = "trap exit TERM; sleep infinity & wait") -> Object:
    """A container that does nothing."""
    return {"image": image, "imagePullPolicy": "Never", "command": ["sh", "-c", script]}
