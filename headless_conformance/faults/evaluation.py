"""What a run under an experiment shows: which requirements failed, whether they had to, and whether for the right reason."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from headless_conformance.faults.model import Experiment
from headless_conformance.requirements.documents import Documents
from headless_conformance.results.verdict import Outcome

FAILURE_SECONDS = 30.0
"""How long a test may take to fail; most take `STEADY` seconds."""
DELAY_FAILURE_SECONDS: Mapping[str, float] = {"SEED-NID-07": 65.0, "SEED-HLS-01": 65.0}
"""The same for requirements about the documented delay of 60 s, and about names that follow: what is stale may be kept so long."""


class Cell(StrEnum):
    """One requirement under one experiment."""

    KILLED = "killed"
    """It had to fail, and did for the right reason."""
    MISSED = "missed"
    """It had to fail and did not, or says something else, or not in time."""
    UNEXPECTED = "unexpected failure"
    NOT_APPLICABLE = "not applicable"
    """It would have to fail, but cannot be verified on this provider."""
    UNKNOWN = "unknown"
    """The experiment says that nothing else can be told, and the requirement is broken for that reason."""
    GREEN = "green"
    """It had to stay as it is and did."""


@dataclass(frozen=True)
class Failure:
    """One failed test. `seconds` is what the phase took that went wrong: the servers of a whole run start in one test's set-up."""

    case: str
    outcome: Outcome
    message: str
    seconds: float


@dataclass(frozen=True)
class Finding:
    """One requirement's cell, and the failure that tells most about it; None where no spec of it is red."""

    requirement: str
    cell: Cell
    failure: Failure | None
    detail: str = ""
    """Why a requirement is missed."""


@dataclass(frozen=True)
class Judged:
    """One experiment's run."""

    experiment: Experiment
    provider: str
    findings: tuple[Finding, ...]
    seconds: float
    problem: str = ""
    """Why the run itself is worth nothing; empty when it is."""

    def of(self, *cells: Cell) -> list[Finding]:
        return [finding for finding in self.findings if finding.cell in cells]

    @property
    def good(self) -> bool:
        return not self.problem and not self.of(Cell.MISSED, Cell.UNEXPECTED)


def judge(experiment: Experiment, provider: str, result: Mapping[str, Any], seconds: float) -> Judged:
    """Judge what `headless_conformance.faults.injection` wrote about a run that took `seconds`."""
    expected = experiment.failures(provider)
    requirements: Mapping[str, Any] = result["requirements"]
    unknown = ", ".join(sorted(set(expected) - set(requirements)))
    problem = "; ".join(f"{where}: {what}" for where, what in result["aborted"].items())
    if unknown:
        problem = f"{unknown} is not in the register; correct faults/{experiment.name}.yaml"
    findings = tuple(
        _finding(requirement, expected.get(requirement), experiment.others_unknown, Outcome(row["outcome"]), _failures(row))
        for requirement, row in requirements.items()
    )
    return Judged(experiment, provider, findings, seconds, problem)


def _failures(row: Mapping[str, Any]) -> list[Failure]:
    return [
        Failure(failure["spec"], Outcome(failure["outcome"]), failure["message"], failure["seconds"])
        for failure in row["failures"]
    ]


def _finding(requirement: str, pattern: str | None, unknown: str, outcome: Outcome, failures: Sequence[Failure]) -> Finding:
    first = failures[0] if failures else None
    if pattern is None:
        if not failures:
            return Finding(requirement, Cell.GREEN, None)
        excused = unknown and all(
            failure.outcome is Outcome.ERROR and re.search(unknown, failure.message, re.DOTALL) for failure in failures
        )
        return Finding(requirement, Cell.UNKNOWN if excused else Cell.UNEXPECTED, first)
    if outcome in (Outcome.NOT_SUPPORTED, Outcome.SKIPPED):
        return Finding(requirement, Cell.NOT_APPLICABLE, None)
    failed = [failure for failure in failures if failure.outcome is Outcome.FAILED]
    telling = next((failure for failure in failed if re.search(pattern, failure.message, re.DOTALL)), None)
    if outcome is not Outcome.FAILED:
        return Finding(requirement, Cell.MISSED, first, f"it is {outcome}")
    if telling is None:
        return Finding(requirement, Cell.MISSED, failed[0], f"no message matches {pattern!r}")
    bound = DELAY_FAILURE_SECONDS.get(requirement, FAILURE_SECONDS)
    slow = next((failure for failure in failed if failure.seconds > bound), None)
    if slow:
        return Finding(requirement, Cell.MISSED, slow, f"red after {slow.seconds:.0f} s, more than {bound:.0f} s")
    return Finding(requirement, Cell.KILLED, telling)


def requirements_without_fault(documents: Documents, faults: Sequence[Experiment]) -> list[str]:
    """Requirements that no fault lists and that are not excused, in the register's order."""
    listed = {requirement for fault in faults for requirement in (*fault.must_fail, *fault.must_fail_on_kind)}
    return [
        requirement.id
        for requirement in documents.requirements.values()
        if requirement.id not in listed and not requirement.untestable
    ]
