"""An audit for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from textwrap import indent

from headless_conformance.audit.findings import AuditResult, Finding, TargetResult, status_of_all
from headless_conformance.results.verdict import Outcome

WIDTH = max(len(outcome) for outcome in Outcome)
SHOWN_TARGETS = 3


def audit_text(results: Sequence[AuditResult]) -> str:
    """All clusters, with the exit status at the end."""
    lines = [line for result in results for line in (*_cluster(result), "")]
    return (
        "\n".join([*lines, f"exit status {status_of_all(results)}: {meaning(status_of_all(results))}"]) + "\n"
    )


def meaning(status: int) -> str:
    """An exit status in words."""
    return {
        0: "what was looked at is right",
        1: "something that must hold does not",
        2: "it could not be told, or not everything",
    }[status]


def _cluster(result: AuditResult) -> Iterator[str]:
    server = result.server or "no API server"
    yield f"context {result.context}: {server}, Kubernetes {result.version or 'of an unknown version'}"
    if result.domain:
        yield f"cluster domain {result.domain} ({result.source})"
    if result.dns_servers:
        yield f"DNS servers: {', '.join(result.dns_servers)}"
    yield from (f"note: {note}" for note in result.notes)
    for target in result.targets:
        yield ""
        yield from _target(target)
    for number, finding in enumerate(result.findings, start=1):
        yield ""
        yield from _finding(number, finding)
    yield ""
    if result.problem:
        yield f"could not tell: {result.problem}"
    yield _summary(result)


def _target(target: TargetResult) -> Iterator[str]:
    yield f"{target.target}: {target.state}"
    said = ""
    for check in target.checks:
        ids = f"  [{', '.join(check.requirements)}]" if check.requirements else ""
        yield f"  {check.outcome:<{WIDTH}}  {check.check.description}{ids}"
        if check.outcome is not Outcome.PASSED and check.reason and check.reason != said:
            said = check.reason
            yield f"  {'':<{WIDTH}}    {said}"
    yield from (f"  note: {note}" for note in target.notes)


def _finding(number: int, finding: Finding) -> Iterator[str]:
    yield f"{number}. {finding.summary}"
    yield from finding_lines(finding)


def finding_lines(finding: Finding) -> Iterator[str]:
    """Everything about a finding but its summary, a field on each line."""
    title = {Outcome.FAILED: f"failed {finding.level}"}.get(finding.outcome, finding.outcome.words)
    yield f"   what     {title}; the first that is wrong: {finding.component}"
    yield from _field("expected", finding.expected)
    yield from _field("seen", finding.seen)
    if finding.requirements and finding.outcome in (Outcome.FAILED, Outcome.KNOWN_DEVIATION):
        yield from _field("breaks", f"{', '.join(finding.requirements)}  {finding.link}")
    else:
        yield from _field("see", finding.link)
    yield from _field("do", finding.remedy)
    yield from _field("show", finding.command)
    if len(finding.targets) > 1:
        yield from _field("about", _some(sorted(str(target) for target in finding.targets)))
    for number_of, line in enumerate(finding.consequences):
        yield from _field("" if number_of else "follows", line)


def _field(name: str, value: str) -> Iterator[str]:
    if value:
        first, *rest = value.splitlines()
        yield f"   {name:<8} {first}"
        yield from (indent(line, " " * 12) for line in rest)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN_TARGETS} more" if len(names) > SHOWN_TARGETS else ""
    return ", ".join(names[:SHOWN_TARGETS]) + more


def _summary(result: AuditResult) -> str:
    counts = counts_of(result.targets)
    listed = ", ".join(f"{counts[outcome]} {outcome.words}" for outcome in Outcome if counts[outcome])
    effort = f"{result.seconds:.1f} s, {result.requests} API requests, {result.questions} DNS questions"
    found = f"{len(result.targets)} audited, {len(result.findings)} findings"
    return f"{found}; checks: {listed or 'none'} ({effort})"


def counts_of(targets: Iterable[TargetResult]) -> Counter[Outcome]:
    """How many checks had each outcome."""
    return Counter(check.outcome for target in targets for check in target.checks)
