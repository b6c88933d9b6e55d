"""What is in a namespace, but for what controllers and kubelets go on writing, so that two looks can be
compared."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from headless_conformance.cluster.kube import Kube
from headless_conformance.core.objects import Object

WRITTEN_ON = ("events", "leases")
"""Kinds that the control plane writes by itself at any time."""


def contents(kube: Kube, namespace: str) -> Mapping[str, Object]:
    """Every object of a namespace by its kind, name and UID: all of it, and who has written its fields, but
    not its status and when that was written."""
    listed = kube.kubectl("api-resources", "--namespaced", "--verbs=list", "-o", "name", namespace=namespace)
    listed.require_success()
    kinds = [name for name in listed.stdout.split() if name.partition(".")[0] not in WRITTEN_ON]
    found = kube.kubectl("get", ",".join(kinds), "-o", "json", "--show-managed-fields", namespace=namespace)
    found.require_success()
    return {_place(item): _lasting(item) for item in json.loads(found.stdout)["items"]}


def differences(before: Mapping[str, Object], after: Mapping[str, Object]) -> Iterator[str]:
    """What came, went and was changed between two looks."""
    yield from (f"{place} was created" for place in after.keys() - before.keys())
    yield from (f"{place} was deleted" for place in before.keys() - after.keys())
    for place in before.keys() & after.keys():
        fields = before[place].keys() | after[place].keys()
        changed = sorted(name for name in fields if before[place].get(name) != after[place].get(name))
        if changed:
            yield f"{place} was changed: {', '.join(changed)}"


def _place(item: Object) -> str:
    metadata = item["metadata"]
    return f"{item['kind']} {metadata['name']} {metadata['uid']}"


def _lasting(item: Object) -> Object:
    metadata = {name: value for name, value in item["metadata"].items() if name != "resourceVersion"}
    written = {
        f"{entry['manager']} {entry['operation']} {entry.get('subresource', '')}".strip()
        for entry in metadata.pop("managedFields", ())
    }
    rest = {name: value for name, value in item.items() if name not in ("status", "metadata")}
    return {**rest, **{f"metadata.{name}": value for name, value in metadata.items()}, "writers": written}
