"""What tests make of a requirement, and requirements of a run."""

from __future__ import annotations

import dataclasses

import pytest

from headless_conformance.requirements.register import Level, Requirement, Section
from headless_conformance.results.report_file import spread
from headless_conformance.results.summary import count_table, failure_lines, unsupported_lines
from headless_conformance.results.verdict import CaseResult, Outcome, Result, judge, result_of, status_of

MUST = Requirement("SEED-NID-01", Section("s", "S", "节"), Level.MUST, "It MUST hold.", "必须成立。")
SHOULD = dataclasses.replace(MUST, id="SEED-NID-07", level=Level.SHOULD, statement="It SHOULD hold.")

PASSED, FAILED, ERROR = Outcome.PASSED, Outcome.FAILED, Outcome.ERROR
UNSUPPORTED, SKIPPED = Outcome.NOT_SUPPORTED, Outcome.SKIPPED


def _specs(*outcomes: Outcome, requirement: Requirement = MUST) -> list[CaseResult]:
    return [CaseResult(f"test[{n}]", requirement.id, outcome, f"why {outcome}", 0.5) for n, outcome in enumerate(outcomes)]


@pytest.mark.parametrize(
    ("outcomes", "claim_outcome"),
    [
        ((PASSED, PASSED), PASSED),
        ((PASSED, UNSUPPORTED, ERROR, FAILED), FAILED),
        ((PASSED, UNSUPPORTED, ERROR), ERROR),
        ((PASSED, UNSUPPORTED), Outcome.PARTLY),
        ((PASSED, SKIPPED), Outcome.PARTLY),
        ((UNSUPPORTED, UNSUPPORTED), UNSUPPORTED),
        ((UNSUPPORTED, SKIPPED), UNSUPPORTED),
        ((SKIPPED, SKIPPED), SKIPPED),
        ((), SKIPPED),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, tuple) else str(value),
)
def test_a_claim_is_worth_what_its_specs_are(outcomes: tuple[Outcome, ...], claim_outcome: Outcome) -> None:
    assert judge(MUST, _specs(*outcomes)).outcome is claim_outcome


def test_the_reason_is_that_of_a_spec_that_decided() -> None:
    assert judge(MUST, _specs(PASSED, ERROR, FAILED)).reason == "why failed"
    assert judge(MUST, _specs(PASSED, UNSUPPORTED)).reason == "why not supported"


def test_an_excuse_counts_only_where_there_is_no_spec() -> None:
    excused = dataclasses.replace(MUST, excuse="nobody can see it")
    assert judge(excused, []).outcome is Outcome.EXCUSED
    assert judge(excused, _specs(FAILED)).outcome is FAILED


@pytest.mark.parametrize(
    ("must", "should", "unclaimed", "result", "status", "strict_status"),
    [
        (PASSED, PASSED, None, Result.SUCCESS, 0, 0),
        (PASSED, FAILED, None, Result.SUCCESS, 0, 0),
        (PASSED, ERROR, None, Result.SUCCESS, 0, 0),
        (PASSED, UNSUPPORTED, None, Result.SUCCESS, 0, 0),
        (UNSUPPORTED, PASSED, None, Result.PARTIAL, 0, 3),
        (SKIPPED, PASSED, None, Result.PARTIAL, 0, 3),
        (FAILED, ERROR, None, Result.FAILURE, 1, 1),
        (ERROR, FAILED, None, Result.FAILURE, 2, 2),
        (UNSUPPORTED, SKIPPED, None, Result.FAILURE, 2, 2),
        (PASSED, PASSED, FAILED, Result.FAILURE, 1, 1),
        (PASSED, PASSED, ERROR, Result.FAILURE, 2, 2),
        (PASSED, PASSED, SKIPPED, Result.SUCCESS, 0, 0),
    ],
)
def test_result_and_status(
    must: Outcome, should: Outcome, unassigned: Outcome | None, result: Result, status: int, strict_status: int
) -> None:
    verdicts = [judge(MUST, _specs(must)), judge(SHOULD, _specs(should, requirement=SHOULD))]
    others = [CaseResult("suites/scale/test_many.py::test_many", "", unassigned, "")] if unassigned else []
    assert result_of(verdicts, others) is result
    assert status_of(verdicts, others, strict=False) == status
    assert status_of(verdicts, others, strict=True) == strict_status


def test_the_table_shows_columns_that_have_something() -> None:
    table = count_table([judge(MUST, _specs(FAILED)), judge(SHOULD, _specs(UNSUPPORTED, requirement=SHOULD))])
    assert table[0].split() == ["requirements", "passed", "failed", "not", "supported"]
    assert table[1].split() == ["MUST", "0", "1", "0"]
    assert table[2].split() == ["SHOULD", "0", "0", "1"]


def test_a_red_is_shown_with_its_sentence_its_spec_and_its_message() -> None:
    verdicts = [judge(MUST, _specs(PASSED, FAILED))]
    assert failure_lines(verdicts, [], "en") == ["FAILED  SEED-NID-01  MUST  It MUST hold.", "    test[1]", "    why failed"]
    assert "必须成立。" in failure_lines(verdicts, [], "zh")[0]


def test_claims_that_are_not_supported_for_one_reason_share_a_line() -> None:
    verdicts = [judge(MUST, _specs(UNSUPPORTED, UNSUPPORTED)), judge(SHOULD, _specs(UNSUPPORTED, requirement=SHOULD))]
    assert unsupported_lines(verdicts) == ["why not supported: SEED-NID-01, SEED-NID-07"]


def test_a_percentile_is_stated_from_twenty_samples_on() -> None:
    assert spread([3.0, 1.0, 2.0]) == {"samples": 3, "min": 1.0, "median": 2.0, "max": 3.0}
    assert spread([float(n) for n in range(101)])["p95"] == 95.0
