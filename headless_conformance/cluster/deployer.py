"""Putting manifests into a cluster, and waiting until what they ask for is there."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

import allure

from headless_conformance.cluster import manifests
from headless_conformance.cluster.facts import Facts
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.kube import CommandResult, Kube, node_of
from headless_conformance.cluster.manifests import ManifestFolder
from headless_conformance.cluster.model import READY_ANNOTATION, Capability, Cluster
from headless_conformance.cluster.pods import is_pod_ready
from headless_conformance.cluster.refusals import refusal_in
from headless_conformance.cluster.shared import RunState
from headless_conformance.cluster.waiting import wait_until
from headless_conformance.core.errors import not_supported
from headless_conformance.core.mismatch import Where, require_equal
from headless_conformance.core.objects import Object

UNREADY_FILE = "/tmp/unready"
"""In a stub: makes its readiness probe fail, where the probe is made to look for it."""


@dataclass(frozen=True)
class Deployer:
    """Puts manifests into a cluster."""

    kube: Kube
    cluster: Cluster
    facts: Facts
    shared: RunState

    def apply(self, folder: ManifestFolder, file: str, namespace: str, *options: str) -> CommandResult:
        """`kubectl apply -f` of a file, fitted to the cluster, as a reader would do it."""
        objects = manifests.fitted(folder.load(file), self.cluster)
        path = self.shared.folder / f"{os.getpid()}-{file}"
        path.write_text(manifests.to_yaml(objects))
        attach_objects(f"{file} as applied", objects)
        words = ("apply", "-f", str(path), *options)
        result = self.kube.kubectl(*words, namespace=namespace, timeout=self.cluster.pod_ready_timeout)
        if not self.cluster.ours and result.status and (refusal := refusal_in(result.stderr)):
            not_supported(f"this cluster refuses what is in {file}: {refusal}")
        # With the file's name in the place of a temporary path.
        shown = replace(result, command=" ".join(["kubectl apply -f", file, *options]))
        allure.attach(shown.transcript(), shown.command, allure.attachment_type.TEXT)
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
        created.await_ready(self.cluster.pod_ready_timeout)
        return created

    def set_ready(self, headless_set: HeadlessSet, ordinal: int, *, ready: bool) -> None:
        """Make a Pod's readiness probe fail or succeed, and wait until the Pod is so.

        Its set must have been created with a probe on UNREADY_FILE.
        """
        name = headless_set.pod_name(ordinal)
        if Capability.KUBELET in self.cluster.capabilities:
            command = ["rm", UNREADY_FILE] if ready else ["touch", UNREADY_FILE]
            self.kube.execute(headless_set.namespace, name, *command)
        else:
            annotation = {READY_ANNOTATION: None if ready else "false"}
            self.kube.patch("Pod", headless_set.namespace, name, {"metadata": {"annotations": annotation}})
        self.await_readiness(headless_set, ordinal, ready=ready)

    def await_readiness(self, headless_set: HeadlessSet, ordinal: int, *, ready: bool) -> None:
        """Wait until a Pod is Ready, or is not."""
        name = headless_set.pod_name(ordinal)

        def check() -> None:
            seen = is_pod_ready(headless_set.get_pod(ordinal))
            require_equal(f"Pod {name}: Ready", seen, ready, where=headless_set.where)

        within = self.cluster.pod_ready_timeout
        wait_until(check, expecting=f"Ready of {name} to be {ready}", within=within)

    def await_pod(self, namespace: str, name: str) -> None:
        """Wait until a Pod is Ready."""

        def check() -> None:
            pod = self.kube.get("Pod", namespace, name)
            self.kube.outages.require_node(node_of(pod))
            if self.kube.pending is not None and not is_pod_ready(pod):
                self.kube.pending.look([pod])
            conditions = {found["type"]: found["status"] for found in pod["status"].get("conditions", [])}
            seen = conditions.get("Ready") == "True"
            details = f"{pod['status'].get('phase')} {conditions}"
            require_equal(f"Pod {name}: Ready", seen, True, where=Where(namespace=namespace), details=details)

        within = self.cluster.pod_ready_timeout
        wait_until(check, expecting=f"Pod {namespace}/{name} to be Ready", within=within)

    def headless_set(
        self, namespace: str, statefulset_name: str, service_name: str, replicas: int = 3
    ) -> HeadlessSet:
        return HeadlessSet(self.kube, self.facts, namespace, statefulset_name, service_name, replicas)


def attach_objects(title: str, objects: list[Object]) -> None:
    """Objects as evidence, without secrets."""
    text = manifests.to_yaml([manifests.redacted(item) for item in objects])
    allure.attach(text, name=title, attachment_type=allure.attachment_type.YAML)


def uids(pods: list[Object]) -> dict[str, str]:
    """Pod name to UID: a new Pod of the same name has another one."""
    return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in pods}
