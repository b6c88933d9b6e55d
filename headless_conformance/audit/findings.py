"""What an audit says: findings, each with its cause, and the outcome of each check on each target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from headless_conformance.audit.checks import OF_RECORDS, Check, link, requirements_by_check
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


class FindingKind(StrEnum):
    """What is wrong, finer than by the check. The values are identifiers in reports."""

    NO_SERVICE_NAME = "no-service-name"
    NO_SERVICE = "no-service"
    NOT_HEADLESS = "not-headless"
    NOT_SELECTED = "not-selected"
    UNKNOWN_PORT_NAME = "unknown-port-name"
    OTHER_HOST_NAME = "other-host-name"
    WRONG_IDENTITY = "wrong-identity"
    NOT_OF_THE_SET = "not-of-the-set"
    """A Pod has the name of a member and does not belong to the set."""
    NO_VOLUME = "no-volume"
    NOT_MOUNTED = "not-mounted"
    ENDED_PODS = "ended-pods"
    WRONG_ENDPOINTS = "wrong-endpoints"
    FOREIGN_ENDPOINTS = "foreign-endpoints"
    NOT_NAMED = "not-named"
    OTHER_FAMILY = "other-family"
    WRONG_ANSWER = "wrong-answer"
    DENIAL_WITHOUT_SOA = "denial-without-soa"
    LONG_TTL = "long-ttl"
    NOT_ASKED = "not-asked"
    NO_TCP_PORT = "no-tcp-port"
    WRONG_ANSWER_INSIDE = "wrong-answer-inside"
    KNOWN_DEVIATION = "known-deviation"


class NoteKind(StrEnum):
    """What a note about a target is about. The values are identifiers."""

    MEMBER_NOT_JUDGED = "member-not-judged"
    LABEL_OF_RUN_TIME = "label-of-run-time"
    PORT_OF_SOME = "port-of-some"
    PODS_OF_OTHERS = "pods-of-others"
    NOT_READY_PUBLISHED = "not-ready-published"
    CACHE_NOT_ASKED = "cache-not-asked"
    NAMESPACE_NOT_LOOKED_AT = "namespace-not-looked-at"


@dataclass(frozen=True)
class Note:
    """What a person should know of a target that is not wrong."""

    kind: NoteKind
    of: str
    """Name of the object that it is about."""
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Finding:
    """One cause."""

    component: BlamedComponent
    what: str
    """The object or server, such as "Service shop/db"."""
    summary: str
    check: Check
    kind: FindingKind
    facts: Mapping[str, str] = field(default_factory=dict, hash=False)
    """What it is about, as data: names of objects, fields and records, in the forms of values of
    `core.mismatch_forms`."""
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
    notes: tuple[Note, ...] = ()
    is_idle: bool = False
    """Whether it is a StatefulSet that is scaled to zero."""

    @property
    def is_told(self) -> bool:
        """Whether what was asked for was looked at: answers of every DNS server about a StatefulSet that is
        not scaled to zero, and the view from a Pod where one was named."""
        found = {check.check: check.outcome for check in self.checks}
        passed = any(found.get(check) is Outcome.PASSED for check in OF_RECORDS)
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
    record of a DNS server passed; else 0."""
    checks = [(found.outcome, found.level) for target in result.targets for found in target.checks]
    told = [*checks, *((found.outcome, found.level) for found in result.findings)]
    if (Outcome.FAILED, Level.MUST) in told:
        return STATUS_FAILED
    # A finding that is not judged is an answer that a server keeps for a while longer.
    kept = any(found.outcome is Outcome.NOT_JUDGED for found in result.findings)
    complete = all(target.is_told for target in result.targets)
    not_told = kept or not complete or any(outcome is Outcome.ERROR for outcome, _ in told)
    passed = any(
        found.outcome is Outcome.PASSED and found.check in OF_RECORDS
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
