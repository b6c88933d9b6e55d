"""What a run under a scenario shows: which requirements failed, and whether they had to, for that reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from headless_conformance.faults.expectation import ErrorExpectation, FailureExpectation
from headless_conformance.faults.model import Fault, Scenario
from headless_conformance.faults.run_record import AuditRecord, Failure, RequirementRecord, RunRecord
from headless_conformance.requirements.documents import Documents
from headless_conformance.results.verdict import Outcome


class Effect(StrEnum):
    """What a scenario did to one requirement."""

    DETECTED = "detected"
    """It had to fail, and did for the right reason."""
    MISSED = "missed"
    """It had to fail and did not, or for another reason, or not in time."""
    UNEXPECTED = "unexpected failure"
    NOT_APPLICABLE = "not applicable"
    """It would have to fail, but cannot be verified on this provider."""
    UNKNOWN = "unknown"
    """The fault's file says that it cannot be judged, and its tests end with an error that the file names."""
    NONE = "none"
    """It did not have to fail and did not."""


@dataclass(frozen=True)
class RequirementEffect:
    """What a scenario did to one requirement, and the failure that tells most, if a test of it failed."""

    requirement: str
    effect: Effect
    failure: Failure | None = None
    detail: str = ""
    """Why a requirement is missed."""


@dataclass(frozen=True)
class ScenarioRun:
    """One run of the suite under a fault or a variation."""

    scenario: Scenario
    provider: str
    effects: tuple[RequirementEffect, ...]
    seconds: float
    problem: str = ""
    """Why the run itself is worth nothing; empty when it is."""
    audit_seconds: float = 0.0
    """What of its seconds audits took that its fault asks for."""

    @property
    def suite_seconds(self) -> float:
        """What its part of the suite took, with the cluster."""
        return self.seconds - self.audit_seconds

    def having(self, *effects: Effect) -> list[RequirementEffect]:
        """The requirements on which it had one of these effects."""
        return [one for one in self.effects if one.effect in effects]

    @property
    def as_expected(self) -> bool:
        """Whether exactly what had to fail did."""
        return not self.problem and not self.having(Effect.MISSED, Effect.UNEXPECTED)


def evaluate(scenario: Scenario, provider: str, record: RunRecord, seconds: float) -> ScenarioRun:
    """Compare the record of a run that took `seconds` with what the scenario's file says."""
    expected = scenario.expected_failures(provider)
    excused = scenario.others_unknown if isinstance(scenario, Fault) else ()
    unknown = ", ".join(sorted(set(expected) - set(record.requirements)))
    problem = "; ".join(f"{where}: {what}" for where, what in record.aborted.items())
    if unknown:
        problem = f"no register has {unknown}; correct {scenario.path.name}"
    problem = problem or _audit_problem(scenario, record.audits)
    effects = tuple(
        _effect(requirement, _expected_of(requirement, row, expected), excused, row)
        for requirement, row in record.requirements.items()
    )
    return ScenarioRun(scenario, provider, effects, seconds, problem, record.audit_seconds)


def _expected_of(
    requirement: str, row: RequirementRecord, expected: Mapping[str, FailureExpectation]
) -> FailureExpectation | None:
    """What is expected of the requirement, or of one that promises the same."""
    return next((expected[one] for one in (requirement, *row.equivalents) if one in expected), None)


def _audit_problem(scenario: Scenario, records: Sequence[AuditRecord]) -> str:
    """Why no audit found what the fault's file says; empty when one did, or nothing is said there."""
    if not isinstance(scenario, Fault) or scenario.also is None:
        return ""
    wanted = scenario.also.audit
    if not records:
        return f"no test used the fixture {wanted.of}, so that nothing was audited"
    if any(wanted.describe(record) for record in records):
        return ""
    said = [
        *(
            f"{one.component}, {one.check} {one.kind} {dict(one.facts)}: {one.summary}"
            for record in records
            for one in record.findings
        ),
        *(f"note {note.kind} of {note.of}" for record in records for note in record.notes),
        *(record.problem for record in records if record.problem),
    ]
    ended = ", ".join(str(record.exit_status) for record in records)
    return f"audit did not {wanted}; it ended with {ended} and said {'; '.join(said) or 'nothing'}"


def _effect(
    requirement: str,
    expected: FailureExpectation | None,
    excused: Sequence[ErrorExpectation],
    row: RequirementRecord,
) -> RequirementEffect:
    first = row.failures[0] if row.failures else None
    if expected is None:
        if not row.failures:
            return RequirementEffect(requirement, Effect.NONE)
        all_excused = all(any(_is_excused(failure, error) for error in excused) for failure in row.failures)
        return RequirementEffect(requirement, Effect.UNKNOWN if all_excused else Effect.UNEXPECTED, first)
    if row.outcome in (Outcome.NOT_SUPPORTED, Outcome.SKIPPED) and not row.passed:
        return RequirementEffect(requirement, Effect.NOT_APPLICABLE)
    if row.outcome is not Outcome.FAILED:
        return RequirementEffect(requirement, Effect.MISSED, first, f"its outcome is {row.outcome}")
    failed = [failure for failure in row.failures if failure.outcome is Outcome.FAILED]
    telling = next((failure for failure in failed if _is_expected(failure, expected)), None)
    if telling is None:
        wanted = ", ".join(
            f"{name} {value!r}" for name, value in expected.model_dump(exclude_unset=True).items()
        )
        return RequirementEffect(requirement, Effect.MISSED, failed[0], f"no failure has {wanted}")
    slow = next((failure for failure in failed if failure.seconds > expected.within), None)
    if slow:
        detail = f"it failed after {slow.seconds:.0f} s, more than {expected.within:.0f} s"
        return RequirementEffect(requirement, Effect.MISSED, slow, detail)
    return RequirementEffect(requirement, Effect.DETECTED, telling)


def _is_expected(failure: Failure, expected: FailureExpectation) -> bool:
    return bool(failure.mismatch) and expected.describe({**failure.mismatch, "test": failure.test})


def _is_excused(failure: Failure, expected: ErrorExpectation) -> bool:
    """Only an error says that nothing could be judged; a failure is a judgement."""
    same = (
        failure.outcome is Outcome.ERROR
        and failure.error == expected.error
        and failure.status == expected.status
    )
    return same and expected.describe(failure.mismatch)


def requirements_without_fault(documents: Documents, faults: Sequence[Fault]) -> list[str]:
    """Requirements that can be tested and that no fault lists, nor one that promises the same."""
    listed = {one for fault in faults for name in fault.requirements for one in documents.equivalents(name)}
    return [name for name, one in documents.requirements.items() if name not in listed and not one.untestable]
