"""What a cluster's own rules (policies, webhooks) make of an object when it is stored."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from headless_conformance.cluster.headless_set import KEPT_BY_KUBECTL
from headless_conformance.cluster.kube import Kube
from headless_conformance.core.mismatch import text_of
from headless_conformance.core.objects import Object

TRIAL_NAME = "asked-only"
"""Of an object that is only asked about, by a dry run."""


def rewritten_fields(kube: Kube, namespace: str, manifest: Object) -> list[str]:
    """The fields of a manifest that the cluster stores with another value: in the object that is there, and
    in a new one. Nothing is changed."""
    change, name = {"spec": manifest["spec"]}, manifest["metadata"]["name"]
    again = kube.patch(manifest["kind"], namespace, name, change, dryRun="All")
    stored = again, stored_anew(kube, namespace, manifest)
    found = [line for one in stored for line in _differences({"spec": manifest["spec"]}, one)]
    return list(dict.fromkeys(found))


def added_keys(kube: Kube, namespace: str, manifest: Object, field: str) -> set[str]:
    """The labels or annotations, as `field` says, that the cluster adds to an object of a manifest by
    itself."""
    live = kube.get(manifest["kind"], namespace, manifest["metadata"]["name"])
    live["metadata"][field] = manifest["metadata"].get(field) or {}
    replaced = kube.replace(namespace, live, dryRun="All")
    stored = replaced, stored_anew(kube, namespace, manifest)
    known = {*live["metadata"][field], KEPT_BY_KUBECTL}
    return {key for one in stored for key in one["metadata"].get(field) or {}} - known


def stored_anew(kube: Kube, namespace: str, manifest: Object) -> Object:
    """An object of the manifest under another name, as it would be created."""
    trial = copy.deepcopy(manifest)
    trial["metadata"]["name"] = TRIAL_NAME
    return kube.create(namespace, trial, dryRun="All")


def _differences(wanted: Any, stored: Any, path: str = "") -> Iterator[str]:
    """Each field that is stored otherwise, as `.spec.replicas is stored as 5 and not 3`."""
    if isinstance(wanted, dict) and isinstance(stored, dict):
        for name, value in wanted.items():
            yield from _differences(value, stored.get(name), f"{path}.{name}")
    elif isinstance(wanted, list) and isinstance(stored, list) and len(wanted) == len(stored):
        for index, (value, found) in enumerate(zip(wanted, stored, strict=True)):
            yield from _differences(value, found, f"{path}[{index}]")
    elif wanted != stored and text_of(wanted) != text_of(stored):
        yield f"{path} is stored as {text_of(stored)} and not {text_of(wanted)}"
