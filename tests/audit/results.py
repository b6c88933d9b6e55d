"""What tests look for in the result of an audit."""

from __future__ import annotations

from headless_conformance.audit import AuditResult, Finding
from headless_conformance.audit.checks import Check
from headless_conformance.results.verdict import Outcome


def outcomes(result: AuditResult) -> dict[Check, Outcome]:
    """The outcome of each check on the only target."""
    (target,) = result.targets
    return {check.check: check.outcome for check in target.checks}


def only(result: AuditResult) -> Finding:
    (finding,) = result.findings
    return finding
