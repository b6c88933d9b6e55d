"""A pytest plugin for runs with PROVIDER=existing on a simulated cluster: tests ask its DNS servers from the
host, as no Pod can, and every request to its API server is noted."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

from kubernetes.client.rest import RESTClientObject

from headless_conformance.cluster.model import Cluster
from headless_conformance.providers.existing import provider
from headless_conformance.providers.existing.cluster import existing_cluster

SERVERS = "OWN_SET_DNS"
"""JSON: address and port of each DNS server."""
REQUESTS = "OWN_SET_REQUESTS"
"""The file with a line for each request: its method and its URL."""


def _note_requests(path: Path) -> None:
    request: Any = RESTClientObject.request

    def noted(self: Any, method: str, url: str, *more: Any, **words: Any) -> Any:
        with path.open("a") as out:
            out.write(f"{method} {url}\n")
        return request(self, method, url, *more, **words)

    mock.patch.object(RESTClientObject, "request", noted).start()


def _with_dns() -> None:
    def cluster(*arguments: Any) -> Cluster:
        servers = tuple((address, port) for address, port in json.loads(os.environ[SERVERS]))
        return replace(existing_cluster(*arguments), host_dns=servers)

    mock.patch.object(provider, "existing_cluster", cluster).start()


def pytest_configure() -> None:
    _note_requests(Path(os.environ[REQUESTS]))
    _with_dns()
