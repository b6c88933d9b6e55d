"""What an audit says: findings, each with its cause, and the outcome of each check on each target."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from headless_conformance.audit.checks import OF_DNS, Check, link, requirements_by_check
from headless_conformance.audit.targets import AuditTarget, TargetKind
from headless_conformance.core.levels import Level
from headless_conformance.results.verdict import STATUS_ERROR, STATUS_FAILED, Outcome


class BlamedComponent(StrEnum):
    """Whose output is the first that is wrong, in the order in which the outputs are made."""

    MANIFEST = "manifest"
    STATEFUL_SET = "StatefulSet controller"
    ENDPOINT_SLICE = "EndpointSlice controller"
    ALL_SERVERS = "all DNS servers"
    ONE_SERVER = "one DNS server"
    WAY = "the way to the DNS servers"
    RESOLVER = "the client's resolver"


@dataclass(frozen=True)
class Finding:
    """One cause."""

    component: BlamedComponent
    what: str
    """The object or server, such as "Service shop/db"."""
    summary: str
    check: Check
    expected: str = ""
    seen: str = ""
    remedy: str = ""
    """What to do about it, in one line."""
    command: str = ""
    """The line that shows it by hand."""
    outcome: Outcome = Outcome.FAILED
    level: Level = Level.MUST
    rules: tuple[str, ...] = ()
    targets: frozenset[AuditTarget] = frozenset()
    consequences: tuple[str, ...] = ()
    """What follows from it."""
    others: frozenset[Check] = frozenset()
    """Further checks that it decides."""

    @property
    def requirements(self) -> tuple[str, ...]:
        """The IDs of what is broken: requirements of documents, then rules of the DNS specification."""
        return (*requirements_by_check()[self.check], *self.rules)

    @property
    def link(self) -> str:
        return link(self.check, self.rules)

    @property
    def checks(self) -> frozenset[Check]:
        return self.others | {self.check}


@dataclass(frozen=True)
class CheckResult:
    """One check on one target."""

    check: Check
    outcome: Outcome
    reason: str = ""
    level: Level = Level.MUST

    @property
    def requirements(self) -> tuple[str, ...]:
        return requirements_by_check()[self.check]


@dataclass(frozen=True)
class TargetResult:
    """All checks on one target."""

    target: AuditTarget
    state: str
    """Such as "3 of 3 members are Ready"."""
    checks: tuple[CheckResult, ...]
    notes: tuple[str, ...] = ()
    is_idle: bool = False
    """Whether it is a StatefulSet that is scaled to zero."""

    @property
    def is_told(self) -> bool:
        """Whether what was asked for was looked at: answers of every DNS server about a StatefulSet that is
        not scaled to zero, and the view from a Pod where one was named."""
        found = {check.check: check.outcome for check in self.checks}
        passed = any(found.get(check) is Outcome.PASSED for check in OF_DNS)
        if self.target.kind is TargetKind.STATEFUL_SET and not self.is_idle and not passed:
            return False
        if found.get(Check.DNS_SERVERS) is Outcome.NOT_SUPPORTED:
            return False
        return found.get(Check.INSIDE, Outcome.PASSED) is Outcome.PASSED


@dataclass
class AuditResult:
    """One cluster."""

    context: str
    server: str = ""
    version: str = ""
    domain: str = ""
    source: str = ""
    """Where name server and domain are known from."""
    dns_servers: list[str] = field(default_factory=list)
    targets: list[TargetResult] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problem: str = ""
    """What ended the audit before its time; empty when nothing did."""
    requests: int = 0
    questions: int = 0
    started: float = 0.0
    seconds: float = 0.0

    @property
    def status(self) -> int:
        return status_of(self)


def status_of(result: AuditResult) -> int:
    """The exit status: 1 a MUST failed; 2 something could not be told, a target was not looked at, or no
    answer of a DNS server passed; else 0."""
    checks = [(found.outcome, found.level) for target in result.targets for found in target.checks]
    told = [*checks, *((found.outcome, found.level) for found in result.findings)]
    if (Outcome.FAILED, Level.MUST) in told:
        return STATUS_FAILED
    # A finding that is not judged is an answer that a server keeps for a while longer.
    kept = any(found.outcome is Outcome.NOT_JUDGED for found in result.findings)
    complete = all(target.is_told for target in result.targets)
    not_told = kept or not complete or any(outcome is Outcome.ERROR for outcome, _ in told)
    passed = any(
        found.outcome is Outcome.PASSED and found.check in OF_DNS
        for target in result.targets
        for found in target.checks
    )
    return STATUS_ERROR if result.problem or not_told or not passed else 0


def status_of_all(results: Sequence[AuditResult]) -> int:
    """The exit status for several clusters: a failed MUST on one outweighs all else."""
    statuses = [result.status for result in results]
    if STATUS_FAILED in statuses:
        return STATUS_FAILED
    return max(statuses, default=STATUS_ERROR)


def of_target(findings: Iterable[Finding], target: AuditTarget) -> list[Finding]:
    """The findings about one target."""
    return [found for found in findings if target in found.targets]
