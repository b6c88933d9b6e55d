"""Streams to Pods through the API server, with a bound on every wait, which the Kubernetes client has not."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import Any

import certifi
from kubernetes.stream.ws_client import get_websocket_url, websocket_proxycare
from websocket import WebSocket

from headless_conformance.cluster.api_client import is_loopback

_PROTOCOL = "v4.channel.k8s.io"
"""Of exec and port-forward: each message begins with the number of a channel."""


def open_websocket(api: Any, path: str, query: Sequence[tuple[str, str]], seconds: float) -> Any:
    """An open WebSocket, each operation of which ends after `seconds`.

    Raises WebSocketException, OSError or ValueError.
    """
    configuration = api.configuration
    _, url, headers, _, _ = api.param_serialize("GET", path, auth_settings=["BearerToken"])
    lowered = {key.lower(): value for key, value in headers.items()}
    header = [f"sec-websocket-protocol: {_PROTOCOL}"]
    header += [f"authorization: {lowered['authorization']}"] if "authorization" in lowered else []
    options: dict[str, Any] = {"header": header, "timeout": seconds}
    if configuration.proxy or configuration.proxy_headers:
        options = websocket_proxycare(options, configuration, url, headers)
    elif is_loopback(url):
        # The WebSocket client reads the environment by itself.
        options["http_no_proxy"] = ["*"]
    socket: Any = WebSocket(sslopt=_tls(configuration))
    socket.connect(get_websocket_url(url, list(query)), **options)
    return socket


def _tls(configuration: Any) -> dict[str, Any]:
    """How the API client trusts and identifies itself, in the words of the WebSocket client."""
    options: dict[str, Any] = {"cert_reqs": ssl.CERT_NONE}
    if configuration.verify_ssl:
        options = {"cert_reqs": ssl.CERT_REQUIRED, "ca_certs": configuration.ssl_ca_cert or certifi.where()}
        if configuration.assert_hostname is not None:
            options["check_hostname"] = configuration.assert_hostname
    for ours, theirs in (
        ("cert_file", "certfile"),
        ("key_file", "keyfile"),
        ("tls_server_name", "server_hostname"),
    ):
        if getattr(configuration, ours, None):
            options[theirs] = getattr(configuration, ours)
    return options
