"""What a run makes ready is made ready once, for the runner and for every worker, and its cluster is tried
once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from headless_conformance.cluster.model import Cluster
from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import work_dir
from headless_conformance.core.progress import Progress
from headless_conformance.core.run_identity import RUN_VARIABLE
from headless_conformance.core.settings import Settings, from_env
from headless_conformance.engine.engine import Engine
from headless_conformance.providers.container_provider import tried_once
from headless_conformance.providers.existing.connection import Connection
from headless_conformance.providers.existing.provider import ExistingTools
from headless_conformance.providers.interface import TOOLS_VARIABLE, ClusterProvider, RunContext
from headless_conformance.providers.k3d.tools import K3dTools
from headless_conformance.providers.kind.tools import KindTools
from headless_conformance.providers.registry import all_providers, provider_named
from headless_conformance.providers.run_context import context_of_environment, tools_handed_on
from headless_conformance.providers.simulated.control_plane import Programs


@dataclass(frozen=True)
class CountedTools:
    program: Path
    engine: Engine


class CountingProvider(ClusterProvider[CountedTools]):
    """Notes how often it is asked to prepare; fails when it is told to."""

    name = "counting"
    description = "none."
    tools_type = CountedTools

    def __init__(self, failure: str = "") -> None:
        self.prepared: list[str] = []
        self.failure = failure

    def prepare(self, settings: Settings, run: str, progress: Progress) -> CountedTools:
        self.prepared.append(settings.release.minor)
        if self.failure:
            raise UserError(self.failure)
        return CountedTools(Path("/program"), Engine({"DOCKER_HOST": "unix:///d"}, private=True))

    @contextmanager
    def session(self, context: RunContext[CountedTools]) -> Iterator[Cluster]:
        raise NotImplementedError
        yield


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def worker(provider: CountingProvider, handed_on: str = "", **env: str) -> RunContext[CountedTools]:
    return RunContext(from_env(env), provider, "run-1", Path(handed_on) if handed_on else None)


def test_workers_of_a_run_without_a_runner_prepare_once() -> None:
    provider = CountingProvider()
    first, second = worker(provider), worker(provider)
    assert (
        first.tools
        == second.tools
        == CountedTools(Path("/program"), Engine({"DOCKER_HOST": "unix:///d"}, private=True))
    )
    assert len(provider.prepared) == 1


def test_what_the_runner_made_ready_is_taken_by_its_workers_and_by_no_run_that_asks_for_something_else() -> (
    None
):
    provider = CountingProvider()
    runner = worker(provider, K8S="1.37")
    runner.prepare()
    path = runner.environment()[TOOLS_VARIABLE]
    assert worker(provider, path, K8S="1.37").tools == runner.tools
    assert provider.prepared == ["1.37"]
    for other in ({"K8S": "1.36"}, {"K8S": "1.37", "IMAGES": "build"}, {"K8S": "1.37", "DEBIAN_DRIFT": "1"}):
        RunContext(from_env(other), provider, "run-2", Path(path)).tools  # noqa: B018 - asked for is made ready
        RunContext(from_env(other), provider, "run-2", Path(path)).end_session()
    assert provider.prepared == ["1.37", "1.36", "1.37", "1.37"]


def test_another_run_is_handed_tools_and_no_name() -> None:
    provider = CountingProvider()
    parent = worker(provider, K8S="1.37")
    parent.prepare()
    env = parent.environment_of_other_run()
    assert RUN_VARIABLE not in env
    other = RunContext(from_env({"K8S": env["K8S"]}), provider, "run-2", tools_handed_on(env))
    assert other.prepare() == parent.tools
    other.environment()
    other.end_run()
    assert (
        RunContext(from_env({"K8S": "1.37"}), provider, "run-3", tools_handed_on(env)).tools == parent.tools
    )
    assert provider.prepared == ["1.37"]
    parent.forget_tools()
    assert [path for path in work_dir().rglob("*") if path.is_file()] == []


def test_workers_do_not_repeat_a_preparation_that_failed_for_one_of_them() -> None:
    provider = CountingProvider("Go is missing.")
    for _ in range(3):
        with pytest.raises(UserError, match=r"Go is missing\."):
            worker(provider).tools  # noqa: B018
    assert len(provider.prepared) == 1


def test_the_end_of_a_run_leaves_no_file() -> None:
    context = worker(CountingProvider())
    context.prepare()
    context.environment()
    context.end_run()
    assert [path for path in work_dir().rglob("*") if path.is_file()] == []


def test_a_child_is_the_same_run(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = provider_named("simulated")
    tools = Programs(*[Path("/bin")] * 4)
    monkeypatch.setattr(type(provider), "prepare", lambda *_: tools)
    settings = from_env({"PROVIDER": "simulated", "K8S": "1.36", "KEEP": "1"})
    parent = RunContext(settings, provider, "run-7")
    parent.prepare()
    child = context_of_environment(parent.environment())
    assert (child.run, child.provider, child.tools, child.keep) == ("run-7", provider, tools, True)
    assert child.settings.release == settings.release
    assert context_of_environment({RUN_VARIABLE: "", "PROVIDER": "simulated"}).run not in ("", "run-7")


def test_no_file_of_tools_has_the_environment_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_OF_SOMETHING", "secret")
    engine = Engine({"DOCKER_HOST": "unix:///d"}, private=True)
    here = Path("/here")
    every = {
        "kind": KindTools(engine, here, here, here, "node:1", {"a": "b"}),
        "k3d": K3dTools(engine, here, here, here, {"a": here}),
        "simulated": Programs(here, here, here, here),
        "existing": ExistingTools(Connection(here, "prod", "https://192.0.2.1"), here, {"a": "b"}),
    }
    for provider in all_providers():
        context = RunContext(from_env({}), provider, f"run-{provider.name}")
        context._tools = every[provider.name]
        path = Path(context.environment()[TOOLS_VARIABLE])
        assert "secret" not in path.read_text()
        assert json.loads(path.read_text())["made_for"]["provider"] == provider.name
        assert RunContext(from_env({}), provider, "run-x", path).tools == every[provider.name]


def test_workers_do_not_repeat_a_creation_that_failed_for_one_of_them() -> None:
    tries: list[str] = []

    def create() -> Cluster:
        tries.append("try")
        raise UserError("kind could not create the cluster: no space left.")

    for _ in range(3):
        with pytest.raises(UserError, match="no space left"):
            tried_once("run-1", create)
    assert tries == ["try"]
    with pytest.raises(UserError):
        tried_once("run-2", create)
    assert tries == ["try", "try"]
