"""Asking from inside a Pod, and asking again what differs: a cache on its node may keep an old answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from headless_conformance.audit.dialogue import (
    AUDIT_LOOK_SECONDS,
    BOUND_SECONDS,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    SETTLE_SECONDS,
)
from headless_conformance.audit.errors import InspectionError
from headless_conformance.audit.inside import (
    LIBRARY,
    InsideDifference,
    Way,
    is_demanded,
    judge_output,
    says_nothing,
    shared_questions,
)
from headless_conformance.audit.inside_pod import InsidePod
from headless_conformance.audit.plan import Plan
from headless_conformance.audit.targets import AuditTarget
from headless_conformance.records import Question


@dataclass
class InsideDialogue:
    """One Pod, and what it said so far."""

    pod: InsidePod
    targets: Sequence[AuditTarget]
    pause: Callable[[float], None] = time.sleep
    questions: list[Question] = field(default_factory=list)
    outputs: dict[tuple[Question, Way], str] = field(default_factory=dict)
    """What the tools printed last."""
    differences: list[InsideDifference] = field(default_factory=list)
    waited: bool = True
    """Whether what differs was asked for as long as an old answer may be kept."""
    seconds_left: float = 0.0
    """Until when an old answer may still be kept, where that was not waited for."""

    def run(self, plan: Plan, look_again: Callable[[], Plan], until: float) -> Plan:
        """Ask until everything is right, or an old answer would have been forgotten; the plan that was judged
        last. Raises InspectionError."""
        self.questions = shared_questions(plan, self.targets)
        if not self.questions:
            raise InspectionError("there is no name that exists to ask for")
        self._ask([(self.questions[0], way) for way in self.pod.ways], plan, until)
        begun, interval = time.monotonic(), FIRST_PAUSE
        self._ask(self._rest(), plan, until)
        while self.differences:
            left = begun + self._patience() - time.monotonic()
            if left <= 0:
                return plan
            if time.monotonic() + interval + AUDIT_LOOK_SECONDS > until:
                self.waited, self.seconds_left = False, self._kept(left)
                return plan
            self.pause(interval)
            interval = min(interval * 1.5, LONGEST_PAUSE)
            plan = look_again()
            self.questions = [found for found in self.questions if is_demanded(plan.zone, found)]
            self._ask([(found.question, found.way) for found in self._judge(plan)], plan, until)
            self._ask(self._rest(), plan, until)
        return plan

    @property
    def notes(self) -> list[str]:
        """What was asked with, and who was not asked."""
        tools, where = " and ".join(self.pod.tools), f"{self.pod.namespace}/{self.pod.name}"
        told = [f"asked from Pod {where} with {tools}: {len(self.outputs)} questions"]
        if self.pod.others:
            told.append(f"not asked, since Pod {where} has them from elsewhere: {', '.join(self.pod.others)}")
        return told

    @property
    def silent_ways(self) -> tuple[Way, ...]:
        """Those over which nothing ever came. The C library prints as little for a name that is denied: its
        silence is one where it has nobody to ask."""
        quiet = [way for way in self.pod.ways if self._is_quiet(way)]
        udp = [way for way in self.pod.ways if way != LIBRARY]
        alone = not udp or any(way not in quiet for way in udp)
        return tuple(way for way in quiet if way != LIBRARY or not alone)

    def _is_quiet(self, way: Way) -> bool:
        told = [text for (_, over), text in self.outputs.items() if over == way]
        return bool(told) and all(says_nothing(way, text) for text in told)

    def is_looked_at(self, plan: Plan, target: AuditTarget) -> bool:
        """Whether something of a target was asked in every way."""
        asked = [(question, way) for question, way in self.outputs if question in self.questions]
        ways = {way for question, way in asked if target in _owners(plan, question)}
        return ways == set(self.pod.ways)

    def _rest(self) -> list[tuple[Question, Way]]:
        """What was not asked yet, in each way that leads to anybody."""
        ways = [way for way in self.pod.ways if way not in self.silent_ways]
        asked = self.outputs
        return [(found, way) for found in self.questions for way in ways if (found, way) not in asked]

    def _ask(self, asked: Sequence[tuple[Question, Way]], plan: Plan, until: float) -> None:
        self.outputs |= self.pod.ask(asked, until)
        self.differences = list(self._judge(plan))

    def _judge(self, plan: Plan) -> Iterable[InsideDifference]:
        for (question, way), text in self.outputs.items():
            if question in self.questions:
                yield from judge_output(plan.zone, question, way, text)

    def _patience(self) -> float:
        """Seconds from the first answers on: silence is no old answer."""
        silent = self.silent_ways
        quiet = all(one.is_silence or one.way in silent for one in self.differences)
        return SETTLE_SECONDS if quiet else BOUND_SECONDS

    def _kept(self, left: float) -> float:
        told = [found.ttl for found in self.differences if found.ttl is not None]
        return min(left, max(told)) if len(told) == len(self.differences) else left


def _owners(plan: Plan, question: Question) -> set[AuditTarget]:
    return {target for target, _ in plan.owners(question)}
