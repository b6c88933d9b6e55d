"""No request of ours waits for ever."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from kubernetes import client
from urllib3.exceptions import HTTPError

from headless_conformance.cluster import api_client as module
from headless_conformance.cluster.api_client import api_client
from headless_conformance.core.paths import ROOT
from headless_conformance.providers.readiness import is_api_ready
from tests.cluster.api_stand_in import ApiStandIn, serving, write_kubeconfig

PACKAGE = ROOT / "headless_conformance"
UNBOUNDED = re.compile(
    r"new_client_from_config|\bclient\.ApiClient\(|kubernetes\.stream import|import (stream|portforward)\b"
)
"""What gives a client or a stream without a bound."""
OWN_BOUNDS = {"audit/access.py"}
"""Each request there says its own."""


def test_a_request_that_says_nothing_of_it_is_bounded_and_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SILENCE_SECONDS", 0.3)
    api = ApiStandIn()
    with serving(api) as port:
        core = client.CoreV1Api(api_client(write_kubeconfig(tmp_path / "kubeconfig", port)))
        core.list_node()
        api.freeze()
        begun = time.monotonic()
        with pytest.raises(HTTPError):
            core.list_node()
        assert time.monotonic() - begun < 1.0
        assert len(api.asked) == 2


def test_a_proxy_for_the_world_outside_is_not_asked_for_an_api_server_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with serving(ApiStandIn()) as port:
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", port)
        assert len(client.CoreV1Api(api_client(kubeconfig)).list_node().items) == 2
        assert is_api_ready(kubeconfig)
        kubeconfig.write_text(kubeconfig.read_text().replace("127.0.0.1", "api.example"))
        assert api_client(kubeconfig).configuration.proxy == "http://127.0.0.1:9"
    assert not is_api_ready(kubeconfig)


def test_nothing_else_makes_a_client_or_a_stream() -> None:
    found = {
        str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py") if UNBOUNDED.search(path.read_text())
    }
    assert found == OWN_BOUNDS
