"""What the program says without a command: what can be done on a cluster, and what would be touched."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from headless_conformance.core.errors import UserError
from headless_conformance.providers.existing import overview as told
from headless_conformance.providers.existing.connection import Connection
from headless_conformance.providers.registry import settings_of_run
from tests.providers.existing import EXISTING
from tests.providers.existing.test_connection import connection

LISTED = SimpleNamespace(items=[1, 2], metadata=SimpleNamespace(_continue=None))


class KnownRights:
    """An account that is told its name."""

    def __init__(self, api: object) -> None:
        pass

    def user(self) -> str:
        return "jane"


@pytest.fixture(autouse=True)
def cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "api", None)
    monkeypatch.setattr(Connection, "version", lambda _: "1.36.4")
    monkeypatch.setattr(told, "Rights", KnownRights)
    monkeypatch.setattr(told, "require_ipv4", lambda _: None)
    monkeypatch.setattr(told, "namespace_objects", lambda *_: ())
    monkeypatch.setattr(told, "lacking", lambda *_: {"several-nodes": "1 of its nodes takes Pods"})
    listed(monkeypatch, lambda **_: LISTED)


def listed(monkeypatch: pytest.MonkeyPatch, listing: Any) -> None:
    apps = SimpleNamespace(list_stateful_set_for_all_namespaces=listing)
    monkeypatch.setattr(client, "AppsV1Api", lambda _: apps)


def lines() -> list[str]:
    return list(told.overview(settings_of_run(EXISTING), connection()))


def test_it_names_the_cluster_what_is_created_pulled_and_left_alone() -> None:
    said = lines()
    assert len(said) <= 8
    text = "\n".join(said)
    assert "Context prod (https://192.0.2.1): Kubernetes 1.36.4, as jane." in text
    assert "StatefulSets, of which 2 there are now" in text
    assert "creates namespaces headless-…" in text
    assert "mysql:8.4, busybox:1.28, python:3.11-slim" in text
    assert "leaves alone" in text
    assert "several-nodes (1 of its nodes takes Pods)" in text


def test_what_an_account_may_not_see_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(**_: object) -> None:
        raise ApiException(status=403, reason="Forbidden")

    def no_rights(*_: object) -> None:
        raise UserError("This account may not create namespaces; ask.")

    listed(monkeypatch, refused)
    monkeypatch.setattr(told, "namespace_objects", no_rights)
    text = "\n".join(lines())
    assert "--namespace NAME`" in text
    assert "It cannot run yet: This account may not create namespaces; ask." in text
