"""From what each spec did to what each claim is worth, to one result and one exit status. Knows nothing of pytest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from headless_conformance.requirements.register import Claim, Level


class Outcome(StrEnum):
    """What became of a spec or a claim; the last two are of claims only."""

    PASSED = "passed"
    FAILED = "failed"
    """The cluster broke a promise: an assertion of the spec itself did not hold."""
    BROKEN = "broken"
    """We could not tell: any other exception, or anything that went wrong in set-up or tear-down."""
    NOT_SUPPORTED = "not supported"
    SKIPPED = "skipped"
    """By the user: deselected, or behind an option."""
    PARTLY = "partly verified"
    """Some specs passed, the others did not run."""
    EXCUSED = "excused"
    """The register says why no spec can verify it."""


class Result(StrEnum):
    """The run in one word."""

    SUCCESS = "success"
    PARTIAL = "partial"
    FAILURE = "failure"


RED = (Outcome.FAILED, Outcome.BROKEN)
STATUS_FAILED = 1
STATUS_BROKEN = 2
STATUS_PARTIAL = 3


@dataclass(frozen=True)
class Spec:
    """One spec that was executed or left out; `claim` is empty where a spec stands for no claim of a register."""

    nodeid: str
    claim: str
    outcome: Outcome
    reason: str = ""
    """First line of the message of a red, or why it did not run."""
    seconds: float = 0.0
    measures: tuple[tuple[str, float], ...] = ()
    """Numbers that the spec recorded, in the order in which it did."""


@dataclass(frozen=True)
class Verdict:
    """One claim with what its specs showed."""

    claim: Claim
    outcome: Outcome
    reason: str
    specs: tuple[Spec, ...] = field(default=())

    @property
    def seconds(self) -> float:
        return sum(spec.seconds for spec in self.specs)


def _one(outcomes: Sequence[Outcome]) -> Outcome:
    for red in RED:
        if red in outcomes:
            return red
    if not outcomes:
        return Outcome.SKIPPED
    if len(set(outcomes)) == 1:
        return outcomes[0]
    return Outcome.PARTLY if Outcome.PASSED in outcomes else Outcome.NOT_SUPPORTED


def judge(claim: Claim, specs: Iterable[Spec]) -> Verdict:
    """A claim passed only if all its specs did; a failed spec outweighs a broken one, and either outweighs the rest."""
    own = tuple(specs)
    outcome = _one([spec.outcome for spec in own])
    if not own:
        return Verdict(claim, Outcome.EXCUSED if claim.excuse else outcome, claim.excuse or "no spec of it was selected")
    telling = next((spec for spec in own if spec.outcome is outcome), None) or next(
        (spec for spec in own if spec.outcome is not Outcome.PASSED), own[0]
    )
    return Verdict(claim, outcome, telling.reason, own)


def judge_all(claims: Mapping[str, Claim], specs: Sequence[Spec]) -> list[Verdict]:
    """Every claim of the register, in its order."""
    return [judge(claim, (spec for spec in specs if spec.claim == claim.id)) for claim in claims.values()]


def result_of(verdicts: Sequence[Verdict], unclaimed: Sequence[Spec] = ()) -> Result:
    """`failure` with a red MUST or nothing executed, `partial` when a MUST was not verified in full, else `success`.

    A spec without a claim weighs as a MUST when it is red and nothing when it is not.
    """
    if _reds(verdicts, unclaimed) or not _anything_executed(verdicts, unclaimed):
        return Result.FAILURE
    musts = {verdict.outcome for verdict in verdicts if verdict.claim.level is Level.MUST}
    return Result.SUCCESS if musts <= {Outcome.PASSED, Outcome.EXCUSED} else Result.PARTIAL


def _reds(verdicts: Sequence[Verdict], unclaimed: Sequence[Spec]) -> set[Outcome]:
    musts = {verdict.outcome for verdict in verdicts if verdict.claim.level is Level.MUST}
    return (musts | {spec.outcome for spec in unclaimed}) & set(RED)


def _anything_executed(verdicts: Sequence[Verdict], unclaimed: Sequence[Spec]) -> bool:
    specs = [*(spec for verdict in verdicts for spec in verdict.specs), *unclaimed]
    return any(spec.outcome in (Outcome.PASSED, *RED) for spec in specs)


def status_of(verdicts: Sequence[Verdict], unclaimed: Sequence[Spec], *, strict: bool) -> int:
    """The exit status: 1 a MUST failed, 2 a MUST is broken or nothing was executed, 3 partial where strict, else 0."""
    if Outcome.FAILED in _reds(verdicts, unclaimed):
        return STATUS_FAILED
    result = result_of(verdicts, unclaimed)
    if result is Result.FAILURE:
        return STATUS_BROKEN
    return STATUS_PARTIAL if strict and result is Result.PARTIAL else 0
