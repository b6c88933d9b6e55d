"""A fault may say what the audit must find on the cluster that it breaks."""

from __future__ import annotations

import re

import pytest
from pydantic import ValidationError

from headless_conformance.audit.checks import Check
from headless_conformance.audit.findings import BlamedComponent, FindingKind, NoteKind
from headless_conformance.faults.catalogue import find_faults
from headless_conformance.faults.evaluation import evaluate
from headless_conformance.faults.expectation import matches
from headless_conformance.faults.model import SIMULATED, Fault
from headless_conformance.faults.run_record import AuditedFinding, AuditedNote, AuditRecord, RunRecord
from tests.faults.examples import failure, fault, record

FACTS = {
    "clusterIPs",
    "fields",
    "lacking",
    "missing",
    "often",
    "port",
    "question",
    "seconds",
    "selector",
    "service",
    "similar",
    "slices",
    "surplus",
    "volumes",
}
"""What faults ask for of a finding; more is there."""
SENTENCE = re.compile(r"[a-z]{2,} [a-z]{2,} [a-z]{2,}")
WANTED = {"of": "a_set", "component": "one DNS server", "check": "srv-records"}


def found(component: str, summary: str) -> AuditRecord:
    finding = AuditedFinding(
        component=component,
        check="srv-records",
        kind="wrong-answer",
        facts={"missing": "[a 80]", "surplus": "[]"},
        summary=summary,
    )
    note = AuditedNote(kind="not-ready-published", of="db")
    return AuditRecord(exit_status=1, findings=(finding,), notes=(note,))


FOUND = found("one DNS server", "it differs")
OTHER = found("all DNS servers", "all differ")
NOTHING = AuditRecord(exit_status=2, problem="no answer")


def problem(*audits: AuditRecord, wanted: object = WANTED) -> str:
    rows = {"DOC-A-01": record("failed", failure())}
    also = {"audit": wanted} if wanted else None
    run = evaluate(fault(also=also), SIMULATED, RunRecord(aborted={}, requirements=rows, audits=audits), 1.0)
    return run.problem


@pytest.mark.parametrize("audits", [(FOUND,), (NOTHING, OTHER, FOUND)])
def test_one_audit_that_blames_the_right_component_is_enough(audits: tuple[AuditRecord, ...]) -> None:
    assert problem(*audits) == ""


@pytest.mark.parametrize(
    ("audits", "says"),
    [
        ((), "no test used the fixture a_set"),
        ((OTHER,), "it ended with 1 and said all DNS servers, srv-records wrong-answer "),
        ((NOTHING, OTHER), "it ended with 2, 1"),
        ((NOTHING,), "said no answer"),
    ],
)
def test_otherwise_the_run_says_what_was_found(audits: tuple[AuditRecord, ...], says: str) -> None:
    assert says in problem(*audits)


def test_a_fault_that_says_nothing_wants_nothing() -> None:
    assert problem(wanted=None) == ""


@pytest.mark.parametrize(
    ("fields", "right"),
    [
        ({"facts": {"missing": "[a *]", "surplus": "/^..$/"}}, True),
        ({"kind": "wrong-answer"}, True),
        ({"kind": "long-ttl"}, False),
        ({"facts": {"missing": "[]"}}, False),
        ({"facts": {"question": "a"}}, False),
    ],
)
def test_the_fields_of_the_finding_must_be_as_described(fields: dict[str, object], right: bool) -> None:
    assert (problem(FOUND, wanted={**WANTED, **fields}) == "") is right


@pytest.mark.parametrize(("component", "right"), [("*server*", True), ("*controller*", False)])
def test_the_component_may_be_one_of_several(component: str, right: bool) -> None:
    assert (problem(FOUND, wanted={**WANTED, "component": component}) == "") is right


@pytest.mark.parametrize(
    ("note", "right"),
    [
        ({"kind": "not-ready-published"}, True),
        ({"kind": "not-ready-published", "of": "d*"}, True),
        ({"kind": "not-ready-published", "of": "web"}, False),
        ({"kind": "pods-of-others"}, False),
    ],
)
def test_a_note_may_be_wanted_in_place_of_a_finding(note: dict[str, str], right: bool) -> None:
    assert (problem(FOUND, wanted={"of": "a_set", "note": note}) == "") is right


@pytest.mark.parametrize(
    "wanted", [{"of": "a_set"}, {**WANTED, "note": {"kind": "x"}}, {"of": "a_set", "check": "ttl"}]
)
def test_a_finding_or_a_note_is_wanted_and_not_both(wanted: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="note"):
        fault(also={"audit": wanted})


def test_every_fault_names_a_component_and_a_check_that_there_are() -> None:
    wanted = [found.also.audit for found in find_faults() if found.also and not found.also.audit.note]
    blamed = [
        {component for component in BlamedComponent if matches(one.component or "", component)}
        for one in wanted
    ]
    assert all(blamed)
    assert set().union(*blamed) >= {
        BlamedComponent.MANIFEST,
        BlamedComponent.ENDPOINT_SLICE,
        BlamedComponent.ALL_SERVERS,
        BlamedComponent.ONE_SERVER,
    }
    assert {Check(one.check) for one in wanted} == set(Check) - {Check.DNS_SERVERS, Check.INSIDE}


def test_a_fault_names_kinds_that_there_are_and_facts_that_are_data() -> None:
    wanted = [found.also.audit for found in find_faults() if found.also]
    assert {one.kind for one in wanted if one.kind} <= set(FindingKind)
    assert {one.note.kind for one in wanted if one.note} <= set(NoteKind)
    facts = [(name, fact) for one in wanted for name, fact in one.facts.items()]
    assert {name for name, _ in facts} <= FACTS
    assert not [fact for _, fact in facts if SENTENCE.search(fact)]


@pytest.mark.parametrize("fault", [found for found in find_faults() if found.also], ids=lambda one: one.name)
def test_rewording_what_an_audit_says_breaks_no_fault(fault: Fault) -> None:
    assert fault.also
    wanted = fault.also.audit
    if wanted.note:
        of = wanted.note.of.replace("*", "x")
        said = AuditRecord(exit_status=0, notes=(AuditedNote(kind=wanted.note.kind, of=of),))
    else:
        finding = AuditedFinding(
            component=(wanted.component or "").replace("*", "x"),
            check=wanted.check,
            kind=wanted.kind or "wrong-answer",
            facts={name: fact.replace("*", "x") for name, fact in wanted.facts.items()},
            summary="Other words than ever before.",
        )
        said = AuditRecord(exit_status=1, findings=(finding,))
    assert wanted.describe(said)


def test_a_fault_cannot_ask_for_anything_else() -> None:
    with pytest.raises(ValidationError, match="audit"):
        fault(also={"check": "x"})
