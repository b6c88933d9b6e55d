"""Manifests as an experiment changes them."""

from __future__ import annotations

import fnmatch
from typing import Any

from headless_conformance.cluster.kube import Object
from headless_conformance.cluster.manifests import ManifestFolder
from headless_conformance.faults.model import Experiment, Manifest


def patched_folder_class(experiment: Experiment) -> type[ManifestFolder]:
    """Folders of manifests in which the experiment's changes are made."""
    changes = [injection for injection in experiment.inject if isinstance(injection, Manifest)]

    class PatchedManifestFolder(ManifestFolder):
        """A folder of manifests with the changes of one experiment."""

        def load(self, file: str) -> list[Object]:
            objects = super().load(file)
            for change in changes:
                if fnmatch.fnmatch(file, change.file):
                    objects = [
                        patched(item, change.patch) if item["kind"] == change.kind else item
                        for item in objects
                    ]
                    objects += [dict(item) for item in change.add]
            return objects

    return PatchedManifestFolder


def patched(item: Any, change: Any) -> Any:
    """A JSON merge patch (RFC 7396): objects are merged, null takes a field away, anything else replaces.

    Where the item is a list and the change an object, its keys are positions from 0, and `+` appends.
    """
    if not isinstance(change, dict):
        return change
    if isinstance(item, list):
        kept = [
            patched(value, change[index]) if index in change else value for index, value in enumerate(item)
        ]
        return [*kept, change["+"]] if "+" in change else kept
    result = dict(item) if isinstance(item, dict) else {}
    for name, value in change.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = patched(result.get(name), value)
    return result
