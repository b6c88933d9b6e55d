"""The kind and the kubectl that do not fit the table are named in one sentence, and never used."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from headless_conformance.core.errors import UserError
from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import Settings, from_env
from headless_conformance.engine.engine import Engine
from headless_conformance.images.node import NodeImage
from headless_conformance.providers.kind import tools
from headless_conformance.providers.kind.tools import kind_binary, kubectl_of_image


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def settings() -> Settings:
    return from_env({"K8S": "1.37"})


def _program(folder: Path, name: str, says: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def _no_build(*_: object) -> Path:
    raise UserError("Go is missing; install Go 1.26 or newer and have it in PATH.")


def test_the_users_kind_is_taken_when_it_is_the_tables(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = _program(tmp_path / "bin", "kind", settings.versions.kind.removeprefix("v"))
    monkeypatch.setenv("PATH", str(own.parent), prepend=os.pathsep)
    monkeypatch.setattr(tools, "go_program", _no_build)
    assert kind_binary(settings, Progress(1)) == own


def test_another_kind_is_not_taken_and_without_go_the_sentence_names_it(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = _program(tmp_path / "bin", "kind", "0.20.0")
    monkeypatch.setenv("PATH", str(old.parent), prepend=os.pathsep)
    monkeypatch.setattr(tools, "go_program", _no_build)
    with pytest.raises(UserError) as caught:
        kind_binary(settings, Progress(1))
    assert f"kind {settings.versions.kind} is needed, the kind in PATH ({old}) is another release" in str(
        caught.value
    )
    assert "Go is missing" in str(caught.value)


class NodeWithKubectl(Engine):
    """An engine whose node image carries a kubectl that says `version`."""

    def docker(self, *words: str, timeout: float = 120.0) -> str:
        if words[0] == "cp":
            _program(Path(words[2]).parent, Path(words[2]).name, self.env["version"])
        return "container"


@pytest.mark.parametrize("says", ["Client Version: v1.30.1", "Client Version: v1.37.00"])
def test_a_node_image_with_another_kubectl_is_named(says: str) -> None:
    image = NodeImage("node:1", "sha256:abcdef", {})
    with pytest.raises(UserError, match=r"node:1 carries a kubectl that is not v1\.37\.0"):
        kubectl_of_image(image, NodeWithKubectl({"version": says}, private=False), "1.37.0")


def test_the_nodes_kubectl_is_copied_once() -> None:
    image, engine = (
        NodeImage("node:1", "sha256:abcdef", {}),
        NodeWithKubectl({"version": "Client Version: v1.37.0"}, private=False),
    )
    first = kubectl_of_image(image, engine, "1.37.0")
    assert kubectl_of_image(image, NodeWithKubectl({"version": "unasked"}, private=False), "1.37.0") == first
