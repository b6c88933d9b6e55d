"""An audit as a `conformance.yaml`, so that two audits can be compared,
before and after an upgrade for one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from headless_conformance.audit.checks import requirements_by_check
from headless_conformance.audit.findings import AuditResult, CheckResult, Finding, of_target, status_of
from headless_conformance.audit.targets import AuditTarget
from headless_conformance.core.mismatch import Observation, Where
from headless_conformance.requirements.documents import Documents
from headless_conformance.results.report import Report
from headless_conformance.results.report_file import make_report
from headless_conformance.results.verdict import (
    FAILING,
    CaseResult,
    judge_requirements,
    result_of_run,
)

AUDIT_PROVIDER = "existing"
"""As in reports of the suite: a cluster that was there before."""


def report_of(result: AuditResult, documents: Documents) -> Report:
    """One test for each check on each target; of the documents, the requirements that checks verify."""
    tests = [case for target in result.targets for case in _cases(result, target.target, target.checks)]
    ids = {name for names in requirements_by_check().values() for name in names}
    chosen = [requirement for name, requirement in documents.requirements.items() if name in ids]
    version = result.version.removeprefix("v")
    verdicts = judge_requirements(documents, chosen, tests, version)
    without = [case for case in tests if not case.requirements]
    return make_report(
        documents,
        {"cluster": result.context, "provider": AUDIT_PROVIDER, "kubernetes": version},
        verdicts,
        tests,
        result=result_of_run(verdicts, without),
        status=status_of(result),
        started=result.started,
        seconds=result.seconds,
    )


def _cases(result: AuditResult, target: AuditTarget, checks: tuple[CheckResult, ...]) -> Iterator[CaseResult]:
    findings = of_target(result.findings, target)
    for check in checks:
        case = CaseResult(
            f"audit/{target.namespace}/{target.kind}/{target.name}::{check.check}",
            check.requirements,
            check.outcome,
            check.reason,
        )
        cause = next((found for found in findings if check.check in found.checks), None)
        failing = check.outcome in FAILING and cause is not None
        yield replace(case, fields=_observation(cause).fields()) if failing and cause else case


def _observation(finding: Finding) -> Observation:
    return Observation(finding.what, finding.expected, finding.seen, Where(), finding.command)
