"""Nothing is written to a cluster of the person's own without consent, and only what is ours is removed."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from headless_conformance.core.errors import UserError
from headless_conformance.core.progress import Progress
from headless_conformance.core.run_identity import RUN_LABEL
from headless_conformance.providers.existing import connection as target
from headless_conformance.providers.existing.connection import Connection, require_consent
from headless_conformance.providers.registry import settings_of_run
from tests.providers.existing import EXISTING


def test_a_killed_runs_copy_goes_with_the_next_command_and_a_living_runs_stays(
    theirs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    ended = subprocess.Popen(["true"])
    ended.wait()
    left, living = (target.copied_kubeconfig(f"{number}-0a1b2c3d") for number in (ended.pid, os.getpid()))
    for path in (left, living):
        path.write_text("credentials")
    made = target.connect(settings_of_run({**EXISTING, "KUBECONFIG": str(theirs)}), "clean")
    assert [path.exists() for path in (left, living, made.kubeconfig)] == [False, True, True]
    assert stat.S_IMODE(made.kubeconfig.stat().st_mode) == 0o600


def connection(context: str = "prod") -> Connection:
    return Connection(Path("/nowhere"), context, "https://192.0.2.1")


def test_without_a_terminal_consent_has_to_be_given_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: False))
    with pytest.raises(UserError, match=r"prod .* CONFIRM=1"):
        require_consent(connection(), settings_of_run(EXISTING), "write")
    require_consent(connection(), settings_of_run({**EXISTING, "CONFIRM": "1"}), "write")
    require_consent(connection("kind-hc-0a1b2c3d-1-37"), settings_of_run(EXISTING), "write")


@pytest.mark.parametrize(("answer", "goes_on"), [("yes", True), ("y", False), ("", False)])
def test_on_a_terminal_only_yes_is_consent(
    monkeypatch: pytest.MonkeyPatch, answer: str, *, goes_on: bool
) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("builtins.input", lambda _: answer)
    if goes_on:
        require_consent(connection("kind-dev"), settings_of_run(EXISTING), "write")
        return
    with pytest.raises(UserError, match="Nothing was done"):
        require_consent(connection("kind-dev"), settings_of_run(EXISTING), "write")


def test_clean_existing_removes_labelled_namespaces_only_and_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    there: dict[str, dict[str, str]] = {
        "headless-test-1": {RUN_LABEL: "1-a"},
        "headless-test-2": {RUN_LABEL: "2-b"},
        "kube-system": {},
    }
    asked_to_go: list[str] = []

    class Core:
        def list_namespace(self, label_selector: str, **_: Any) -> Any:
            key, _equals, value = label_selector.partition("=")
            names = [name for name, labels in there.items() if key in labels and value in ("", labels[key])]
            for gone in asked_to_go:
                there.pop(gone, None)
            return SimpleNamespace(
                items=[SimpleNamespace(metadata=SimpleNamespace(name=name)) for name in names]
            )

        def delete_namespace(self, name: str, **_: Any) -> None:
            asked_to_go.append(name)

    monkeypatch.setattr(client, "CoreV1Api", lambda _: Core())
    monkeypatch.setattr(Connection, "api", None)
    monkeypatch.setattr(target, "POLL_SECONDS", 0.0)
    assert target.remove_namespaces(connection(), Progress(total=1), "1-a") == 1
    assert asked_to_go == ["headless-test-1"]
    assert target.remove_namespaces(connection(), Progress(total=1)) == 1
    assert there.keys() == {"kube-system"}


@pytest.mark.parametrize(("status", "told"), [(404, True), (403, False)])
def test_a_target_that_is_not_there_is_told_before_the_run(
    monkeypatch: pytest.MonkeyPatch, status: int, *, told: bool
) -> None:
    def read(name: str, namespace: str, **_: Any) -> None:
        assert (namespace, name) == ("shop", "orders")
        raise ApiException(status=status)

    monkeypatch.setattr(client, "AppsV1Api", lambda _: SimpleNamespace(read_namespaced_stateful_set=read))
    monkeypatch.setattr(Connection, "api", None)
    if not told:
        connection().require_statefulset("shop/orders")
        return
    with pytest.raises(UserError, match="has no StatefulSet shop/orders; correct TARGET="):
        connection().require_statefulset("shop/orders")
