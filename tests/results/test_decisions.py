"""A requirement is decided when the last of its tests has ended, and not before."""

from __future__ import annotations

from pathlib import Path

import pytest

from headless_conformance.requirements.documents import Documents, load_documents
from headless_conformance.results.decisions import Decisions
from headless_conformance.results.verdict import CaseResult, Outcome
from tests.miniature import MINI, register_of, requirement_row, write_register

TESTS = {"a": ("MINI-A-01",), "b": ("MINI-A-01", "MINI-A-02"), "c": ("MINI-B-01",)}


@pytest.fixture
def documents(tmp_path: Path) -> Documents:
    write_register(tmp_path, MINI)
    same = requirement_row("OTHER-A-01", "only", same_as=["MINI-A-02"])
    write_register(tmp_path, register_of("other", "OTHER", [same]))
    return load_documents(tmp_path)


@pytest.fixture
def decisions(documents: Documents) -> Decisions:
    made = Decisions(documents, documents.requirements, "1.37.0")
    assert made.expect(TESTS) == []
    return made


def _case(nodeid: str, outcome: Outcome = Outcome.PASSED) -> CaseResult:
    return CaseResult(nodeid, TESTS[nodeid], outcome, seconds=1.5)


def test_the_last_test_decides(decisions: Decisions) -> None:
    assert decisions.end(_case("a", Outcome.FAILED)) == []
    decided = decisions.end(_case("b"))
    assert [(found.requirement.id, found.outcome, found.seconds) for found in decided] == [
        ("MINI-A-01", Outcome.FAILED, 3.0),
        ("MINI-A-02", Outcome.PASSED, 1.5),
        ("OTHER-A-01", Outcome.PASSED, 1.5),
    ]
    assert decisions.end(_case("b")) == []


def test_what_ended_before_the_tests_were_known_counts(documents: Documents) -> None:
    decisions = Decisions(documents, documents.requirements, "1.37.0")
    assert decisions.end(_case("c")) == []
    assert [found.requirement.id for found in decisions.expect(TESTS)] == ["MINI-B-01"]


def test_only_chosen_requirements_are_told(documents: Documents) -> None:
    decisions = Decisions(documents, {"MINI-B-01": documents.requirement("MINI-B-01")}, "1.37.0")
    decisions.expect(TESTS)
    assert decisions.end(_case("a")) == []
    assert [found.requirement.id for found in decisions.end(_case("c"))] == ["MINI-B-01"]


def test_sections_are_counted_in_their_order_and_language(decisions: Decisions) -> None:
    decisions.end(_case("c", Outcome.ERROR))
    counts = decisions.counts("en")
    assert list(counts) == ["About beginning", "About middle", "About end", "About only"]
    assert counts["About middle"] == {Outcome.ERROR: 1, None: 9}
    # What the register calls untestable is nothing that anybody waits for.
    assert counts["About end"] == {None: 4}
    assert next(iter(decisions.counts("zh"))) == "关于 beginning"


def test_at_the_end_each_verdict_is_made_once(decisions: Decisions, documents: Documents) -> None:
    cases = [_case(nodeid, Outcome.FAILED) for nodeid in TESTS]
    decided = {found.requirement.id: found for case in cases for found in decisions.end(case)}
    concluded = decisions.conclude(documents.requirements.values(), cases)
    by_id = {found.requirement.id: found for found in concluded}
    assert decided.keys() == {"MINI-A-01", "MINI-A-02", "OTHER-A-01", "MINI-B-01"}
    assert all(by_id[name] is found for name, found in decided.items())
    assert by_id.keys() == documents.requirements.keys()


@pytest.mark.parametrize(
    "changed",
    [CaseResult("c", TESTS["c"], Outcome.ERROR), CaseResult("d", ("MINI-B-01",), Outcome.ERROR)],
    ids=["another result of a test", "one more test"],
)
def test_what_came_to_light_afterwards_counts(
    decisions: Decisions, documents: Documents, changed: CaseResult
) -> None:
    (early,) = decisions.end(_case("c"))
    assert early.outcome is Outcome.PASSED
    cases = list({case.nodeid: case for case in (_case("c"), changed)}.values())
    (late,) = decisions.conclude([documents.requirement("MINI-B-01")], cases)
    assert late.outcome is Outcome.ERROR


def test_what_is_left_out_keeps_a_requirement_from_being_passed(documents: Documents) -> None:
    decisions = Decisions(documents, documents.requirements, "1.37.0")
    decisions.leave_out([CaseResult("left", ("MINI-B-01",), Outcome.SKIPPED, "deselected")])
    decisions.expect(TESTS)
    (decided,) = decisions.end(_case("c"))
    assert (decided.outcome, len(decided.tests)) == (Outcome.SKIPPED, 2)
    cases = [*decided.tests]
    assert decisions.conclude([decided.requirement], cases) == [decided]
