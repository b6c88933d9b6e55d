"""Objects as the API server stores them, field by field."""

from __future__ import annotations

import copy
from typing import Any

from headless_conformance.cluster.headless_set import KEPT_BY_KUBECTL
from headless_conformance.core.mismatch import require_equal
from headless_conformance.core.objects import Object

ASSIGNED = ("name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields")
"""Metadata that tells one object from another of the same manifest."""


def require_fields(
    subject: str, observed: Any, wanted: Object, path: str = " ", *, exactly: bool = False
) -> None:
    """Each field of `wanted`, and of the objects in it, is there with its value, and with `exactly` no other;
    a Mismatch names the first that differs."""
    seen = observed if isinstance(observed, dict) else {}
    for name in dict.fromkeys((*wanted, *(sorted(seen) if exactly else ()))):
        value, found = wanted.get(name), seen.get(name)
        # The keys of annotations are no names of fields.
        if isinstance(value, dict) and name != "annotations":
            require_fields(subject, found, value, f"{path}.{name}", exactly=exactly)
        else:
            require_equal(f"{subject}{path}.{name}", found, value)


def content_of(stored: Object) -> Object:
    """What a manifest decides about a stored object: neither its status nor what tells it from another one,
    nor what kubectl keeps about itself."""
    metadata = {key: value for key, value in stored["metadata"].items() if key not in ASSIGNED}
    annotations = {
        key: value for key, value in metadata.pop("annotations", {}).items() if key != KEPT_BY_KUBECTL
    }
    return {"metadata": {**metadata, "annotations": annotations}, "spec": stored["spec"]}


def with_promises(content: Object, promised: Object) -> Object:
    """The content with the promised fields in the place of its own; None promises that a field is absent."""
    laid = copy.deepcopy(content)
    for name, value in promised.items():
        if value is None:
            laid.pop(name, None)
        elif isinstance(value, dict):
            laid[name] = with_promises(laid.get(name, {}), value)
        else:
            laid[name] = value
    return laid


def promised_service(name: str, app: str) -> Object:
    """What the document's transcripts say of its Service, by whatever way they do."""
    port = {"name": "mysql", "port": 3306, "targetPort": 3306, "protocol": "TCP"}
    return {
        "metadata": {"labels": {"app": name}, "annotations": {}},
        "spec": {
            "type": "ClusterIP",
            "clusterIP": "None",
            "clusterIPs": ["None"],
            "ipFamilyPolicy": "SingleStack",
            "ipFamilies": ["IPv4"],
            "selector": {"app": app},
            "ports": [port],
            "sessionAffinity": "None",
            # What is not Ready is not listed, and nothing of the outside belongs to it.
            "publishNotReadyAddresses": None,
            "externalIPs": None,
            "externalName": None,
        },
    }


def promised_statefulset(service: str, app: str) -> Object:
    """The same of its StatefulSet: what its Pods' names, addresses, hosts files and resolvers rest on."""
    return {
        "spec": {
            "serviceName": service,
            "replicas": 3,
            "ordinals": None,
            "selector": {"matchLabels": {"app": app}},
            "template": {
                "metadata": {"labels": {"app": app}},
                "spec": {
                    "hostNetwork": None,
                    "hostname": None,
                    "subdomain": None,
                    "setHostnameAsFQDN": None,
                    "hostnameOverride": None,
                    "hostAliases": None,
                    "dnsPolicy": "ClusterFirst",
                    "dnsConfig": None,
                },
            },
        },
    }
