"""Putting manifests into a cluster, and waiting until what they ask for is there."""

from __future__ import annotations

import os
from dataclasses import dataclass

import allure

from headless_conformance.cluster import manifests
from headless_conformance.cluster.facts import Facts
from headless_conformance.cluster.headless_set import HeadlessSet, is_ready
from headless_conformance.cluster.kube import CommandResult, Kube, Object
from headless_conformance.cluster.manifests import ManifestFolder
from headless_conformance.cluster.model import READY_ANNOTATION, Capability, Cluster
from headless_conformance.cluster.shared import Shared
from headless_conformance.cluster.waiting import POD_READY_TIMEOUT, eventually

UNREADY_FILE = "/tmp/unready"
"""In a stub: makes its readiness probe fail, where the probe is made to look for it."""


@dataclass(frozen=True)
class Deployer:
    """Puts manifests into a cluster."""

    kube: Kube
    cluster: Cluster
    facts: Facts
    shared: Shared

    def apply(self, folder: ManifestFolder, file: str, namespace: str, *options: str) -> CommandResult:
        """`kubectl apply -f` of a file, fitted to the cluster, as a reader would do it."""
        objects = manifests.fitted(folder.load(file), self.cluster)
        path = self.shared.folder / f"{os.getpid()}-{file}"
        path.write_text(manifests.to_yaml(objects))
        attach_objects(f"{file} as applied", objects)
        ran = self.kube.kubectl(
            "apply", "-f", str(path), *options, namespace=namespace, timeout=POD_READY_TIMEOUT
        )
        shown = CommandResult(
            " ".join(["kubectl apply -f", file, *options]), ran.status, ran.stdout, ran.stderr
        )
        allure.attach(shown.transcript(), name=shown.command, attachment_type=allure.attachment_type.TEXT)
        return shown

    def create(self, objects: list[Object], namespace: str) -> None:
        """Create objects in a namespace, fitted to the cluster."""
        ready = manifests.fitted(objects, self.cluster)
        attach_objects("created", ready)
        for item in ready:
            self.kube.create(namespace, item)

    def create_set(self, namespace: str, objects: list[Object]) -> HeadlessSet:
        """Create objects, among them one Service and one StatefulSet, and wait until that set is Ready."""
        self.create(objects, namespace)
        service, statefulset = manifests.find(objects, "Service"), manifests.find(objects, "StatefulSet")
        names = statefulset["metadata"]["name"], service["metadata"]["name"]
        created = self.headless_set(namespace, *names, statefulset["spec"]["replicas"])
        created.await_ready(POD_READY_TIMEOUT)
        return created

    def set_ready(self, headless_set: HeadlessSet, ordinal: int, *, ready: bool) -> None:
        """Make a member's readiness probe fail or succeed, and wait until the member is so.

        Its set must have been created with a probe on UNREADY_FILE.
        """
        name = headless_set.member(ordinal)

        def seen() -> None:
            assert is_ready(headless_set.pod(ordinal)) is ready, f"Ready of {name} is {not ready}"

        if Capability.KUBELET in self.cluster.capabilities:
            self.kube.execute(
                headless_set.namespace, name, *(["rm", UNREADY_FILE] if ready else ["touch", UNREADY_FILE])
            )
        else:
            annotation = {READY_ANNOTATION: None if ready else "false"}
            self.kube.patch("Pod", headless_set.namespace, name, {"metadata": {"annotations": annotation}})
        eventually(seen, expecting=f"Ready of {name} to be {ready}", within=POD_READY_TIMEOUT)

    def headless_set(self, namespace: str, statefulset: str, service: str, replicas: int = 3) -> HeadlessSet:
        return HeadlessSet(self.kube, self.facts, namespace, statefulset, service, replicas)


def attach_objects(title: str, objects: list[Object]) -> None:
    """Objects as evidence, without secrets."""
    text = manifests.to_yaml([manifests.redacted(item) for item in objects])
    allure.attach(text, name=title, attachment_type=allure.attachment_type.YAML)


def uids(pods: list[Object]) -> dict[str, str]:
    """Pod name to UID: the same pod has the same, a new pod of the same name another."""
    return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in pods}


def await_pod(kube: Kube, namespace: str, name: str) -> None:
    """Wait until a pod is Ready."""

    def ready() -> None:
        pod = kube.get("Pod", namespace, name)
        conditions = {found["type"]: found["status"] for found in pod["status"].get("conditions", [])}
        assert conditions.get("Ready") == "True", f"pod {name}: {pod['status'].get('phase')} {conditions}"

    eventually(ready, expecting=f"pod {namespace}/{name} to be Ready", within=POD_READY_TIMEOUT)
