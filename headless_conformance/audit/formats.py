"""An audit for programs: YAML, JSON and JUnit XML."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

import yaml

from headless_conformance.audit.findings import (
    AuditResult,
    CheckResult,
    Finding,
    TargetResult,
    status_of,
    status_of_all,
)
from headless_conformance.audit.text import audit_text, counts_of
from headless_conformance.results.verdict import Outcome

FORMAT = "headless-conformance/audit/v1"


def render(results: Sequence[AuditResult], form: str) -> str:
    """All clusters as `text`, `yaml`, `json` or `junit`."""
    if form == "yaml":
        return yaml.safe_dump(record(results), sort_keys=False, allow_unicode=True, width=120)
    if form == "json":
        return json.dumps(record(results), indent=2, ensure_ascii=False) + "\n"
    return junit(results) if form == "junit" else audit_text(results)


def record(results: Sequence[AuditResult]) -> dict[str, Any]:
    """Everything that was found out, as plain data."""
    return {
        "format": FORMAT,
        "exit_status": status_of_all(results),
        "clusters": [_cluster(result) for result in results],
    }


def _cluster(result: AuditResult) -> dict[str, Any]:
    counts = counts_of(result.targets)
    row = {
        "context": result.context,
        "server": result.server,
        "kubernetes": result.version,
        "date": datetime.fromtimestamp(result.started, UTC).isoformat(timespec="seconds"),
        "seconds": round(result.seconds, 1),
        "exit_status": status_of(result),
        "problem": result.problem,
        "domain": result.domain,
        "domain_source": result.source,
        "dns_servers": list(result.dns_servers),
        "api_requests": result.requests,
        "dns_questions": result.questions,
        "checks": {outcome.value: counts[outcome] for outcome in Outcome if counts[outcome]},
        "notes": list(result.notes),
        "targets": [_target(target) for target in result.targets],
        "findings": [_finding(finding) for finding in result.findings],
    }
    return {key: value for key, value in row.items() if value not in ("", [])}


def _target(target: TargetResult) -> dict[str, Any]:
    row = {
        "kind": target.target.kind.value,
        "namespace": target.target.namespace,
        "name": target.target.name,
        "state": target.state,
        "checks": [_check(check) for check in target.checks],
    }
    return {**row, "notes": [note.text for note in target.notes]} if target.notes else row


def _check(found: CheckResult) -> dict[str, Any]:
    row = {
        "id": found.check.value,
        "outcome": found.outcome.value,
        "level": found.level.value,
        "requirements": list(found.requirements),
        "reason": found.reason,
    }
    return {key: value for key, value in row.items() if value not in ("", [])}


def _finding(finding: Finding) -> dict[str, Any]:
    row = {
        "component": finding.component.value,
        "what": finding.what,
        "summary": finding.summary,
        "outcome": finding.outcome.value,
        "level": finding.level.value,
        "check": finding.check.value,
        "kind": finding.kind.value,
        "facts": {name: value for name, value in finding.facts.items() if value},
        "expected": finding.expected,
        "seen": finding.seen,
        "requirements": list(finding.requirements),
        "link": finding.link,
        "remedy": finding.remedy,
        "command": finding.command,
        "targets": sorted(str(target) for target in finding.targets),
        "consequences": list(finding.consequences),
    }
    return {key: value for key, value in row.items() if value not in ("", [], {})}


def junit(results: Sequence[AuditResult]) -> str:
    """One suite for each target, one test case for each check. What did not pass or fail is skipped, with its
    outcome."""
    root = ElementTree.Element("testsuites", name="headless-conformance audit")
    for result in results:
        for target in result.targets:
            _suite(root, f"{result.context}: {target.target}", target.checks)
        if result.problem:
            suite = ElementTree.SubElement(root, "testsuite", name=result.context, tests="1", errors="1")
            case = ElementTree.SubElement(suite, "testcase", classname=result.context, name="audit")
            ElementTree.SubElement(case, "error", message=result.problem)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(root: ElementTree.Element, name: str, checks: Sequence[CheckResult]) -> None:
    suite = ElementTree.SubElement(root, "testsuite", name=name, tests=str(len(checks)))
    counts = {"failures": 0, "errors": 0, "skipped": 0}
    for check in checks:
        case = ElementTree.SubElement(
            suite, "testcase", classname=name, name=f"{check.check}: {check.check.description}"
        )
        if check.outcome is Outcome.PASSED:
            continue
        kind = {Outcome.FAILED: "failure", Outcome.ERROR: "error"}.get(check.outcome, "skipped")
        counts["skipped" if kind == "skipped" else f"{kind}s"] += 1
        ElementTree.SubElement(case, kind, message=f"{check.outcome}: {check.reason}")
    suite.attrib.update({key: str(value) for key, value in counts.items()})
