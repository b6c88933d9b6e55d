"""How long steps take: from past runs, else from the table by the machine's speed."""

from __future__ import annotations

from pathlib import Path

import pytest

from headless_conformance.core import step_seconds
from headless_conformance.core.plan import Step
from headless_conformance.core.step_seconds import TABLE, StepSeconds, estimate, kind_of_step

COLD = (Step("build kubernetes-1.37.0"), Step("kind cluster"))


@pytest.fixture
def speed(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The machine is half as fast as that of the table; the list has an entry for each time it was looked
    at."""
    looked: list[float] = []

    def rounds() -> float:
        looked.append(step_seconds.REFERENCE_ROUNDS / 2)
        return looked[-1]

    monkeypatch.setattr(step_seconds, "rounds_per_second", rounds)
    return looked


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("build kubernetes-1.37.0", "build kubernetes"),
        ("build kind-0.32.0", "build kind"),
        ("node image for Kubernetes 1.37.0", "node image"),
        ("build netd", "build netd"),
        ("tests on the kept kind cluster", "tests on the kept kind cluster"),
    ],
)
def test_another_version_of_a_step_takes_as_long(title: str, kind: str) -> None:
    assert kind_of_step(title) == kind


def test_what_was_measured_here_is_the_estimate(tmp_path: Path, speed: list[float]) -> None:
    machine = StepSeconds(tmp_path / "seconds.json")
    assert machine.measured() == {}
    machine.remember("build kubernetes-1.36.2", 300.04)
    machine.remember("kind cluster", 30)
    machine.remember("kind cluster", 40)
    found = estimate(COLD, machine.measured())
    assert found.seconds == {"build kubernetes-1.37.0": 300.0, "kind cluster": 40.0}
    assert found.known_by == "by its last runs"
    assert not speed


@pytest.mark.parametrize("text", ["", "no JSON", "[1]", '{"build": "long"}'])
def test_a_damaged_file_is_as_none(tmp_path: Path, text: str) -> None:
    machine = StepSeconds(tmp_path / "seconds.json")
    machine.file.write_text(text)
    assert machine.measured() == {}
    machine.remember("build", 3)
    assert machine.measured() == {"build": 3.0}


def test_what_takes_long_and_was_never_measured_is_estimated_by_speed(speed: list[float]) -> None:
    found = estimate(COLD, {"kind cluster": 40.0})
    assert found.seconds == {
        "build kubernetes-1.37.0": 2 * TABLE["build kubernetes"],
        "kind cluster": 40.0,
    }
    assert (found.known_by, found.factor, len(speed)) == ("by its speed", 2.0, 1)


def test_the_speed_is_found_out_once(speed: list[float]) -> None:
    assert estimate(COLD, {}, 3.0).seconds["kind cluster"] == 3 * TABLE["kind cluster"]
    assert not speed


def test_a_short_run_does_not_wait_for_an_estimate(speed: list[float]) -> None:
    found = estimate((Step("simulated cluster"), Step("a step that nobody knows")), {})
    assert found.seconds == {"simulated cluster": TABLE["simulated cluster"]}
    assert "nothing was measured" in found.known_by
    assert not speed


def test_a_fast_machine_still_waits_for_what_does_not_compute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_seconds, "rounds_per_second", lambda: 100 * step_seconds.REFERENCE_ROUNDS)
    assert estimate(COLD, {}).factor == step_seconds.LEAST_SHARE


def test_a_machine_that_is_busy_now_need_not_stay_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_seconds, "rounds_per_second", lambda: step_seconds.REFERENCE_ROUNDS / 100)
    assert estimate(COLD, {}).factor == step_seconds.MOST_SHARE


def test_the_speed_is_that_of_all_processors_together() -> None:
    assert step_seconds.rounds_per_second(0.2) > 0
