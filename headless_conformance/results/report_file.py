"""Making, writing and reading `reports/conformance.yaml`."""

from __future__ import annotations

import json
import statistics
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

import yaml

from headless_conformance.core.errors import UserError
from headless_conformance.core.levels import Level
from headless_conformance.core.paths import IN_CLONE, ROOT
from headless_conformance.core.process import output_of
from headless_conformance.requirements.documents import Documents
from headless_conformance.requirements.model import Document
from headless_conformance.results.report import Report
from headless_conformance.results.report_v1 import FORMAT_V1, report_from_v1
from headless_conformance.results.verdict import CaseResult, Outcome, Result, Verdict

REPORT_NAME = "conformance.yaml"
"""A run's report, in the folder of its reports."""
PERCENTILE_SAMPLES = 20
"""A 95th percentile is stated from this many samples on."""


def suite_version() -> dict[str, Any]:
    """This suite's version and, in a git clone, its commit and whether the files differ from it."""
    version: dict[str, Any] = {"version": installed_version("headless-conformance")}
    # An installed package may lie in the clone of another project.
    if not IN_CLONE:
        return version
    try:
        version["commit"] = output_of(["git", "-C", ROOT, "rev-parse", "HEAD"]).strip()
        version["modified"] = bool(output_of(["git", "-C", ROOT, "status", "--porcelain"]).strip())
    except (OSError, subprocess.SubprocessError):
        version.pop("commit", None)
    return version


def spread(samples: Sequence[float]) -> dict[str, float]:
    """Number of samples, minimum, median, maximum and, from 20 samples on, 95th percentile (of the samples'
    own unit)."""
    row: dict[str, float] = {
        "samples": len(samples),
        "min": round(min(samples), 3),
        "median": round(statistics.median(samples), 3),
        "max": round(max(samples), 3),
    }
    if len(samples) >= PERCENTILE_SAMPLES:
        row["p95"] = round(statistics.quantiles(samples, n=20, method="inclusive")[-1], 3)
    return row


def _measures(tests: Iterable[CaseResult]) -> dict[str, dict[str, float]]:
    """The spread of each number that the tests recorded, by its name."""
    samples: dict[str, list[float]] = {}
    for name, value in (measure for case in tests for measure in case.measures):
        samples.setdefault(name, []).append(value)
    return {name: spread(values) for name, values in samples.items()}


def _test_row(case: CaseResult) -> dict[str, Any]:
    return {
        "id": case.nodeid,
        "requirements": case.requirements,
        "outcome": case.outcome,
        "seconds": round(case.seconds, 3),
        "reason": case.reason,
        "mismatch": dict(case.fields) or None,
        "measures": _measures([case]),
    }


def _requirement_row(documents: Documents, verdict: Verdict) -> dict[str, Any]:
    requirement = verdict.requirement
    return {
        "id": requirement.id,
        "section": requirement.section,
        "level": requirement.level,
        "outcome": verdict.outcome,
        "seconds": round(verdict.seconds, 3),
        "reason": verdict.reason,
        "same_as": [name for name in documents.equivalents(requirement.id) if name != requirement.id],
        "tests": [case.nodeid for case in verdict.tests],
        "tests_passed": verdict.tests_passed,
        "measures": _measures(verdict.tests),
    }


def _levels(verdicts: Iterable[Verdict]) -> dict[str, dict[str, int]]:
    counts = Counter((verdict.requirement.level, verdict.outcome) for verdict in verdicts)
    return {
        level.value: {outcome.value: counts[level, outcome] for outcome in Outcome if counts[level, outcome]}
        for level in Level
    }


def _document_row(documents: Documents, document: Document, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    return {
        "id": document.id,
        "title": document.title,
        "url": document.url or "",
        "revision": document.revision,
        "levels": _levels(verdicts),
        "sections": [{"id": section.id, "title": section.title} for section in document.sections],
        "requirements": [_requirement_row(documents, verdict) for verdict in verdicts],
        "cited_pages": [
            {
                "id": row.id,
                "url": row.url,
                "requirements_found": row.requirements_found,
                "requirements_covered": 0,
            }
            for row in document.references
        ],
    }


def badge_line(
    about: Sequence[Document], facts: Mapping[str, str], verdicts: Sequence[Verdict], result: Result
) -> str:
    """The run in one line, as for a badge: passed of all requirements by level, and of what."""
    counts = Counter((verdict.requirement.level, verdict.outcome) for verdict in verdicts)
    totals = Counter(verdict.requirement.level for verdict in verdicts)
    passed = ", ".join(f"{counts[level, Outcome.PASSED]}/{totals[level]} {level}" for level in Level)
    where = f"Kubernetes {facts['kubernetes']} ({facts['provider']})" if facts else "no cluster"
    what = about[0].title if len(about) == 1 else f"{len(about)} documents"
    return f"{what} on {where}: {result}, {passed}"


def make_report(
    documents: Documents,
    facts: Mapping[str, str],
    verdicts: Sequence[Verdict],
    tests: Sequence[CaseResult],
    *,
    result: Result,
    status: int,
    started: float,
    seconds: float,
) -> Report:
    """The run as a report. `started` is in seconds since the epoch, `status` the exit status."""
    by_document: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        by_document.setdefault(documents.document_of(verdict.requirement.id).id, []).append(verdict)
    about = [document for document in documents if document.id in by_document]
    data = {
        "format": "headless-conformance/report/v2",
        "suite": suite_version(),
        "date": datetime.fromtimestamp(started, UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "cluster": dict(facts),
        "result": result,
        "summary": badge_line(about, facts, verdicts, result),
        "exit_status": status,
        "levels": _levels(verdicts),
        "documents": [_document_row(documents, document, by_document[document.id]) for document in about],
        "tests": [_test_row(case) for case in tests],
    }
    return Report.model_validate_json(json.dumps(data))


def write_report(report: Report, path: Path) -> None:
    """Write a report as YAML, without what is empty."""
    data = report.model_dump(mode="json", exclude_defaults=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120))


def read_report(path: Path) -> Report:
    """A report that a run wrote, of today's format or v1; UserError when there is none or it is something
    else."""
    try:
        data = yaml.load(path.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        if isinstance(data, dict) and data.get("format") == FORMAT_V1:
            return report_from_v1(data)
        return Report.model_validate_json(json.dumps(data))
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror}); name a conformance.yaml of an earlier run."
        ) from None
    except (yaml.YAMLError, ValueError, TypeError):
        raise UserError(
            f"{path} is not a conformance report of this suite; name a conformance.yaml of an earlier run."
        ) from None
