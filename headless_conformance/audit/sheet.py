"""The outcomes of one target while it is judged."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace

from headless_conformance.audit.checks import Check
from headless_conformance.audit.errors import InspectionError, MissingRightError
from headless_conformance.audit.findings import BlamedComponent, CheckResult, Finding, Note
from headless_conformance.audit.targets import AuditTarget
from headless_conformance.core.levels import Level
from headless_conformance.results.verdict import WORST_FIRST, Outcome


@dataclass
class Sheet:
    """What was found out about one target. A check that nobody wrote down did not pass."""

    target: AuditTarget
    applies: tuple[Check, ...]
    """The checks that there are for this target."""
    findings: list[Finding] = field(default_factory=list)
    deviations: list[Finding] = field(default_factory=list)
    """Where the DNS servers are known to differ from the specification."""
    notes: list[Note] = field(default_factory=list)
    outcomes: dict[Check, CheckResult] = field(default_factory=dict)

    def write(self, check: Check, outcome: Outcome, reason: str = "", level: Level | None = None) -> None:
        """Write an outcome down, unless a weightier one is there."""
        known = self.outcomes.get(check)
        if known is None or WORST_FIRST.index(outcome) < WORST_FIRST.index(known.outcome):
            self.outcomes[check] = CheckResult(check, outcome, reason, level or check.level)

    def passed(self, check: Check) -> None:
        """It was looked at, and it is as it must be."""
        self.write(check, Outcome.PASSED)

    def found(self, finding: Finding) -> None:
        """Write a finding down, for its own check and for those that it decides."""
        own = replace(finding, targets=finding.targets | {self.target})
        self.findings.append(own)
        self.write(own.check, own.outcome, own.summary, own.level)
        for check in own.others & set(self.applies):
            self.write(check, own.outcome, f"follows from: {own.summary}", own.level)

    def leave_out(self, check: Check) -> None:
        """There is nothing of this kind to check on the target."""
        self.applies = tuple(known for known in self.applies if known is not check)

    def cannot(self, checks: Iterable[Check], error: Exception) -> None:
        """It could not be looked at, because of a missing right or for another reason."""
        if isinstance(error, MissingRightError):
            outcome, reason = Outcome.NOT_SUPPORTED, error.reason
        elif isinstance(error, InspectionError):
            outcome, reason = Outcome.ERROR, error.reason
        else:
            outcome, reason = Outcome.ERROR, f"{type(error).__name__}: {error}"
        for check in checks:
            self.write(check, outcome, reason)

    def guarded(self, check: Check, look: Callable[[], None]) -> None:
        """Run one check; whatever goes wrong in it is this check's, and no other's."""
        try:
            look()
        except Exception as error:
            self.cannot([check], error)

    def complete(self, reason: str) -> None:
        """Whatever was not looked at is not judged, for this reason."""
        for check in self.applies:
            if check not in self.outcomes:
                self.write(check, Outcome.NOT_JUDGED, reason)

    def keep_only_manifest_findings(self, reason: str, leaving: Collection[str] = ()) -> None:
        """The target is on its way: what passed now says nothing, and only a wrong manifest stays wrong, but
        for those of the objects `leaving`, as findings call them."""
        self.findings = [
            found
            for found in self.findings
            if found.component is BlamedComponent.MANIFEST and found.what not in leaving
        ]
        kept = {check for found in self.findings for check in found.checks}
        for check in self.applies:
            if check not in kept and self.outcomes.get(check, CheckResult(check, Outcome.PASSED)).outcome in (
                Outcome.PASSED,
                Outcome.FAILED,
                Outcome.KNOWN_DEVIATION,
                Outcome.NOT_JUDGED,
            ):
                self.outcomes[check] = CheckResult(check, Outcome.NOT_JUDGED, reason)

    def results(self) -> tuple[CheckResult, ...]:
        """One for each check that there is for the target."""
        return tuple(self.outcomes[check] for check in self.applies if check in self.outcomes)
