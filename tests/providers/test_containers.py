"""What providers of clusters in containers share."""

from __future__ import annotations

from pathlib import Path

import pytest

from headless_conformance.providers.containers import tool_folder


def test_links_follow_the_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for tool in ("one", "two"):
        folder = tool_folder({"kubectl": tmp_path / tool}, "1.37")
        assert (folder / "kubectl").readlink() == tmp_path / tool
    assert [path.name for path in folder.iterdir()] == ["kubectl"]
