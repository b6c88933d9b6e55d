"""The kind cluster layer against a recorded engine: what is ours, what is kept, and what is never deleted."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from headless_conformance.core import paths
from headless_conformance.core.errors import StepFailed, UserError
from headless_conformance.core.settings import Settings, from_env
from headless_conformance.providers import containers
from headless_conformance.providers.kind import cluster as kind_module
from headless_conformance.providers.kind.cluster import KindCluster, owner_file
from headless_conformance.providers.kind.tools import KindTools
from headless_conformance.providers.readiness import FORWARD


class RecordedEngine:
    """Stands for Docker: containers by cluster name, each with the source of its owner mount."""

    env: dict[str, str] = {}  # noqa: RUF012 - part of the engine's interface
    private = False

    def __init__(self) -> None:
        self.containers: dict[str, dict[str, str]] = {}
        self.executed: list[tuple[str, ...]] = []
        self.silent: set[str] = set()

    def docker(self, *words: str, timeout: float = 60.0) -> str:
        if words[0] == "ps" and words[-1] == "{{.Names}}":
            return "\n".join(self.containers.get(words[3].rpartition("=")[2], {}))
        if words[0] == "exec":
            self.executed.append(words[1:])
            if words[1] in self.silent:
                raise StepFailed(f"docker exec {words[1]} did not end")
            return f"journal of {words[1]}\n"
        if words[0] == "ps" and "--format" in words:
            return "\n".join(self.containers)
        if words[0] == "ps":
            name = words[-1].rpartition("=")[2]
            return "\n".join(self.containers.get(name, {}))
        if words[0] == "rm":
            assert words[1:3] == ("--force", "--volumes")
            for name in [name for name, nodes in self.containers.items() if set(nodes) <= set(words[3:])]:
                del self.containers[name]
            return ""
        if words[0] == "inspect":
            source = next(nodes[words[-1]] for nodes in self.containers.values() if words[-1] in nodes)
            return json.dumps([{"Destination": kind_module.OWNER_MOUNT, "Source": source}])
        raise AssertionError(words)


class RecordedManager:
    """Stands for pytest-kubernetes' kind manager."""

    def __init__(self, engine: RecordedEngine, error: BaseException | None = None) -> None:
        self.engine, self.error = engine, error
        self.calls: list[tuple[Any, list[str]]] = []

    def __call__(self, provider: str) -> Any:
        assert provider == "kind"
        return lambda name, config: self

    def create(self, cluster_options: Any, timeout: int, options: list[str]) -> None:
        self.calls.append((cluster_options, options))
        self.engine.containers[KindCluster.name_of("1.37")] = {
            "c1": str(owner_file()),
            "c2": str(owner_file()),
        }
        if self.error:
            raise self.error
        Path(cluster_options.kubeconfig_path).write_text("kubeconfig")


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RecordedEngine:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    recorded = RecordedEngine()
    monkeypatch.setattr(containers, "is_api_ready", lambda _: True)
    monkeypatch.setattr(kind_module, "output_of", lambda *words, **more: "")
    monkeypatch.setattr(kind_module, "NODE_LOGS", tmp_path / "reports" / "kind-logs")
    return recorded


@pytest.fixture
def settings() -> Settings:
    return from_env({"K8S": "1.37"})


def _cluster(settings: Settings, engine: RecordedEngine, run: str = "run-1") -> KindCluster:
    tools = KindTools(engine, Path("/kind"), Path("/kubectl"), Path("/links"), "node:1", {})  # type: ignore[arg-type]
    return KindCluster(settings, tools, run)


def test_the_name_carries_the_clone(monkeypatch: pytest.MonkeyPatch) -> None:
    here = KindCluster.name_of("1.37")
    monkeypatch.setattr(paths, "ROOT", Path("/another/clone"))
    assert KindCluster.name_of("1.37") != here


def test_create_asks_for_the_image_of_the_row_and_for_exactly_its_version(
    settings: Settings, engine: RecordedEngine
) -> None:
    manager = RecordedManager(engine)
    _cluster(settings, engine).create(manager)
    options, words = manager.calls[0]
    assert options.api_version == settings.release.patch
    assert words[:2] == ["--image", "node:1"]


def test_a_failing_create_shows_kinds_words_and_leaves_nothing(
    settings: Settings, engine: RecordedEngine
) -> None:
    error = subprocess.CalledProcessError(1, "kind", stderr=b"ERROR: no space left on device")
    cluster = _cluster(settings, engine)
    with pytest.raises(UserError, match="no space left on device"):
        cluster.create(RecordedManager(engine, error))
    assert engine.containers == {}
    assert not KindCluster.exists(settings, "run-1")


@pytest.mark.parametrize("error", [RuntimeError("not ready"), subprocess.TimeoutExpired("kind", 300)])
def test_a_cluster_that_is_not_ready_says_how_long_it_was_waited_for(
    settings: Settings, engine: RecordedEngine, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(containers, "time", SimpleNamespace(monotonic=lambda: clock[0], sleep=time.sleep))

    class Slow(RecordedManager):
        def create(self, cluster_options: Any, timeout: int, options: list[str]) -> None:
            clock[0] += 132
            super().create(cluster_options, timeout, options)

    with pytest.raises(UserError, match="was not ready after 132 s"):
        _cluster(settings, engine).create(Slow(engine, error))


def test_a_run_that_is_killed_while_it_creates_has_something_to_delete(
    settings: Settings, engine: RecordedEngine
) -> None:
    class Killed(RecordedManager):
        def create(self, cluster_options: Any, timeout: int, options: list[str]) -> None:
            super().create(cluster_options, timeout, options)
            cluster.kubeconfig.write_text("kubeconfig")
            assert KindCluster.exists(settings, "run-1")
            assert cluster.attach() is None

    cluster = _cluster(settings, engine)
    cluster.create(Killed(engine))
    assert cluster.attach() is not None


def test_an_interrupted_create_leaves_nothing(settings: Settings, engine: RecordedEngine) -> None:
    with pytest.raises(KeyboardInterrupt):
        _cluster(settings, engine).create(RecordedManager(engine, KeyboardInterrupt()))
    assert engine.containers == {}


def test_a_worker_of_the_same_run_finds_the_cluster_and_another_run_does_not(
    settings: Settings, engine: RecordedEngine
) -> None:
    _cluster(settings, engine).create(RecordedManager(engine))
    assert _cluster(settings, engine).attach() is not None
    assert _cluster(settings, engine, run="run-2").attach() is None


def test_a_kept_cluster_is_found_by_the_next_run(settings: Settings, engine: RecordedEngine) -> None:
    first = _cluster(settings, engine)
    first.create(RecordedManager(engine))
    first.keep()
    assert not KindCluster.exists(settings, "run-1")
    assert _cluster(settings, engine, run="run-2").attach() is not None
    assert KindCluster.exists(settings, "run-2")


def test_a_kept_cluster_is_not_kept_any_more_when_the_run_that_took_it_was_killed(
    settings: Settings, engine: RecordedEngine
) -> None:
    first = _cluster(settings, engine)
    first.create(RecordedManager(engine))
    first.keep()
    assert _cluster(settings, engine, run="killed").attach() is not None
    assert _cluster(settings, engine, run="next").attach() is None


def test_a_kept_cluster_that_lost_a_node_or_has_another_network_is_not_taken(engine: RecordedEngine) -> None:
    plain = from_env({"K8S": "1.37"})
    first = _cluster(plain, engine)
    first.create(RecordedManager(engine))
    first.keep()
    other = from_env({"K8S": "1.37", "CLUSTER_DOMAIN": "kube.local"})
    assert _cluster(other, engine).attach() is None
    engine.containers[first.name].pop("c2")
    assert _cluster(plain, engine).attach() is None


def test_what_a_killed_run_left_is_replaced(settings: Settings, engine: RecordedEngine) -> None:
    engine.containers[KindCluster.name_of("1.37")] = {"old": str(owner_file())}
    _cluster(settings, engine).create(RecordedManager(engine))
    assert set(engine.containers[KindCluster.name_of("1.37")]) == {"c1", "c2"}


def test_a_cluster_of_our_name_that_is_not_ours_is_named_and_never_deleted(
    settings: Settings, engine: RecordedEngine
) -> None:
    engine.containers[KindCluster.name_of("1.37")] = {"foreign": "/somewhere/else"}
    cluster = _cluster(settings, engine)
    for action in (cluster.attach, cluster.delete, lambda: cluster.create(RecordedManager(engine))):
        with pytest.raises(UserError, match="that this clone did not create"):
            action()
    assert "foreign" in engine.containers[KindCluster.name_of("1.37")]
    assert KindCluster.own(engine) == []  # type: ignore[arg-type]


def test_kubelets_show_what_they_wrote_since_a_time_and_a_silent_node_its_reason(
    settings: Settings, engine: RecordedEngine
) -> None:
    created = _cluster(settings, engine).create(RecordedManager(engine))
    engine.silent = {"c2"}
    assert created.kubelet_logs is not None
    assert created.kubelet_logs(1_700_000_000.9) == {
        "c1": "journal of c1\n",
        "c2": "docker exec c2 did not end",
    }
    looks = [words for words in engine.executed if "journalctl" in words]
    assert len(looks) == 2
    assert all({"--unit=kubelet", "--since=@1700000000"} <= set(words) for words in looks)


def test_only_the_forward_line_of_a_corefile_is_replaced() -> None:
    forward = "    forward . /etc/resolv.conf {\n       max_concurrent 1000\n    }\n"
    corefile = f".:53 {{\n    errors\n{forward}    cache 30\n}}\n"
    assert FORWARD.sub("X\n", corefile) == ".:53 {\n    errors\nX\n    cache 30\n}\n"
