"""Manifests: read from a folder, fitted to a cluster in one place, written as YAML without their secrets."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from headless_conformance.cluster.model import Capability, Cluster
from headless_conformance.core.objects import Object

REDACTED = "(redacted)"
DUMPER, LOADER = getattr(yaml, "CSafeDumper", yaml.SafeDumper), getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Evidence is many objects; those in C are five times as fast, where PyYAML was built with them."""


@dataclass(frozen=True)
class ManifestFolder:
    """A folder of manifests in YAML."""

    path: Path

    def load(self, file: str) -> list[Object]:
        """The objects of one file of the folder, as they are in it."""
        return [dict(item) for item in yaml.load_all((self.path / file).read_text(), Loader=LOADER)]


def with_replicas(objects: list[Object], replicas: int) -> list[Object]:
    """The objects, in which the StatefulSet has another number of replicas."""
    changed = copy.deepcopy(objects)
    find(changed, "StatefulSet")["spec"]["replicas"] = replicas
    return changed


def find(objects: list[Object], kind: str) -> Object:
    """The one object of a kind."""
    (found,) = [item for item in objects if item["kind"] == kind]
    return found


def keep_nothing(statefulset: Object) -> None:
    """Give the Pods of a StatefulSet an emptyDir in the place of each PersistentVolumeClaim."""
    pod = statefulset["spec"]["template"]["spec"]
    for claim in statefulset["spec"].pop("volumeClaimTemplates"):
        pod.setdefault("volumes", []).append({"name": claim["metadata"]["name"], "emptyDir": {}})


def fitted(objects: list[Object], cluster: Cluster) -> list[Object]:
    """The objects as this cluster can run them: the images that stand for the named ones; where no volume can
    be had, an emptyDir in the place of each PersistentVolumeClaim."""
    ours = copy.deepcopy(objects)
    for item in ours:
        for pod in _pod_specs(item):
            if cluster.node_labels:
                pod["affinity"] = with_node_labels(pod.get("affinity", {}), cluster.node_labels)
            if cluster.pull_secret:
                pod["imagePullSecrets"] = [{"name": cluster.pull_secret}]
            for container in (*pod.get("initContainers", ()), *pod["containers"]):
                container["image"] = cluster.images.get(container["image"], container["image"])
        claims = item.get("spec", {}).get("volumeClaimTemplates")
        if claims and Capability.VOLUMES not in cluster.capabilities:
            keep_nothing(item)
        elif claims and cluster.storage_class:
            for claim in claims:
                claim["spec"]["storageClassName"] = cluster.storage_class
    return ours


def with_node_labels(affinity: Object, labels: Mapping[str, Sequence[str]]) -> Object:
    """The affinity, and beside what it asks for already, nodes with one of these values of each label."""
    expressions = [{"key": name, "operator": "In", "values": list(values)} for name, values in labels.items()]
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    node = affinity.get("nodeAffinity", {})
    terms = [
        {**term, "matchExpressions": [*term.get("matchExpressions", ()), *expressions]}
        for term in node.get(required, {}).get("nodeSelectorTerms") or [{}]
    ]
    return {**affinity, "nodeAffinity": {**node, required: {"nodeSelectorTerms": terms}}}


def _pod_specs(item: Object) -> Iterator[dict[str, Any]]:
    if item["kind"] == "Pod":
        yield item["spec"]
    elif "template" in item.get("spec", {}):
        yield item["spec"]["template"]["spec"]


def to_yaml(objects: list[Object]) -> str:
    """Several objects as one YAML text that kubectl takes."""
    return yaml.dump_all(objects, Dumper=DUMPER, sort_keys=False)


def redacted(item: Object) -> Object:
    """The object as evidence may show it: without a Secret's values and the bookkeeping of field managers."""
    shown = copy.deepcopy(item)
    shown.get("metadata", {}).pop("managedFields", None)
    if shown.get("kind") == "Secret":
        shown.get("metadata", {}).pop("annotations", None)
        for field in ("data", "stringData"):
            if field in shown:
                shown[field] = dict.fromkeys(shown[field], REDACTED)
    return shown
