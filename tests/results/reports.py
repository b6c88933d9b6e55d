"""Reports of runs that never were."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from headless_conformance.requirements.documents import Documents
from headless_conformance.requirements.model import Document, Requirement
from headless_conformance.results.report import Report
from headless_conformance.results.report_file import make_report
from headless_conformance.results.verdict import (
    CaseResult,
    Outcome,
    exit_status_of_run,
    judge_requirements,
    result_of_run,
)
from tests.miniature import register_of, requirement_row

FACTS = {"cluster": "c", "provider": "kind"}


def documents_from(*registers: dict[str, object]) -> Documents:
    """Registers as a value, without files."""
    return Documents(tuple(Document.model_validate(register, strict=False) for register in registers))


TWO = documents_from(
    register_of(
        "first",
        "ONE",
        [
            requirement_row("ONE-A-01", "start"),
            requirement_row("ONE-A-02", "start", "SHOULD"),
            requirement_row("ONE-B-01", "shared"),
            requirement_row("ONE-B-02", "shared", "MAY"),
        ],
    ),
    register_of(
        "second",
        "TWO",
        [requirement_row("TWO-A-01", "shared", same_as=["ONE-A-01"]), requirement_row("TWO-B-01", "rest")],
    ),
)
"""Two documents that share one promise, ONE-A-01 and TWO-A-01, and the name of a section."""


def all_passed(
    *, but: str = "", outcome: Outcome = Outcome.FAILED, measure: float | None = None
) -> list[CaseResult]:
    """One test for each requirement, all passed but one; `measure` is what that of ONE-A-02 recorded."""
    tests = [
        CaseResult(f"t.py::test_{name}", (name,), outcome if name == but else Outcome.PASSED, seconds=1.0)
        for name in TWO.requirements
    ]
    if measure is not None:
        tests[1] = dataclasses.replace(tests[1], measures=(("seconds to resolvable", measure),))
    return tests


def report_of(
    tests: Sequence[CaseResult],
    kubernetes: str = "1.37.0",
    documents: Documents = TWO,
    requirements: Sequence[Requirement] | None = None,
) -> Report:
    """The report of a run with these tests."""
    about = list(documents.requirements.values()) if requirements is None else requirements
    verdicts = judge_requirements(documents, about, tests, kubernetes)
    unassigned = [case for case in tests if not case.requirements]
    return make_report(
        documents,
        {**FACTS, "kubernetes": kubernetes},
        verdicts,
        tests,
        result=result_of_run(verdicts, unassigned),
        status=exit_status_of_run(verdicts, unassigned, strict=False),
        started=0.0,
        seconds=9.0,
    )
