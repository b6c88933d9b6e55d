"""A pytest plugin for runs with PROVIDER=existing on a cluster of ours: every request to the API server is
noted, what became of each test is handed over, images are those that the nodes have, and the DNS servers of
a simulated cluster are asked from the host, as no Pod can."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

from kubernetes.client.rest import RESTClientObject

from headless_conformance.cluster.model import Cluster
from headless_conformance.plugin.context import Run
from headless_conformance.providers.existing import provider
from headless_conformance.providers.existing.cluster import existing_cluster

CLUSTER = "OWN_SET_CLUSTER"
"""JSON: fields of the cluster that a run with PROVIDER=existing cannot find out."""
FOLDER = "OWN_SET_FOLDER"
"""Where this plugin writes."""
REQUESTS = "requests"
"""The file with a line for each request: its method and its URL."""
RESULTS = "results.json"
"""The file with each test: its name, requirements, outcome, reason and the subject of its failure."""


def _note_requests(path: Path) -> None:
    request: Any = RESTClientObject.request

    def noted(self: Any, method: str, url: str, *more: Any, **words: Any) -> Any:
        with path.open("a") as out:
            out.write(f"{method} {url}\n")
        return request(self, method, url, *more, **words)

    mock.patch.object(RESTClientObject, "request", noted).start()


def _complete(fields: Mapping[str, Any]) -> None:
    servers = tuple((address, port) for address, port in fields["host_dns"])

    def cluster(*arguments: Any) -> Cluster:
        return replace(existing_cluster(*arguments), images=fields["images"], host_dns=servers)

    mock.patch.object(provider, "existing_cluster", cluster).start()


def fields_of(cluster: Cluster) -> str:
    """What CLUSTER has for this cluster."""
    return json.dumps({"images": dict(cluster.images), "host_dns": cluster.host_dns})


def pytest_configure() -> None:
    _note_requests(Path(os.environ[FOLDER]) / REQUESTS)
    _complete(json.loads(os.environ[CLUSTER]))


def pytest_conformance_finished(run: Run) -> None:
    tests = [
        {
            "test": found.nodeid,
            "requirements": found.requirements,
            "outcome": found.outcome.value,
            "reason": found.reason,
            "subject": found.fields.get("subject", ""),
        }
        for found in run.results
    ]
    (Path(os.environ[FOLDER]) / RESULTS).write_text(json.dumps(tests))
