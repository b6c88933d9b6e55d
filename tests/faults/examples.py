"""A fault and records of runs for tests."""

from __future__ import annotations

from typing import Any

from headless_conformance.faults.evaluation import Effect, ScenarioRun, evaluate
from headless_conformance.faults.model import SIMULATED, Fault, Scenario
from headless_conformance.faults.run_record import Failure, RequirementRecord, RunRecord
from headless_conformance.results.verdict import Outcome

MISMATCH = {"subject": "a.example. A", "expected": "10.0.0.1", "observed": "NXDOMAIN"}


def fault(**values: Any) -> Fault:
    """A fault that must make DOC-A-01 fail with the answer NXDOMAIN, unless `values` say otherwise."""
    row = {
        "title": "One",
        "changes": "Something.",
        "providers": ["simulated", "kind"],
        "failures": {"DOC-A-01": {"observed": "NXDOMAIN"}},
    }
    return Fault.model_validate({**row, **values})


def failure(outcome: str = "failed", seconds: float = 1.0, **values: Any) -> Failure:
    """A failed test; `values` are fields of the failure."""
    row = {"test": "test_a.py::test_a", "message": "a message", "error": "Mismatch", "mismatch": MISMATCH}
    return Failure.model_validate({**row, "outcome": outcome, "seconds": seconds, **values})


def record(outcome: str, *failures: Failure) -> RequirementRecord:
    """One requirement."""
    return RequirementRecord(outcome=Outcome(outcome), failures=failures)


def run(scenario: Scenario, **rows: RequirementRecord) -> ScenarioRun:
    """A run on the simulated provider; underscores in names of `rows` are hyphens."""
    requirements = {name.replace("_", "-"): row for name, row in rows.items()}
    return evaluate(scenario, SIMULATED, RunRecord(aborted={}, requirements=requirements), 1.0)


def effects(scenario: Scenario, **rows: RequirementRecord) -> dict[str, Effect]:
    """The effect on each requirement of such a run."""
    return {one.requirement: one.effect for one in run(scenario, **rows).effects}
