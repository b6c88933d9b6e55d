"""The programs of a simulated cluster: which is built when."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import pytest

from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import from_env
from headless_conformance.providers.simulated import cluster, control_plane


def test_kwok_is_built_after_kubernetes_and_the_others_beside_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    both = threading.Barrier(2, timeout=30)
    built: list[str] = []

    def go_programs(component: str, *_: object) -> Path:
        if component in ("kubernetes", "coredns"):
            both.wait()
        built.append(component)
        return Path(component)

    monkeypatch.setattr(cluster, "go_programs", go_programs)
    programs = cluster.ensure_programs(from_env({}), Progress(1, io.StringIO()))
    assert programs == control_plane.Programs(
        kubernetes=Path("kubernetes"), kwok=Path("kwok"), etcd=Path("etcd"), coredns=Path("coredns")
    )
    assert sorted(built) == ["coredns", "etcd", "kubernetes", "kwok"]
    assert built.index("kubernetes") < built.index("kwok")
