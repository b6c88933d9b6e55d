"""What a run tells before it starts: its steps, how long they take, and the faster way."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from headless_conformance.core import step_seconds
from headless_conformance.core.errors import UserError
from headless_conformance.core.plan import Step, StepPlan
from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import from_env
from headless_conformance.core.step_seconds import StepSeconds
from headless_conformance.providers import run_plan
from headless_conformance.providers.interface import ClusterProvider
from headless_conformance.providers.registry import all_providers, provider_named
from headless_conformance.providers.run_plan import handed_on_plan, plan_of_run, progress_of_pytest
from headless_conformance.providers.simulated import cluster as simulated_cluster

KIND, SIMULATED = provider_named("kind"), provider_named("simulated")
SETTINGS = from_env({})
BUILDS = (Step("container engine"), Step("build kubernetes-1.37.0", "a"), Step("build etcd-3.6.8", "b"))
FEWER = (Step("build kubernetes-1.37.0"),)


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(step_seconds, "rounds_per_second", lambda: step_seconds.REFERENCE_ROUNDS)


def _plans(monkeypatch: pytest.MonkeyPatch, provider: ClusterProvider[Any], steps: Sequence[Step]) -> None:
    monkeypatch.setattr(type(provider), "planned_steps", lambda self, settings: steps)


def test_a_first_run_tells_each_step_and_the_faster_way(monkeypatch: pytest.MonkeyPatch) -> None:
    _plans(monkeypatch, KIND, BUILDS)
    _plans(monkeypatch, SIMULATED, FEWER)
    assert plan_of_run(KIND, SETTINGS).lines() == [
        "6 steps, about 10 min on this machine (by its speed):",
        "    container engine           about 10 s",
        "    build kubernetes-1.37.0    about 7 min",
        "    build etcd-3.6.8           about 45 s",
        "    kind cluster               about 45 s",
        "    tests on the kind cluster  about 2 min",
        "    clean-up and report        about 5 s",
        "    Some of these go on at the same time.",
        "Faster: PROVIDER=simulated takes about 8 min; it has no nodes to build and verifies what "
        "needs none.",
    ]


def test_the_faster_way_is_not_named_where_it_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    _plans(monkeypatch, SIMULATED, FEWER)
    assert not any("Faster" in line for line in plan_of_run(SIMULATED, SETTINGS).lines())


def test_a_run_with_nothing_to_build_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    _plans(monkeypatch, KIND, BUILDS[:1])
    for title in ("container engine", "kind cluster", "clean-up and report"):
        StepSeconds.of_this_machine().remember(title, 20)
    StepSeconds.of_this_machine().remember("tests on the kind cluster", 180)
    (line,) = plan_of_run(KIND, SETTINGS).lines()
    assert line == (
        "4 steps, about 4 min on this machine (by its last runs): "
        "container engine, kind cluster, tests on the kind cluster, clean-up and report."
    )
    assert plan_of_run(KIND, SETTINGS, share=0.1).plan.total_seconds() == 3 * 20 + 18


def test_a_kept_cluster_has_times_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    _plans(monkeypatch, KIND, ())
    kept = [step.title for step in plan_of_run(KIND, from_env({"KEEP": "1"})).plan.steps]
    assert kept == ["kept kind cluster", "tests on the kept kind cluster", "clean-up and report"]


def test_pytest_goes_on_with_the_plan_and_has_one_without(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = StepPlan(BUILDS, {"container engine": 3.0})
    progress = Progress(plan=plan, begun=12.5, finished=["container engine"])
    taken = progress_of_pytest(handed_on_plan(progress), KIND, SETTINGS, io.StringIO(), 1)
    assert (taken.plan, taken.begun, taken.finished) == (plan, 12.5, {"container engine"})
    alone = progress_of_pytest("", KIND, SETTINGS, io.StringIO(), 1)
    assert [step.title for step in alone.plan.steps] == [
        "kind cluster",
        "tests on the kind cluster",
        "clean-up and report",
    ]


@pytest.mark.parametrize(("workers", "longer"), [(1, KIND.pytest_workers), (KIND.pytest_workers, 1)])
def test_pytest_that_nobody_prepared_knows_how_long_it_takes(workers: int, longer: int) -> None:
    StepSeconds.of_this_machine().remember("tests on the kind cluster", 60)
    plan = progress_of_pytest("", KIND, SETTINGS, io.StringIO(), workers).plan
    assert plan.seconds == {
        "kind cluster": step_seconds.TABLE["kind cluster"],
        "tests on the kind cluster": 60.0 * longer,
        "clean-up and report": step_seconds.TABLE["clean-up and report"],
    }


def test_tests_are_remembered_only_by_whom_knows_that_all_ran() -> None:
    run_plan.remember_seconds("kind cluster", 30)
    run_plan.remember_seconds("tests on the kind cluster", 3)
    assert StepSeconds.of_this_machine().measured() == {"kind cluster": 30.0}
    run_plan.remember_whole_suite(KIND, SETTINGS, 90)
    assert StepSeconds.of_this_machine().measured()["tests on the kind cluster"] == 90.0


def test_a_machine_without_go_can_still_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_go(*_: object, lane: str = "") -> list[Step]:
        raise UserError("Go is missing")

    monkeypatch.setattr(simulated_cluster, "planned_build", no_go)
    assert SIMULATED.planned_steps(SETTINGS) == ()


@pytest.mark.parametrize("provider", all_providers(), ids=lambda provider: str(provider.name))
def test_looking_builds_nothing(provider: ClusterProvider[Any], tmp_path: Path) -> None:
    settings = from_env({"PROVIDER": provider.name})
    titles = [step.title for step in provider.planned_steps(settings)]
    assert not (tmp_path / "headless-conformance" / "bin").exists()
    if provider.name == "simulated":
        assert len([title for title in titles if title.startswith("build ")]) == 4
