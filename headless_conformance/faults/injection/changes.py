"""Makes fixtures find an experiment's manifests and cluster where they look for the healthy ones."""

from __future__ import annotations

import fnmatch
from typing import Any

from headless_conformance.cluster import manifests
from headless_conformance.cluster.kube import Object
from headless_conformance.faults.injection.simulated import ExperimentCluster
from headless_conformance.faults.model import Experiment, Manifest

load_as_shipped = manifests.load


def install(experiment: Experiment) -> None:
    """Change what this process will load and start."""
    changes = [injection for injection in experiment.inject if isinstance(injection, Manifest)]

    def load(name: str) -> list[Object]:
        objects = load_as_shipped(name)
        for change in changes:
            if fnmatch.fnmatch(name, change.file):
                objects = [patched(item, change.patch) if item["kind"] == change.kind else item for item in objects]
                objects += [dict(item) for item in change.add]
        return objects

    manifests.load = load
    ExperimentCluster.experiment = experiment


def patched(item: Any, change: Any) -> Any:
    """A JSON merge patch (RFC 7396): objects are merged, null takes a field away, anything else replaces.

    Where the item is a list and the change an object, its keys are positions from 0, and `+` appends.
    """
    if not isinstance(change, dict):
        return change
    if isinstance(item, list):
        kept = [patched(value, change[index]) if index in change else value for index, value in enumerate(item)]
        return [*kept, change["+"]] if "+" in change else kept
    result = dict(item) if isinstance(item, dict) else {}
    for name, value in change.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = patched(result.get(name), value)
    return result
