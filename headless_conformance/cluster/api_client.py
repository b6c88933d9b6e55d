"""The Kubernetes client with a bound on every silence, which it has not by itself."""

from __future__ import annotations

import ipaddress
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import urllib3
from kubernetes import client, config

from headless_conformance.cluster.timeouts import SILENCE_SECONDS

LONGEST_MESSAGE = 200
"""Of what is no Status: a proxy may answer with a whole page."""


class BoundedClient(client.ApiClient):
    """Asks once, and waits at most SILENCE_SECONDS for a part of the answer where the caller says nothing
    else."""

    def call_api(
        self,
        method: str,
        url: str,
        header_params: Any = None,
        body: Any = None,
        post_params: Any = None,
        _request_timeout: Any = None,
    ) -> Any:
        seconds = SILENCE_SECONDS if _request_timeout is None else _request_timeout
        return super().call_api(method, url, header_params, body, post_params, seconds)


def configuration_without_retries() -> Any:
    """A configuration of the library, which else asks a server that does not answer four times."""
    configuration = client.Configuration()
    configuration.retries = urllib3.Retry(0, redirect=2)
    return configuration


def is_loopback(address: str) -> bool:
    """Whether a URL leads to this machine itself."""
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def ask_loopback_directly(configuration: Any) -> None:
    """Take a proxy of the environment, which is meant for the world outside, out of the configuration where
    the API server is on loopback. One that the kubeconfig names stays."""
    if is_loopback(configuration.host) and configuration.proxy in getproxies().values():
        configuration.proxy = None


def message_of(answer: bytes) -> str:
    """What the API server says in an answer that is a Status, else the beginning of the answer itself."""
    try:
        return str(json.loads(answer)["message"])
    except (ValueError, KeyError, TypeError):
        return answer.decode(errors="replace").strip()[:LONGEST_MESSAGE]


def api_client(kubeconfig: Path) -> BoundedClient:
    """The client of a kubeconfig's current context. Raises config.ConfigException, OSError or yaml.YAMLError
    where there is none."""
    configuration = configuration_without_retries()
    config.load_kube_config(str(kubeconfig), client_configuration=configuration)
    ask_loopback_directly(configuration)
    return BoundedClient(configuration)
