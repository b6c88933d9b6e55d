"""What a run under an experiment shows: which claims turned red, whether they had to, and whether for the right reason."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from headless_conformance.core.settings import Provider
from headless_conformance.faults.model import Experiment
from headless_conformance.requirements.register import Register
from headless_conformance.results.verdict import Outcome

RED_SECONDS = 30.0
"""How long a spec may take to turn red; most take `STEADY` seconds."""
DELAY_RED_SECONDS: Mapping[str, float] = {"SEED-NID-07": 65.0, "SEED-HLS-01": 65.0}
"""The same for claims about the documented delay of 60 s, and about names that follow: what is stale may be kept so long."""


class Cell(StrEnum):
    """One claim under one experiment."""

    KILLED = "killed"
    """It had to turn red, and did for the right reason."""
    MISSED = "missed"
    """It had to turn red and did not, or says something else, or not in time."""
    UNEXPECTED = "unexpected red"
    NOT_APPLICABLE = "not applicable"
    """It would have to turn red, but cannot be verified on this provider."""
    UNKNOWN = "unknown"
    """The experiment says that nothing else can be told, and the claim is broken for that reason."""
    GREEN = "green"
    """It had to stay as it is and did."""


@dataclass(frozen=True)
class Red:
    """One red spec. `seconds` is what the phase took that went wrong: the servers of a whole run start in one spec's set-up."""

    spec: str
    outcome: Outcome
    message: str
    seconds: float


@dataclass(frozen=True)
class Finding:
    """One claim's cell, and the red that tells most about it; None where no spec of it is red."""

    claim: str
    cell: Cell
    red: Red | None
    detail: str = ""
    """Why a claim is missed."""


@dataclass(frozen=True)
class Judged:
    """One experiment's run."""

    experiment: Experiment
    provider: Provider
    findings: tuple[Finding, ...]
    seconds: float
    problem: str = ""
    """Why the run itself is worth nothing; empty when it is."""

    def of(self, *cells: Cell) -> list[Finding]:
        return [finding for finding in self.findings if finding.cell in cells]

    @property
    def good(self) -> bool:
        return not self.problem and not self.of(Cell.MISSED, Cell.UNEXPECTED)


def judge(experiment: Experiment, provider: Provider, result: Mapping[str, Any], seconds: float) -> Judged:
    """Judge what `headless_conformance.faults.injection` wrote about a run that took `seconds`."""
    expected = experiment.reds(provider)
    claims: Mapping[str, Any] = result["claims"]
    unknown = ", ".join(sorted(set(expected) - set(claims)))
    problem = "; ".join(f"{where}: {what}" for where, what in result["aborted"].items())
    if unknown:
        problem = f"{unknown} is not in the register; correct faults/{experiment.name}.yaml"
    findings = tuple(
        _finding(claim, expected.get(claim), experiment.others_unknown, Outcome(row["outcome"]), _reds(row))
        for claim, row in claims.items()
    )
    return Judged(experiment, provider, findings, seconds, problem)


def _reds(row: Mapping[str, Any]) -> list[Red]:
    return [Red(red["spec"], Outcome(red["outcome"]), red["message"], red["seconds"]) for red in row["reds"]]


def _finding(claim: str, pattern: str | None, unknown: str, outcome: Outcome, reds: Sequence[Red]) -> Finding:
    first = reds[0] if reds else None
    if pattern is None:
        if not reds:
            return Finding(claim, Cell.GREEN, None)
        excused = unknown and all(red.outcome is Outcome.BROKEN and re.search(unknown, red.message, re.DOTALL) for red in reds)
        return Finding(claim, Cell.UNKNOWN if excused else Cell.UNEXPECTED, first)
    if outcome in (Outcome.NOT_SUPPORTED, Outcome.SKIPPED):
        return Finding(claim, Cell.NOT_APPLICABLE, None)
    failed = [red for red in reds if red.outcome is Outcome.FAILED]
    telling = next((red for red in failed if re.search(pattern, red.message, re.DOTALL)), None)
    if outcome is not Outcome.FAILED:
        return Finding(claim, Cell.MISSED, first, f"it is {outcome}")
    if telling is None:
        return Finding(claim, Cell.MISSED, failed[0], f"no message matches {pattern!r}")
    bound = DELAY_RED_SECONDS.get(claim, RED_SECONDS)
    slow = next((red for red in failed if red.seconds > bound), None)
    if slow:
        return Finding(claim, Cell.MISSED, slow, f"red after {slow.seconds:.0f} s, more than {bound:.0f} s")
    return Finding(claim, Cell.KILLED, telling)


def claims_without_fault(register: Register, faults: Sequence[Experiment]) -> list[str]:
    """Claims that no fault lists and that are not excused, in the register's order."""
    listed = {claim for fault in faults for claim in (*fault.must_turn_red, *fault.must_turn_red_on_kind)}
    return [claim.id for claim in register.claims.values() if claim.id not in listed and not claim.excuse]
