"""Tests of what a run under a fault shows. No cluster."""

from __future__ import annotations

import pytest

from headless_conformance.faults.evaluation import Effect, evaluate, requirements_without_fault
from headless_conformance.faults.expectation import FAILURE_SECONDS
from headless_conformance.faults.model import KIND, SIMULATED
from headless_conformance.faults.run_record import RequirementRecord, RunRecord
from headless_conformance.requirements.documents import Documents
from headless_conformance.requirements.model import Document, Requirement
from headless_conformance.results.verdict import Outcome
from tests.faults.examples import effects, failure, fault, record, run

OTHER = {"subject": "a.example. A", "observed": "SERVFAIL"}


def test_a_failure_for_the_right_reason_is_detected() -> None:
    one = run(fault(), DOC_A_01=record("failed", failure(mismatch=OTHER), failure()))
    assert [found.effect for found in one.effects] == [Effect.DETECTED]
    assert one.as_expected


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (record("passed"), "its outcome is passed"),
        (record("failed", failure(mismatch=OTHER)), "no failure has observed 'NXDOMAIN'"),
        (record("failed", failure(mismatch={}, message="NXDOMAIN")), "no failure has observed"),
        (record("error", failure("error")), "its outcome is error"),
        (record("failed", failure(seconds=FAILURE_SECONDS + 1)), "it failed after"),
    ],
)
def test_anything_else_is_missed(found: RequirementRecord, reason: str) -> None:
    one = run(fault(), DOC_A_01=found)
    assert [found.effect for found in one.effects] == [Effect.MISSED]
    assert reason in one.effects[0].detail
    assert not one.as_expected


def test_an_expectation_may_give_more_time() -> None:
    patient = fault(failures={"DOC-A-01": {"observed": "NXDOMAIN", "within": 65}})
    slow = record("failed", failure(seconds=60.4))
    assert effects(patient, DOC_A_01=slow) == {"DOC-A-01": Effect.DETECTED}
    assert effects(fault(), DOC_A_01=slow) == {"DOC-A-01": Effect.MISSED}


def test_what_cannot_be_verified_here_is_not_applicable() -> None:
    assert effects(fault(), DOC_A_01=record("not_supported")) == {"DOC-A-01": Effect.NOT_APPLICABLE}
    partly = RequirementRecord(outcome=Outcome.NOT_SUPPORTED, passed=1)
    assert effects(fault(), DOC_A_01=partly) == {"DOC-A-01": Effect.MISSED}


@pytest.mark.parametrize("outcome", ["failed", "error"])
def test_any_other_failure_is_unexpected(outcome: str) -> None:
    found = effects(
        fault(),
        DOC_A_01=record("failed", failure()),
        DOC_A_02=record(outcome, failure(outcome)),
        DOC_A_03=record("passed"),
    )
    assert found == {"DOC-A-01": Effect.DETECTED, "DOC-A-02": Effect.UNEXPECTED, "DOC-A-03": Effect.NONE}


def test_where_nothing_else_can_be_judged_the_named_errors_are_unknown_and_all_others_are_not() -> None:
    excusing = fault(
        others_unknown=[
            {"error": "UserError"},
            {"error": "ApiException", "status": 422},
            {"error": "Mismatch", "subject": "b*"},
        ]
    )
    named = [
        failure("error", error="UserError", mismatch={}),
        failure("error", error="ApiException", status=422, mismatch={}),
        failure("error", mismatch={"subject": "b.example. A"}),
    ]
    found = effects(
        excusing,
        DOC_A_01=record("failed", failure()),
        DOC_A_02=record("error", *named),
        DOC_A_03=record("failed", named[0], failure()),
        DOC_A_04=record("error", failure("error", error="ApiException", status=500, mismatch={})),
        DOC_A_05=record("error", failure("error")),
        DOC_A_06=record("failed", failure("failed", error="UserError", mismatch={})),
    )
    assert found == {
        "DOC-A-01": Effect.DETECTED,
        "DOC-A-02": Effect.UNKNOWN,
        "DOC-A-03": Effect.UNEXPECTED,
        "DOC-A-04": Effect.UNEXPECTED,
        "DOC-A-05": Effect.UNEXPECTED,
        "DOC-A-06": Effect.UNEXPECTED,
    }


def test_more_may_fail_on_kind() -> None:
    more = fault(failures_on_kind={"DOC-A-02": {"observed": "x"}})
    assert list(more.expected_failures(SIMULATED)) == ["DOC-A-01"]
    assert list(more.expected_failures(KIND)) == ["DOC-A-01", "DOC-A-02"]


def test_a_run_that_was_aborted_is_worth_nothing() -> None:
    broken = RunRecord(aborted={"suite.py": "SyntaxError"}, requirements={"DOC-A-01": record("passed")})
    one = evaluate(fault(), SIMULATED, broken, 1.0)
    assert "SyntaxError" in one.problem
    assert not one.as_expected


def test_a_requirement_of_no_register_is_named() -> None:
    assert "no register has DOC-A-01" in run(fault(), DOC_A_02=record("passed")).problem


def test_what_promises_the_same_fails_too() -> None:
    twin = RequirementRecord(
        outcome=Outcome.FAILED, equivalents=("DOC-A-01", "DOC-B-01"), failures=(failure(),)
    )
    assert effects(fault(), DOC_A_01=record("failed", failure()), DOC_B_01=twin) == {
        "DOC-A-01": Effect.DETECTED,
        "DOC-B-01": Effect.DETECTED,
    }


def test_requirements_that_no_fault_lists_are_named() -> None:
    first, twin, second, third, untestable = (
        Requirement.model_construct(id=name, same_as=same_as, untestable=reason)
        for name, same_as, reason in (
            ("DOC-A-01", (), None),
            ("DOC-B-01", ("DOC-A-01",), None),
            ("DOC-A-02", (), None),
            ("DOC-A-03", (), None),
            ("DOC-A-04", (), "Nobody can look."),
        )
    )
    documents = Documents(
        (
            Document.model_construct(id="a", requirements=(first, second, third, untestable)),
            Document.model_construct(id="b", requirements=(twin,)),
        )
    )
    listing = fault(failures_on_kind={"DOC-A-02": {"observed": "x"}})
    assert requirements_without_fault(documents, [listing]) == ["DOC-A-03"]
