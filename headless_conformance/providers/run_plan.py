"""The plan of a whole run, and what a person is told of it before it starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TextIO

from pydantic import TypeAdapter

from headless_conformance.core.plan import Step, StepPlan
from headless_conformance.core.progress import Progress, about
from headless_conformance.core.settings import Settings
from headless_conformance.core.step_seconds import StepSeconds, estimate
from headless_conformance.providers.interface import ClusterProvider
from headless_conformance.providers.registry import provider_named

PLAN_VARIABLE = "HEADLESS_CONFORMANCE_PLAN"
"""What the process that made things ready hands to pytest: the plan, when the run began and what is done."""
REPORT = "clean-up and report"
TESTS = "tests on"
FASTER = "simulated"
"""The provider that has the least to build."""


def cluster_step(provider: ClusterProvider[Any], settings: Settings) -> str:
    """The step in which the cluster comes up."""
    return f"{'kept ' if settings.keep else ''}{provider.name} cluster"


def tests_step(provider: ClusterProvider[Any], settings: Settings) -> str:
    """The step in which the tests run."""
    return f"{TESTS} the {cluster_step(provider, settings)}"


def steps_of_run(provider: ClusterProvider[Any], settings: Settings) -> tuple[Step, ...]:
    """All steps, from nothing to the report."""
    last = (cluster_step(provider, settings), tests_step(provider, settings), REPORT)
    return (*provider.planned_steps(settings), *(Step(title) for title in last))


def preparation(provider: ClusterProvider[Any], settings: Settings) -> Progress:
    """The progress of a command that only makes things ready."""
    return Progress(plan=StepPlan(tuple(provider.planned_steps(settings))))


@dataclass(frozen=True)
class RunPlan:
    """A plan with what it rests on."""

    plan: StepPlan
    known_by: str
    prepares: bool
    """Whether anything has to be built or pulled before the cluster."""
    faster: tuple[str, float] | None = None
    """The provider to take instead, and its seconds."""

    def lines(self) -> list[str]:
        """What the run is going to do, for a person: one line where nothing takes long, else one for each
        step."""
        steps, seconds = self.plan.steps, self.plan.seconds
        head = f"{len(steps)} steps, {about(self.plan.total_seconds())} on this machine ({self.known_by}):"
        if not self.prepares:
            return [f"{head} {', '.join(step.title for step in steps)}."]
        width = max(len(step.title) for step in steps)
        lines = [
            head,
            *(f"    {step.title:<{width}}  {about(seconds.get(step.title, 0.0))}" for step in steps),
        ]
        if any(step.lane for step in steps):
            lines.append("    Some of these go on at the same time.")
        if self.faster:
            name, faster = self.faster
            lines.append(
                f"Faster: PROVIDER={name} takes {about(faster)}; "
                "it has no nodes to build and verifies what needs none."
            )
        return lines


def plan_of_run(provider: ClusterProvider[Any], settings: Settings, share: float = 1.0) -> RunPlan:
    """The plan of a run in which this share of all requirements is chosen."""
    measured = StepSeconds.of_this_machine().measured()
    steps = steps_of_run(provider, settings)
    found = estimate(steps, measured)
    plan = for_share(StepPlan(steps, found.seconds), share)
    prepares = any(step.title.startswith(("build ", "pull ")) for step in steps)
    faster = None
    if prepares and provider.name != FASTER:
        other = steps_of_run(provider_named(FASTER), settings)
        # The machine's speed is known by now, and two seconds are two seconds.
        theirs = StepPlan(other, estimate(other, measured, found.factor).seconds)
        seconds = for_share(theirs, share).total_seconds()
        if seconds < plan.total_seconds():
            faster = (FASTER, seconds)
    return RunPlan(plan, found.known_by, prepares, faster)


def for_share(plan: StepPlan, share: float) -> StepPlan:
    """The plan where the tests take this share of their seconds."""
    seconds = {
        title: taken * share if title.startswith(TESTS) else taken for title, taken in plan.seconds.items()
    }
    return replace(plan, seconds=seconds)


@dataclass(frozen=True)
class _HandedOn:
    plan: StepPlan
    begun: float
    finished: Sequence[str]


def handed_on_plan(progress: Progress) -> str:
    """The value of PLAN_VARIABLE."""
    handed = _HandedOn(progress.plan, progress.begun, sorted(progress.finished))
    return TypeAdapter(_HandedOn).dump_json(handed).decode()


def progress_of_pytest(
    text: str, provider: ClusterProvider[Any], settings: Settings, out: TextIO, workers: int
) -> Progress:
    """The progress of a pytest that was handed `text`, or that nobody prepared anything for; by the times of
    runs with as many workers as the provider takes, it is told how long its steps take."""
    if not text:
        steps = (Step(cluster_step(provider, settings)), Step(tests_step(provider, settings)), Step(REPORT))
        # Nobody waits two seconds for the speed of the machine who has prepared nothing.
        seconds = estimate(steps, StepSeconds.of_this_machine().measured(), factor=1.0).seconds
        plan = StepPlan(steps, seconds)
        return Progress(out=out, plan=for_share(plan, max(provider.pytest_workers / workers, 1.0)))
    handed = TypeAdapter(_HandedOn).validate_json(text)
    return Progress(
        out=out,
        plan=handed.plan,
        begun=handed.begun,
        finished=handed.finished,
        remember=remember_seconds,
    )


def remember_seconds(title: str, seconds: float) -> None:
    """Keep how long a step took for the estimates of later runs; the tests only when all of them ran, which
    the caller knows."""
    if not title.startswith(TESTS):
        StepSeconds.of_this_machine().remember(title, seconds)


def remember_whole_suite(provider: ClusterProvider[Any], settings: Settings, seconds: float) -> None:
    """Keep how long all tests took."""
    StepSeconds.of_this_machine().remember(tests_step(provider, settings), seconds)
