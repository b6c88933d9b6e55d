"""A cluster of the person's own: what it has and what this account may see decide which requirements can be
checked.

Nothing here writes. A run creates namespaces of its own and works in those only.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from headless_conformance.cluster.model import Capability, Cluster
from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import MANIFESTS
from headless_conformance.core.settings import Settings
from headless_conformance.images.published import architectures_of, published_images
from headless_conformance.providers.existing.connection import REQUEST_SECONDS, Connection

EXISTING_NAME = "existing"
MEMBER_ROLE = "headless-conformance-member"
"""The ClusterRole of manifests/rbac/account.yaml that a run binds to itself in each namespace of its own."""
PULL_SECRET = "headless-conformance-pull"
SEVERAL = 3
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
WITHOUT_VOLUMES = "none"
"""STORAGE_CLASS= where no volume is to be made; Pods have an emptyDir then."""
ADMINISTRATOR = f"let an administrator apply {MANIFESTS / 'rbac' / 'account.yaml'}"
NOT_TOUCHED = "control plane, nodes and DNS server of a cluster that is not ours are left alone"


@dataclass(frozen=True)
class Rights:
    """What this account may do, as the API server says."""

    api: Any

    def may(self, verb: str, resource: str, *, group: str = "", namespace: str = "", name: str = "") -> bool:
        """Whether a request would be allowed; an empty namespace stands for all of them or none."""
        asked = {"verb": verb, "resource": resource, "group": group, "namespace": namespace, "name": name}
        review = {"spec": {"resourceAttributes": {key: value for key, value in asked.items() if value}}}
        reviews: Any = client.AuthorizationV1Api(self.api)
        return bool(
            reviews.create_self_subject_access_review(review, _request_timeout=REQUEST_SECONDS).status.allowed
        )

    def user(self) -> str:
        """The name of this account."""
        reviews: Any = client.AuthenticationV1Api(self.api)
        review = reviews.create_self_subject_review({}, _request_timeout=REQUEST_SECONDS)
        return str(review.status.user_info.username)


def namespace_objects(rights: Rights, settings: Settings) -> tuple[Mapping[str, Any], ...]:
    """What each namespace of a run begins with. UserError when this account can have no rights there."""
    objects: list[Mapping[str, Any]] = []
    if settings.target.only_namespace:
        _require_namespace_admin(rights, settings.target.only_namespace)
        return (_pull_secret(settings.target.pull_secret),) if settings.target.pull_secret else ()
    for verb in ("create", "delete", "list"):
        if not rights.may(verb, "namespaces"):
            raise UserError(f"This account may not {verb} namespaces; {ADMINISTRATOR}.")
    if not rights.may("create", "statefulsets", group="apps"):
        group = "rbac.authorization.k8s.io"
        binds = rights.may("create", "rolebindings", group=group)
        if not (binds and rights.may("bind", "clusterroles", group=group, name=MEMBER_ROLE)):
            raise UserError(
                "This account may neither create StatefulSets in new namespaces nor bind the role for it; "
                f"{ADMINISTRATOR}."
            )
        objects.append(_binding(rights.user()))
    if settings.target.pull_secret:
        objects.append(_pull_secret(settings.target.pull_secret))
    return tuple(objects)


def _require_namespace_admin(rights: Rights, namespace: str) -> None:
    """UserError names the first right that a run needs in its only namespace and this account has not."""
    needed = {"": ("pods", "services", "secrets"), "apps": ("statefulsets",)}
    for group, resources in needed.items():
        for resource in resources:
            for verb in ("create", "delete", "get", "list"):
                if not rights.may(verb, resource, group=group, namespace=namespace):
                    raise UserError(
                        f"This account may not {verb} {resource} in namespace {namespace}; "
                        f"let an administrator apply {MANIFESTS / 'rbac' / 'namespace.yaml'} there."
                    )


def _binding(user: str) -> Mapping[str, Any]:
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "headless-conformance"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": MEMBER_ROLE},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
    }


def _pull_secret(path: Path) -> Mapping[str, Any]:
    content = path.read_bytes()
    try:
        known = json.loads(content).get("auths")
    except (ValueError, AttributeError):
        known = None
    if not known:
        raise UserError(
            f"PULL_SECRET={path} holds no credentials (`auths`), as `docker login` writes them; "
            "name one that does."
        )
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": PULL_SECRET},
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": base64.b64encode(content).decode()},
    }


def require_ipv4(rights: Rights) -> None:
    """UserError where Services have IPv6 addresses first, as far as this account may see: the tests ask for A
    records."""
    if rights.may("get", "services", namespace="default", name="kubernetes"):
        core = client.CoreV1Api(rights.api)
        service: Any = core.read_namespaced_service("kubernetes", "default", _request_timeout=REQUEST_SECONDS)
        if service.spec.ip_families and service.spec.ip_families[0] != "IPv4":
            raise UserError(
                "This suite asks for IPv4 addresses, and Services of this cluster have IPv6 ones first; "
                "choose a cluster with IPv4 first by CONTEXT=."
            )


def lacking(rights: Rights, settings: Settings) -> Mapping[Capability, str]:
    """The capabilities that this cluster or account has not got, each with its reason."""
    missing = {Capability.CONTROL_PLANE: NOT_TOUCHED}
    core, storage = client.CoreV1Api(rights.api), client.StorageV1Api(rights.api)
    if rights.may("list", "nodes"):
        nodes: Any = core.list_node(_request_timeout=REQUEST_SECONDS).items
        wanted = labels_wanted(settings)
        usable = [node for node in nodes if _takes_pods(node) and _is_labelled(node, wanted)]
        if len(usable) < SEVERAL:
            missing[Capability.SEVERAL_NODES] = f"{len(usable)} of its nodes take Pods, {SEVERAL} are needed"
        if not any(_has_kubelet(node) for node in nodes):
            missing |= dict.fromkeys(
                (Capability.KUBELET, Capability.VOLUMES, Capability.SQL), "its nodes are simulated"
            )
    else:
        missing[Capability.SEVERAL_NODES] = "this account may not list nodes"
    if settings.target.storage_class == WITHOUT_VOLUMES:
        missing.setdefault(Capability.VOLUMES, f"STORAGE_CLASS={WITHOUT_VOLUMES} was asked for")
    if settings.target.storage_class or Capability.VOLUMES in missing:
        return missing
    if not rights.may("list", "storageclasses", group="storage.k8s.io"):
        missing[Capability.VOLUMES] = (
            "this account may not list storage classes; name one with STORAGE_CLASS="
        )
    else:
        classes: Any = storage.list_storage_class(_request_timeout=REQUEST_SECONDS).items
        if not any((found.metadata.annotations or {}).get(DEFAULT_CLASS) == "true" for found in classes):
            known = ", ".join(found.metadata.name for found in classes) or "none"
            raise UserError(
                f"The cluster has no default StorageClass; name one with STORAGE_CLASS= (there: {known}), "
                f"or run without volumes by STORAGE_CLASS={WITHOUT_VOLUMES}."
            )
    return missing


def labels_wanted(settings: Settings) -> Mapping[str, Sequence[str]]:
    """The values of labels that a node must have to run the images of a run."""
    architectures = architectures_of(published_images(settings.target))
    return {"kubernetes.io/os": ["linux"], "kubernetes.io/arch": architectures}


def _node_labels(rights: Rights, settings: Settings) -> Mapping[str, Sequence[str]]:
    """The same; empty where every node has them."""
    wanted = labels_wanted(settings)
    if rights.may("list", "nodes"):
        core: Any = client.CoreV1Api(rights.api)
        nodes = core.list_node(_request_timeout=REQUEST_SECONDS).items
        if all(_is_labelled(node, wanted) for node in nodes):
            return {}
    return wanted


def _is_labelled(node: Any, wanted: Mapping[str, Sequence[str]]) -> bool:
    labels = node.metadata.labels or {}
    return all(labels.get(name) in values for name, values in wanted.items())


def _takes_pods(node: Any) -> bool:
    ready = any(found.type == "Ready" and found.status == "True" for found in node.status.conditions or [])
    barred = any(taint.effect in ("NoSchedule", "NoExecute") for taint in node.spec.taints or [])
    return ready and not barred and not node.spec.unschedulable


def _has_kubelet(node: Any) -> bool:
    """Simulated nodes say so by kwok's annotation, or have no port where a kubelet could be asked."""
    endpoints = node.status.daemon_endpoints
    port = endpoints.kubelet_endpoint.port if endpoints and endpoints.kubelet_endpoint else None
    return port != 0 and (node.metadata.annotations or {}).get("kwok.x-k8s.io/node") != "fake"


def _looked_at(
    settings: Settings, connection: Connection
) -> tuple[tuple[Mapping[str, Any], ...], Mapping[Capability, str]]:
    rights = Rights(connection.api)
    try:
        require_ipv4(rights)
        return namespace_objects(rights, settings), lacking(rights, settings)
    except ApiException as error:
        raise UserError(
            f"Context {connection.context} does not say what this account may do: {error.reason}; "
            f"try again, or {ADMINISTRATOR}."
        ) from None


def require_possible(settings: Settings, connection: Connection) -> None:
    """UserError when rights are missing, or anything else without which no run can be."""
    _looked_at(settings, connection)


def outline(settings: Settings, connection: Connection) -> list[str]:
    """What a run would create and what it could not check, as lines for a person. Only asks."""
    objects, missing = _looked_at(settings, connection)
    images = published_images(settings.target)
    lines = [
        "",
        "Namespaces headless-<role>-<random>, labelled, with Pod security, removed at the end; "
        "each begins with:",
    ]
    lines += [f"  {item['kind']} {item['metadata']['name']}" for item in objects] or [
        "  nothing to begin with"
    ]
    lines += ["", f"In {settings.namespace or 'namespaces of our own'}, as the tests need it:"]
    for file in sorted(path for path in MANIFESTS.glob("*/*.yaml") if path.parent.name != "rbac"):
        for item in yaml.safe_load_all(file.read_text()):
            lines.append(f"  {item['kind']} {item['metadata']['name']} ({file.name})")
    if settings.target.statefulset:
        lines += ["", "Only looked at:", f"  StatefulSet {settings.target.statefulset}"]
    lines += ["", "Images:", *(f"  {found.image} for {asked}" for asked, found in images.items())]
    lines += [
        "",
        "Not supported here:",
        *(f"  what needs {need}: {reason}" for need, reason in missing.items()),
    ]
    return [*lines, "", "Nothing was created."]


def existing_cluster(settings: Settings, connection: Connection, kubectl: Path) -> Cluster:
    """The person's cluster as tests see it.

    UserError when its version is another one than asked for, or rights are missing.
    """
    version = connection.version()
    if version != settings.release.patch:
        raise UserError(
            f"Context {connection.context} is Kubernetes {version}, not {settings.release.patch}; "
            "leave K8S out or correct it."
        )
    objects, missing = _looked_at(settings, connection)
    images = published_images(settings.target)
    return Cluster(
        name=connection.context,
        provider=EXISTING_NAME,
        release=settings.release,
        kubeconfig=connection.kubeconfig,
        kubectl=kubectl,
        capabilities=frozenset(Capability) - missing.keys(),
        images={asked: found.image for asked, found in images.items()},
        node_labels=_node_labels(Rights(connection.api), settings),
        lacking=missing,
        ours=False,
        stock_dns=True,
        # It pulls images, and may make its volumes elsewhere and attach them.
        timeout_factor=2.0,
        namespace_objects=objects,
        only_namespace=settings.target.only_namespace,
        storage_class="" if Capability.VOLUMES in missing else settings.target.storage_class,
        pull_secret=PULL_SECRET if settings.target.pull_secret else "",
    )
