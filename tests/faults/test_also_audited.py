"""A fault may say what the audit must find on the cluster that it breaks."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from headless_conformance.audit.checks import Check
from headless_conformance.audit.findings import BlamedComponent
from headless_conformance.faults.catalogue import find_faults
from headless_conformance.faults.evaluation import evaluate
from headless_conformance.faults.model import SIMULATED
from headless_conformance.faults.run_record import AuditRecord, RunRecord
from tests.faults.examples import failure, fault, record

WANTED = {"audit": {"of": "a_set", "component": "one DNS server", "check": "srv-records"}}
FOUND = AuditRecord(exit_status=1, findings=(("one DNS server", "srv-records", "it differs"),))
OTHER = AuditRecord(exit_status=1, findings=(("all DNS servers", "srv-records", "all differ"),))
NOTHING = AuditRecord(exit_status=2, problem="no answer")


def problem(*audits: AuditRecord, wanted: object = WANTED) -> str:
    rows = {"DOC-A-01": record("failed", failure())}
    run = evaluate(
        fault(also=wanted), SIMULATED, RunRecord(aborted={}, requirements=rows, audits=audits), 1.0
    )
    return run.problem


@pytest.mark.parametrize("audits", [(FOUND,), (NOTHING, OTHER, FOUND)])
def test_one_audit_that_blames_the_right_component_is_enough(audits: tuple[AuditRecord, ...]) -> None:
    assert problem(*audits) == ""


@pytest.mark.parametrize(
    ("audits", "says"),
    [
        ((), "no test used the fixture a_set"),
        ((OTHER,), "it ended with 1 and said all DNS servers, srv-records: all differ"),
        ((NOTHING, OTHER), "it ended with 2, 1"),
        ((NOTHING,), "said no answer"),
    ],
)
def test_otherwise_the_run_says_what_was_found(audits: tuple[AuditRecord, ...], says: str) -> None:
    assert says in problem(*audits)


def test_a_fault_that_says_nothing_wants_nothing() -> None:
    assert problem(wanted=None) == ""


def test_every_fault_names_a_component_and_a_check_that_there_are() -> None:
    asking = [found for found in find_faults() if found.also]
    assert len(asking) > 10
    for found in asking:
        assert found.also
        assert BlamedComponent(found.also.audit.component)
        assert Check(found.also.audit.check)


def test_a_fault_cannot_ask_for_anything_else() -> None:
    with pytest.raises(ValidationError, match="audit"):
        fault(also={"check": "x"})
