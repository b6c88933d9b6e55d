"""Where the API has the objects of each kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote


class ApiResource(NamedTuple):
    """The objects of one kind, as the API and Roles call them."""

    group_version: str
    """The path of its API group and version."""
    name: str
    """In the plural, as in a path and in a Role."""


RESOURCES: Mapping[str, ApiResource] = {
    "Service": ApiResource("/api/v1", "services"),
    "Pod": ApiResource("/api/v1", "pods"),
    "Secret": ApiResource("/api/v1", "secrets"),
    "ConfigMap": ApiResource("/api/v1", "configmaps"),
    "Event": ApiResource("/api/v1", "events"),
    "Namespace": ApiResource("/api/v1", "namespaces"),
    "Node": ApiResource("/api/v1", "nodes"),
    "PersistentVolumeClaim": ApiResource("/api/v1", "persistentvolumeclaims"),
    "RoleBinding": ApiResource("/apis/rbac.authorization.k8s.io/v1", "rolebindings"),
    "Endpoints": ApiResource("/api/v1", "endpoints"),
    "StatefulSet": ApiResource("/apis/apps/v1", "statefulsets"),
    "EndpointSlice": ApiResource("/apis/discovery.k8s.io/v1", "endpointslices"),
}


def collection_path(kind: str, namespace: str) -> str:
    """The path of all objects of a kind in a namespace; in the whole cluster where it is empty."""
    group_version, name = RESOURCES[kind]
    where = f"/namespaces/{quote(namespace)}" if namespace else ""
    return f"{group_version}{where}/{name}"
