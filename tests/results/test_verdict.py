"""What tests make of a requirement, requirements of a run, and the words about it."""

from __future__ import annotations

import pytest

from headless_conformance.requirements.model import Requirement
from headless_conformance.results.report_file import spread
from headless_conformance.results.summary import (
    count_table,
    failure_lines,
    not_in_full_line,
    unverified_lines,
)
from headless_conformance.results.verdict import (
    CaseResult,
    Outcome,
    Result,
    Verdict,
    exit_status_of_run,
    judge_requirement,
    judge_requirements,
    result_of_run,
)
from tests.miniature import register_of, requirement_row
from tests.results.reports import TWO, documents_from

MUST = Requirement(**requirement_row("ONE-A-01", "a"))
SHOULD = Requirement.model_validate(requirement_row("ONE-A-02", "a", "SHOULD"), strict=False)
ONE = documents_from(
    register_of("one", "ONE", [requirement_row("ONE-A-01", "a"), requirement_row("ONE-A-02", "a", "SHOULD")])
)
DEVIATION = {
    "versions": ["1.37"],
    "reason": "dead addresses stay",
    "thread": "https://example.org/1",
    "tests": ["test_a"],
}

PASSED, FAILED, ERROR = Outcome.PASSED, Outcome.FAILED, Outcome.ERROR
UNSUPPORTED, SKIPPED = Outcome.NOT_SUPPORTED, Outcome.SKIPPED
UNJUDGED, KNOWN = Outcome.NOT_JUDGED, Outcome.KNOWN_DEVIATION


def _case(outcome: Outcome, *names: str, test: str = "test") -> CaseResult:
    return CaseResult(f"t.py::{test}", names, outcome, f"why {outcome}", seconds=0.5)


def _tests(*outcomes: Outcome, requirement: Requirement = MUST) -> list[CaseResult]:
    return [_case(outcome, requirement.id, test=f"test[{n}]") for n, outcome in enumerate(outcomes)]


def _judged(*outcomes: Outcome, requirement: Requirement = MUST) -> Verdict:
    return judge_requirement(requirement, _tests(*outcomes, requirement=requirement), "1.37.0")


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ((PASSED, PASSED), PASSED),
        ((PASSED, UNSUPPORTED, KNOWN, ERROR, FAILED), FAILED),
        ((PASSED, UNSUPPORTED, KNOWN, ERROR), ERROR),
        ((PASSED, UNSUPPORTED, UNJUDGED, KNOWN), KNOWN),
        ((PASSED, UNSUPPORTED, UNJUDGED), UNJUDGED),
        ((PASSED, UNSUPPORTED), UNSUPPORTED),
        ((PASSED, SKIPPED), SKIPPED),
        ((UNSUPPORTED, UNSUPPORTED), UNSUPPORTED),
        ((UNSUPPORTED, SKIPPED), UNSUPPORTED),
        ((SKIPPED, SKIPPED), SKIPPED),
        ((), SKIPPED),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, tuple) else str(value),
)
def test_a_requirement_is_worth_what_its_worst_test_is(
    outcomes: tuple[Outcome, ...], expected: Outcome
) -> None:
    assert _judged(*outcomes).outcome is expected


def test_the_reason_is_that_of_a_test_that_decided() -> None:
    assert _judged(PASSED, ERROR, FAILED).reason == "why failed"
    assert _judged(UNSUPPORTED).reason == "why not_supported"


def test_what_was_verified_in_part_says_how_many_tests_passed() -> None:
    verdict = _judged(PASSED, PASSED, UNSUPPORTED)
    assert verdict.reason == "why not_supported (2 of its 3 tests passed)"
    assert not_in_full_line([verdict, _judged(PASSED), _judged(PASSED, FAILED)]) == [
        "verified in part: 1 requirements, 2 of whose 3 tests passed"
    ]
    assert not_in_full_line([_judged(UNSUPPORTED)]) == []


def test_an_untestable_requirement_is_not_judged_unless_it_has_a_test() -> None:
    untestable = Requirement(**requirement_row("ONE-A-01", "a", untestable="nobody can see it"))
    assert judge_requirement(untestable, [], "1.37.0").outcome is UNJUDGED
    assert _judged(FAILED, requirement=untestable).outcome is FAILED


def test_a_test_counts_for_each_of_its_requirements_and_for_what_says_the_same() -> None:
    tests = [_case(PASSED, "ONE-A-01", "ONE-B-01"), _case(FAILED, "ONE-B-01")]
    verdicts = judge_requirements(TWO, TWO.requirements.values(), tests, "1.37.0")
    outcomes = {verdict.requirement.id: verdict.outcome for verdict in verdicts if verdict.tests}
    assert outcomes == {"ONE-A-01": PASSED, "ONE-B-01": FAILED, "TWO-A-01": PASSED}


def test_a_version_counts_for_each_requirement_apart() -> None:
    documents = documents_from(
        register_of(
            "one", "ONE", [requirement_row("ONE-A-01", "a"), requirement_row("ONE-A-02", "a", since="1.38")]
        )
    )
    case = _case(FAILED, "ONE-A-01", "ONE-A-02")
    first, second = judge_requirements(documents, documents.requirements.values(), [case], "1.37.0")
    assert first.outcome is FAILED
    assert second.outcome is UNSUPPORTED
    assert second.reason == "it holds since Kubernetes 1.38, this is 1.37"


@pytest.mark.parametrize(
    ("kubernetes", "test", "outcome", "expected"),
    [
        ("1.37.0", "test_a[x]", FAILED, KNOWN),
        ("1.37.0", "test_b", FAILED, FAILED),
        ("1.36.4", "test_a", FAILED, FAILED),
        ("1.37.0", "test_a", ERROR, ERROR),
        ("1.37.0", "test_a", PASSED, PASSED),
    ],
)
def test_only_the_known_failure_is_a_known_deviation(
    kubernetes: str, test: str, outcome: Outcome, expected: Outcome
) -> None:
    row = requirement_row("ONE-A-01", "a", known_deviations=[DEVIATION])
    requirement = Requirement.model_validate(row, strict=False)
    verdict = judge_requirement(requirement, [_case(outcome, "ONE-A-01", test=test)], kubernetes)
    assert verdict.outcome is expected
    if expected is KNOWN:
        assert verdict.reason == "dead addresses stay (https://example.org/1): why failed"


@pytest.mark.parametrize(
    ("must", "should", "unassigned", "result", "status", "strict_status"),
    [
        (PASSED, PASSED, None, Result.SUCCESS, 0, 0),
        (PASSED, FAILED, None, Result.SUCCESS, 0, 0),
        (PASSED, ERROR, None, Result.SUCCESS, 0, 0),
        (PASSED, UNSUPPORTED, None, Result.SUCCESS, 0, 0),
        (UNSUPPORTED, PASSED, None, Result.PARTIAL, 0, 3),
        (UNJUDGED, PASSED, None, Result.PARTIAL, 0, 3),
        (KNOWN, PASSED, None, Result.PARTIAL, 0, 3),
        (KNOWN, KNOWN, None, Result.PARTIAL, 0, 3),
        (SKIPPED, PASSED, None, Result.PARTIAL, 0, 3),
        (FAILED, ERROR, None, Result.FAILURE, 1, 1),
        (ERROR, FAILED, None, Result.FAILURE, 2, 2),
        (UNSUPPORTED, SKIPPED, None, Result.FAILURE, 2, 2),
        (UNJUDGED, UNJUDGED, None, Result.FAILURE, 2, 2),
        (PASSED, PASSED, FAILED, Result.FAILURE, 1, 1),
        (PASSED, PASSED, ERROR, Result.FAILURE, 2, 2),
        (PASSED, PASSED, SKIPPED, Result.SUCCESS, 0, 0),
    ],
)
def test_result_and_status(
    must: Outcome,
    should: Outcome,
    unassigned: Outcome | None,
    result: Result,
    status: int,
    strict_status: int,
) -> None:
    verdicts = [_judged(must), _judged(should, requirement=SHOULD)]
    others = [CaseResult("suites/scale/test_many.py::test_many", (), unassigned)] if unassigned else []
    assert result_of_run(verdicts, others) is result
    assert exit_status_of_run(verdicts, others, strict=False) == status
    assert exit_status_of_run(verdicts, others, strict=True) == strict_status


def test_an_untestable_must_makes_no_run_partial() -> None:
    untestable = Requirement(**requirement_row("ONE-A-01", "a", untestable="nobody can see it"))
    assert result_of_run([judge_requirement(untestable, [], "1.37.0"), _judged(PASSED)]) is Result.SUCCESS


def test_the_table_shows_documents_and_columns_that_have_something() -> None:
    table = count_table(ONE, [_judged(FAILED), _judged(UNSUPPORTED, requirement=SHOULD)], "en")
    assert [line.split() for line in table] == [
        ["requirements", "passed", "failed", "not", "supported"],
        ["The", "one", "document", "MUST", "0", "1", "0"],
        ["SHOULD", "0", "0", "1"],
        ["MAY", "0", "0", "0"],
    ]
    assert "one 文档" in count_table(ONE, [_judged(FAILED)], "zh")[1]


def test_what_several_requirements_have_in_common_is_told_once() -> None:
    verdicts = [_judged(FAILED), _judged(FAILED, ERROR, requirement=SHOULD)]
    assert [line.strip() for line in failure_lines(verdicts, [], "en")][1:] == [
        "t.py::test[0]",
        "why failed",
        "FAILED  ONE-A-02  SHOULD  ONE-A-02 SHOULD hold.",
        "t.py::test[0]",
        "as for ONE-A-01",
        "t.py::test[1]",
        "why error",
    ]


def test_a_failure_is_shown_with_its_sentence_its_test_and_its_message() -> None:
    verdicts = [_judged(PASSED, FAILED)]
    shown = ["FAILED  ONE-A-01  MUST  ONE-A-01 MUST hold.", "    t.py::test[1]", "    why failed"]
    assert failure_lines(verdicts, [], "en") == shown
    assert "必须成立。" in failure_lines(verdicts, [], "zh")[0]
    assert failure_lines([_judged(KNOWN)], [], "en")[0].startswith("KNOWN DEVIATION  ONE-A-01")


def test_requirements_that_are_not_verified_for_one_reason_share_a_line() -> None:
    verdicts = [_judged(UNSUPPORTED, UNSUPPORTED), _judged(UNSUPPORTED, requirement=SHOULD)]
    assert unverified_lines(verdicts) == ["why not_supported: ONE-A-01, ONE-A-02"]
    assert unverified_lines([_judged(UNJUDGED)]) == ["why not_judged: ONE-A-01"]


def test_a_percentile_is_stated_from_twenty_samples_on() -> None:
    assert spread([3.0, 1.0, 2.0]) == {"samples": 3, "min": 1.0, "median": 2.0, "max": 3.0}
    assert spread([float(n) for n in range(101)])["p95"] == 95.0
