"""Shipped manifests with a scenario's changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jsonpatch

from headless_conformance.cluster.manifests import ManifestFolder
from headless_conformance.core.errors import UserError
from headless_conformance.core.objects import Object
from headless_conformance.core.paths import MANIFESTS
from headless_conformance.faults.expectation import matches
from headless_conformance.faults.model import ManifestChange


@dataclass(frozen=True)
class ChangedManifestFolder(ManifestFolder):
    """A folder of manifests as a scenario wants it."""

    changes: Sequence[ManifestChange] = ()

    def load(self, file: str) -> list[Object]:
        """The changed objects of one file; UserError when a patch does not fit."""
        objects = super().load(file)
        for change in self.changes:
            if matches(change.file, str((self.path / file).relative_to(MANIFESTS))):
                objects = [
                    _patched(item, change) if item["kind"] == change.kind else item for item in objects
                ]
                objects += [dict(item) for item in change.add]
        return objects


def _patched(item: Object, change: ManifestChange) -> Object:
    operations = [operation.model_dump(exclude_unset=True) for operation in change.patch]
    try:
        patched: Object = jsonpatch.apply_patch(item, operations)
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
        raise UserError(
            f"The patch of {change.kind} in {change.file} does not fit, correct it: {error}"
        ) from None
    return patched
