"""What a run is going to do, step by step, and how long that takes as far as anybody knows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby


@dataclass(frozen=True)
class Step:
    """One step. Steps with a lane that follow each other go on at once, those of one lane in order."""

    title: str
    lane: str = ""


@dataclass(frozen=True)
class StepPlan:
    """All steps of a run in order, and the seconds that each is expected to take."""

    steps: tuple[Step, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, *titles: str) -> StepPlan:
        """Steps one after the other, of which nobody knows how long they take."""
        return cls(tuple(Step(title) for title in titles))

    def position(self, title: str) -> int | None:
        """The number of a step, from 1; None for what is not planned."""
        return next((number for number, step in enumerate(self.steps, 1) if step.title == title), None)

    def total_seconds(self) -> float:
        """How long everything takes."""
        return self.seconds_left((), {})

    def seconds_left(self, finished: Collection[str], running: Mapping[str, float]) -> float:
        """How long what is left takes, by the titles of what is done and the seconds that the rest has been
        running.

        What comes before a step that has begun, and was left out, is not expected any more.
        """
        groups = [list(steps) for _, steps in groupby(self.steps, key=lambda step: bool(step.lane))]
        in_turn: list[list[Step]] = []
        for group in groups:
            in_turn += [group] if group[0].lane else [[step] for step in group]
        begun = [
            number
            for number, group in enumerate(in_turn)
            if any(step.title in running or step.title in finished for step in group)
        ]
        last = max(begun, default=0)
        left = 0.0
        for number, group in enumerate(in_turn):
            ended = {step.title for step in group if step.title not in running} if number < last else finished
            left += _longest_lane(group, {**self._left_of(group, ended, running)})
        return left

    def _left_of(
        self, group: Iterable[Step], finished: Collection[str], running: Mapping[str, float]
    ) -> Mapping[str, float]:
        return {
            step.title: 0.0
            if step.title in finished
            else max(self.seconds.get(step.title, 0.0) - running.get(step.title, 0.0), 0.0)
            for step in group
        }


def _longest_lane(group: Iterable[Step], left: Mapping[str, float]) -> float:
    lanes: dict[str, float] = {}
    for step in group:
        lanes[step.lane] = lanes.get(step.lane, 0.0) + left[step.title]
    return max(lanes.values(), default=0.0)
