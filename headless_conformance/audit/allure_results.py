"""An audit for Allure: one test for each check on each target, as the suite's tests are shown there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from allure_commons.logger import AllureFileLogger
from allure_commons.model2 import Label, Link, Parameter, Status, StatusDetails, TestResult
from allure_commons.types import LabelType, LinkType
from allure_commons.utils import uuid4

from headless_conformance.audit.checks import link
from headless_conformance.audit.findings import AuditResult, CheckResult, Finding, TargetResult, of_target
from headless_conformance.audit.report import AUDIT_PROVIDER
from headless_conformance.audit.text import finding_lines
from headless_conformance.results.allure_files import SEVERITIES, write_allure_files
from headless_conformance.results.verdict import Outcome

STATUSES = {Outcome.PASSED: Status.PASSED, Outcome.FAILED: Status.FAILED, Outcome.ERROR: Status.BROKEN}
"""Everything else is skipped, with its outcome in the message."""
SAID = {Outcome.NOT_SUPPORTED: "not supported here"}
"""Outcomes that the suite calls otherwise in its messages, by which Allure sorts them."""
_NAME = "audit"


def write_allure_results(results: Sequence[AuditResult], folder: Path) -> None:
    """Add all clusters' checks to what is in the folder, for the command `report`."""
    logger = AllureFileLogger(folder)
    for result in results:
        for target in result.targets:
            for check in target.checks:
                logger.report_result(_case(result, target, check))
        if result.problem:
            logger.report_result(_problem(result))
    write_allure_files({"provider": AUDIT_PROVIDER}, folder)


def _case(result: AuditResult, target: TargetResult, check: CheckResult) -> TestResult:
    cause = next(
        (one for one in of_target(result.findings, target.target) if check.check in one.checks), None
    )
    found = None if check.outcome is Outcome.PASSED else cause
    case = _test(result, f"{target.target}: {check.check}", check.check.description, check.outcome)
    case.labels += [
        Label(LabelType.SUITE, str(target.target)),
        Label(LabelType.SUB_SUITE, check.check),
        Label(LabelType.SEVERITY, SEVERITIES[check.level].value),
        Label("level", check.level),
        *(Label("requirement", name) for name in check.requirements),
    ]
    address = found.link if found else link(check.check)
    case.links = [Link(LinkType.LINK, address, "the sentence that must hold")]
    case.description = "\n".join(_description(target, found))
    if check.reason:
        case.statusDetails = StatusDetails(message=_message(check.outcome, check.reason))
    return case


def _description(target: TargetResult, finding: Finding | None) -> Iterator[str]:
    yield f"{target.state}\n"
    yield from (f"- note: {note}" for note in target.notes)
    if finding:
        yield from ("```", *finding_lines(finding), "```")


def _message(outcome: Outcome, reason: str) -> str:
    return reason if outcome in STATUSES else f"{SAID.get(outcome, outcome.words)}: {reason}"


def _problem(result: AuditResult) -> TestResult:
    case = _test(result, "the audit comes to its end", "the audit comes to its end", Outcome.ERROR)
    case.statusDetails = StatusDetails(message=result.problem)
    return case


def _test(result: AuditResult, name: str, title: str, outcome: Outcome) -> TestResult:
    """A test of one cluster; its history goes on from one audit to the next."""
    full_name = f"{_NAME}: {result.context}: {name}"
    identity = hashlib.md5(full_name.encode(), usedforsecurity=False).hexdigest()
    start = round(result.started * 1000)
    return TestResult(
        uuid=uuid4(),
        name=title,
        fullName=full_name,
        historyId=identity,
        testCaseId=identity,
        status=STATUSES.get(outcome, Status.SKIPPED),
        stage="finished",
        start=start,
        stop=start + round(result.seconds * 1000),
        parameters=[Parameter("context", result.context)],
        labels=[Label(LabelType.PARENT_SUITE, f"{_NAME} of {result.context}")],
        titlePath=[_NAME, result.context],
    )
