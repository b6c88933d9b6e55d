"""What a run under a scenario hands to the process that started it, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headless_conformance.faults.expectation import FileModel
from headless_conformance.results.verdict import Outcome


class Failure(FileModel):
    """One test that failed or could not tell."""

    test: str
    """pytest's node ID."""
    outcome: Outcome
    message: str
    seconds: float
    """What the phase took that went wrong: the servers of a whole run start in one test's set-up."""
    error: str = ""
    """The type of the exception."""
    status: int | None = None
    """The HTTP status of an ApiException."""
    mismatch: Mapping[str, Any] = {}
    """The fields of a Mismatch, or of an error that says what it waited for."""


class RequirementRecord(FileModel):
    """What became of one requirement."""

    outcome: Outcome
    equivalents: tuple[str, ...] = ()
    """IDs of itself and of requirements of other documents that promise the same, by the same tests."""
    passed: int = 0
    """How many of its tests passed."""
    failures: tuple[Failure, ...] = ()


class AuditedFinding(FileModel):
    """A finding of `audit`."""

    component: str
    check: str
    kind: str
    facts: Mapping[str, str] = {}
    summary: str
    """For a person; no fault matches it."""


class AuditedNote(FileModel):
    """A note of `audit` about a target."""

    kind: str
    of: str


class AuditRecord(FileModel):
    """What `audit` said of a set."""

    exit_status: int
    findings: tuple[AuditedFinding, ...] = ()
    notes: tuple[AuditedNote, ...] = ()
    problem: str = ""


class RunRecord(FileModel):
    """A whole run."""

    aborted: Mapping[str, str]
    """What makes the run worth nothing, by where it happened."""
    requirements: Mapping[str, RequirementRecord]
    audits: tuple[AuditRecord, ...] = ()
    """One for each use of the fixture whose set is audited, until one says what is wanted."""
    audit_seconds: float = 0.0
    """What all of them took."""
