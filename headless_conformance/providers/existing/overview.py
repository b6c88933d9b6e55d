"""What the program can do on the cluster of a context, and what it would and would not touch: only reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import command_line
from headless_conformance.core.settings import Settings
from headless_conformance.images.published import published_images
from headless_conformance.providers.existing.cluster import Rights, lacking, namespace_objects, require_ipv4
from headless_conformance.providers.existing.connection import REQUEST_SECONDS, Connection

MOST = 500
"""StatefulSets that are counted."""


def overview(settings: Settings, connection: Connection) -> Sequence[str]:
    """Lines for a person. Raises UserError where the API server does not answer."""
    version, rights = connection.version(), Rights(connection.api)
    audit, e2e = command_line("audit"), command_line("e2e PROVIDER=existing")
    images = ", ".join(found.image for found in published_images(settings.target).values())
    return [
        f"Context {connection.context} ({connection.server}): Kubernetes {version}, {_account(rights)}.",
        f"`{audit} {_targets(connection)}",
        "    It creates nothing and changes nothing; DNS servers are asked through port-forwards.",
        f"`{e2e}` runs the suite; it asks first.",
        "    It creates namespaces headless-…, with Pods, Services, StatefulSets and at most five volumes of "
        "1 GiB, and removes them.",
        f"    It pulls {images}.",
        "    It leaves alone what is in other namespaces, the nodes, the DNS servers and the control plane, "
        "which it only looks at.",
        f"    {_possible(settings, rights)}",
    ]


def _account(rights: Rights) -> str:
    try:
        return f"as {rights.user()}"
    except ApiException:
        return "as an account that is not told its name"


def _targets(connection: Connection) -> str:
    apps: Any = client.AppsV1Api(connection.api)
    try:
        found = apps.list_stateful_set_for_all_namespaces(limit=MOST, _request_timeout=REQUEST_SECONDS)
    except ApiException:
        return "--namespace NAME` judges the StatefulSets and headless Services of a namespace."
    more = "or more" if found.metadata._continue else "there are now"
    return f"-A` judges all StatefulSets, of which {len(found.items)} {more}, and headless Services."


def _possible(settings: Settings, rights: Rights) -> str:
    """What of the suite is not possible here, and why."""
    try:
        require_ipv4(rights)
        namespace_objects(rights, settings)
        missing = lacking(rights, settings)
    except UserError as error:
        return f"It cannot run yet: {error}"
    except ApiException as error:
        return f"Whether it can run is not known: {error.reason}."
    return "Not supported here: " + "; ".join(f"{need} ({why})" for need, why in missing.items()) + "."
