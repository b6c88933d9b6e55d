"""From what each test did to what each requirement is worth, to one result and one exit status. Knows nothing of pytest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from headless_conformance.requirements.register import Level, Requirement


class Outcome(StrEnum):
    """What became of a test or a requirement; the last two are of requirements only."""

    PASSED = "passed"
    FAILED = "failed"
    """The cluster broke a promise: an assertion of the test itself did not hold."""
    ERROR = "error"
    """We could not tell: any other exception, or anything that went wrong in set-up or tear-down."""
    NOT_SUPPORTED = "not supported"
    SKIPPED = "skipped"
    """By the user: deselected, or behind an option."""
    PARTLY = "partly verified"
    """Some tests passed, the others did not run."""
    EXCUSED = "excused"
    """The register says why no test can verify it."""


class Result(StrEnum):
    """The run in one word."""

    SUCCESS = "success"
    PARTIAL = "partial"
    FAILURE = "failure"


FAILING = (Outcome.FAILED, Outcome.ERROR)
STATUS_FAILED = 1
STATUS_ERROR = 2
STATUS_PARTIAL = 3


@dataclass(frozen=True)
class CaseResult:
    """One test that was executed or left out; `requirement` is empty where a test stands for no requirement of a register."""

    nodeid: str
    requirement: str
    outcome: Outcome
    reason: str = ""
    """First line of the message of a failure, or why it did not run."""
    seconds: float = 0.0
    measures: tuple[tuple[str, float], ...] = ()
    """Numbers that the test recorded, in the order in which it did."""


@dataclass(frozen=True)
class Verdict:
    """One requirement with what its tests showed."""

    requirement: Requirement
    outcome: Outcome
    reason: str
    tests: tuple[CaseResult, ...] = field(default=())

    @property
    def seconds(self) -> float:
        return sum(case.seconds for case in self.tests)


def _one(outcomes: Sequence[Outcome]) -> Outcome:
    for failure in FAILING:
        if failure in outcomes:
            return failure
    if not outcomes:
        return Outcome.SKIPPED
    if len(set(outcomes)) == 1:
        return outcomes[0]
    return Outcome.PARTLY if Outcome.PASSED in outcomes else Outcome.NOT_SUPPORTED


def judge(requirement: Requirement, tests: Iterable[CaseResult]) -> Verdict:
    """A requirement passed only if all its tests did; a failed test outweighs a broken one, and either outweighs the rest."""
    own = tuple(tests)
    outcome = _one([case.outcome for case in own])
    if not own:
        return Verdict(
            requirement, Outcome.EXCUSED if requirement.excuse else outcome, requirement.excuse or "no spec of it was selected"
        )
    telling = next((case for case in own if case.outcome is outcome), None) or next(
        (case for case in own if case.outcome is not Outcome.PASSED), own[0]
    )
    return Verdict(requirement, outcome, telling.reason, own)


def judge_all(requirements: Mapping[str, Requirement], tests: Sequence[CaseResult]) -> list[Verdict]:
    """Every requirement of the register, in its order."""
    return [
        judge(requirement, (case for case in tests if case.requirement == requirement.id))
        for requirement in requirements.values()
    ]


def result_of(verdicts: Sequence[Verdict], unassigned: Sequence[CaseResult] = ()) -> Result:
    """`failure` with a failure MUST or nothing executed, `partial` when a MUST was not verified in full, else `success`.

    A test without a requirement weighs as a MUST when it is red and nothing when it is not.
    """
    if _failures(verdicts, unassigned) or not _anything_executed(verdicts, unassigned):
        return Result.FAILURE
    musts = {verdict.outcome for verdict in verdicts if verdict.requirement.level is Level.MUST}
    return Result.SUCCESS if musts <= {Outcome.PASSED, Outcome.EXCUSED} else Result.PARTIAL


def _failures(verdicts: Sequence[Verdict], unassigned: Sequence[CaseResult]) -> set[Outcome]:
    musts = {verdict.outcome for verdict in verdicts if verdict.requirement.level is Level.MUST}
    return (musts | {case.outcome for case in unassigned}) & set(FAILING)


def _anything_executed(verdicts: Sequence[Verdict], unassigned: Sequence[CaseResult]) -> bool:
    tests = [*(case for verdict in verdicts for case in verdict.tests), *unassigned]
    return any(case.outcome in (Outcome.PASSED, *FAILING) for case in tests)


def status_of(verdicts: Sequence[Verdict], unassigned: Sequence[CaseResult], *, strict: bool) -> int:
    """The exit status: 1 a MUST failed, 2 a MUST is broken or nothing was executed, 3 partial where strict, else 0."""
    if Outcome.FAILED in _failures(verdicts, unassigned):
        return STATUS_FAILED
    result = result_of(verdicts, unassigned)
    if result is Result.FAILURE:
        return STATUS_ERROR
    return STATUS_PARTIAL if strict and result is Result.PARTIAL else 0
