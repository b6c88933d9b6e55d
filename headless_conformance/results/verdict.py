"""From what each test did to what each requirement is worth, to one result and one exit status. Knows nothing
of pytest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from headless_conformance.core.levels import Level
from headless_conformance.requirements.documents import Documents
from headless_conformance.requirements.model import Requirement


class Outcome(StrEnum):
    """What became of a test or a requirement. Only the first one counts as passed."""

    PASSED = "passed"
    FAILED = "failed"
    """The cluster broke a promise: an assertion of the test itself did not hold."""
    ERROR = "error"
    """We could not tell: any other exception, or anything that went wrong in set-up or tear-down."""
    KNOWN_DEVIATION = "known_deviation"
    """The cluster broke a promise in a way that the register lists for its version."""
    NOT_JUDGED = "not_judged"
    """Nothing can be said: the register calls it untestable, or what was looked at is on its way to another
    state."""
    NOT_SUPPORTED = "not_supported"
    """The cluster, its version or this account lacks what is needed to look."""
    SKIPPED = "skipped"
    """By the person: deselected, or behind an option; or the run ended before it."""

    @property
    def words(self) -> str:
        """For people: `not supported`."""
        return self.value.replace("_", " ")


WORST_FIRST = (
    Outcome.FAILED,
    Outcome.ERROR,
    Outcome.KNOWN_DEVIATION,
    Outcome.NOT_JUDGED,
    Outcome.NOT_SUPPORTED,
    Outcome.SKIPPED,
    Outcome.PASSED,
)
FAILING = (Outcome.FAILED, Outcome.ERROR)
STATUS_FAILED = 1
STATUS_ERROR = 2
STATUS_PARTIAL = 3


class Result(StrEnum):
    """The run in one word."""

    SUCCESS = "success"
    PARTIAL = "partial"
    FAILURE = "failure"


@dataclass(frozen=True)
class CaseResult:
    """One test that was executed or left out; it may stand for several requirements, or for none."""

    nodeid: str
    requirements: tuple[str, ...]
    outcome: Outcome
    reason: str = ""
    """First line of the message of a failure, or why it did not run."""
    message: str = ""
    """The whole message."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """What `Observation.fields` has of a Mismatch; empty for anything else."""
    seconds: float = 0.0
    phase_seconds: float = 0.0
    """Of the phase that decided: the servers of a whole run may start in one test's set-up."""
    measures: tuple[tuple[str, float], ...] = ()
    """Numbers that the test recorded, in the order in which it did."""

    @property
    def function(self) -> str:
        """Name of the test function, without its parameters and xdist's group."""
        return self.nodeid.rpartition("::")[2].partition("[")[0].partition("@")[0]


@dataclass(frozen=True)
class Verdict:
    """One requirement with what its tests showed; their outcomes are those that count for it."""

    requirement: Requirement
    outcome: Outcome
    reason: str
    tests: tuple[CaseResult, ...] = ()

    @property
    def seconds(self) -> float:
        return sum(case.seconds for case in self.tests)

    @property
    def tests_passed(self) -> int:
        return sum(case.outcome is Outcome.PASSED for case in self.tests)

    @property
    def is_untestable(self) -> bool:
        """Whether the register says why there is no test, and there is none."""
        return not self.tests and self.requirement.untestable is not None


def _counted_for(requirement: Requirement, case: CaseResult, kubernetes: str) -> CaseResult:
    """A test as it counts for one of its requirements, which may hold for other versions than another one
    does."""
    if case.outcome is Outcome.SKIPPED:
        return case
    if reason := requirement.out_of_range(".".join(kubernetes.split(".")[:2])):
        return replace(case, outcome=Outcome.NOT_SUPPORTED, reason=reason)
    if case.outcome is Outcome.FAILED and (known := requirement.deviation(kubernetes, case.function)):
        return replace(
            case, outcome=Outcome.KNOWN_DEVIATION, reason=f"{known.reason} ({known.thread}): {case.reason}"
        )
    return case


def judge_requirement(requirement: Requirement, tests: Iterable[CaseResult], kubernetes: str) -> Verdict:
    """A requirement passed only if all its tests did; else it is worth what the worst of them is.

    `kubernetes` is the version that was looked at, such as `1.37.0`.
    """
    own = tuple(_counted_for(requirement, case, kubernetes) for case in tests)
    if not own:
        if requirement.untestable:
            return Verdict(requirement, Outcome.NOT_JUDGED, requirement.untestable)
        return Verdict(requirement, Outcome.SKIPPED, "no test of it was selected")
    outcome = min((case.outcome for case in own), key=WORST_FIRST.index)
    verdict = Verdict(requirement, outcome, next(case.reason for case in own if case.outcome is outcome), own)
    if not verdict.tests_passed or outcome in (Outcome.PASSED, *FAILING):
        return verdict
    return replace(
        verdict, reason=f"{verdict.reason} ({verdict.tests_passed} of its {len(own)} tests passed)"
    )


def cases_by_requirement(documents: Documents, tests: Sequence[CaseResult]) -> Mapping[str, list[CaseResult]]:
    """The tests that count for each requirement: those that name it or one that `same_as` joins to it."""
    by_requirement: dict[str, list[CaseResult]] = {}
    for case in tests:
        for name in dict.fromkeys(
            same for named in case.requirements for same in documents.equivalents(named)
        ):
            by_requirement.setdefault(name, []).append(case)
    return by_requirement


def judge_requirements(
    documents: Documents, requirements: Iterable[Requirement], tests: Sequence[CaseResult], kubernetes: str
) -> list[Verdict]:
    """A verdict on each requirement from tests that have all ended."""
    cases = cases_by_requirement(documents, tests)
    return [judge_requirement(found, cases.get(found.id, ()), kubernetes) for found in requirements]


def result_of_run(verdicts: Sequence[Verdict], unassigned: Sequence[CaseResult] = ()) -> Result:
    """`failure` with a failing MUST or nothing executed, `partial` when a MUST was not verified in full, else
    `success`.

    A test without a requirement weighs as a MUST when it is failing and nothing when it is not. A MUST that
    the register calls untestable makes no run partial.
    """
    if _failures(verdicts, unassigned) or not _anything_executed(verdicts, unassigned):
        return Result.FAILURE
    musts = [
        verdict
        for verdict in verdicts
        if verdict.requirement.level is Level.MUST and not verdict.is_untestable
    ]
    return Result.SUCCESS if all(verdict.outcome is Outcome.PASSED for verdict in musts) else Result.PARTIAL


def _failures(verdicts: Sequence[Verdict], unassigned: Sequence[CaseResult]) -> set[Outcome]:
    musts = {verdict.outcome for verdict in verdicts if verdict.requirement.level is Level.MUST}
    return (musts | {case.outcome for case in unassigned}) & set(FAILING)


def _anything_executed(verdicts: Sequence[Verdict], unassigned: Sequence[CaseResult]) -> bool:
    tests = [*(case for verdict in verdicts for case in verdict.tests), *unassigned]
    return any(case.outcome in (Outcome.PASSED, Outcome.KNOWN_DEVIATION, *FAILING) for case in tests)


def exit_status_of_run(verdicts: Sequence[Verdict], unassigned: Sequence[CaseResult], *, strict: bool) -> int:
    """The exit status: 1 a MUST failed, 2 a MUST could not be told or nothing was executed, 3 partial where
    strict, else 0."""
    if Outcome.FAILED in _failures(verdicts, unassigned):
        return STATUS_FAILED
    result = result_of_run(verdicts, unassigned)
    if result is Result.FAILURE:
        return STATUS_ERROR
    return STATUS_PARTIAL if strict and result is Result.PARTIAL else 0
