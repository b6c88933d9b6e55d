"""The steps of a run, their numbers, and how long is left."""

from __future__ import annotations

import pytest

from headless_conformance.core.plan import Step, StepPlan

STEPS = (
    Step("engine"),
    Step("kubernetes", "compiler"),
    Step("kwok", "compiler"),
    Step("packages", "the rest"),
    Step("etcd", "the rest"),
    Step("image"),
    Step("tests"),
)
SECONDS = {"engine": 10, "kubernetes": 400, "kwok": 50, "packages": 100, "etcd": 40, "image": 20, "tests": 90}
PLAN = StepPlan(STEPS, SECONDS)


def test_a_step_has_its_number_from_one_on() -> None:
    assert [PLAN.position(step.title) for step in STEPS] == [1, 2, 3, 4, 5, 6, 7]
    assert PLAN.position("something else") is None


def test_lanes_go_on_at_the_same_time() -> None:
    assert PLAN.total_seconds() == 10 + max(400 + 50, 100 + 40) + 20 + 90


@pytest.mark.parametrize(
    ("finished", "running", "left"),
    [
        pytest.param((), {"engine": 4.0}, 566.0, id="what runs counts its rest"),
        pytest.param((), {"engine": 60.0}, 560.0, id="what takes longer has no rest"),
        pytest.param(
            ("engine", "packages"), {"kubernetes": 100.0, "etcd": 10.0}, 460.0, id="the longest lane is left"
        ),
        pytest.param(("engine",), {"packages": 10.0}, 560.0, id="a lane that has not begun is expected"),
        pytest.param(("engine", "image"), {}, 90.0, id="what was left out is not expected any more"),
        pytest.param(tuple(SECONDS), {}, 0.0, id="nothing is left"),
    ],
)
def test_what_is_left(finished: tuple[str, ...], running: dict[str, float], left: float) -> None:
    assert PLAN.seconds_left(finished, running) == left


def test_nobody_knows_how_long_an_unmeasured_step_takes() -> None:
    assert StepPlan.of("a", "b").total_seconds() == 0
