"""`reports/conformance.yaml`: one run as data for other programs. Its schema is docs/conformance-report.schema.json."""

from __future__ import annotations

import json
import statistics
import subprocess
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import ROOT
from headless_conformance.core.process import output_of
from headless_conformance.requirements.register import Level, Reference, Register
from headless_conformance.results.verdict import CaseResult, Outcome, Result, Verdict

SCHEMA = ROOT / "docs" / "conformance-report.schema.json"
FORMAT = "headless-conformance/report/v1"

PERCENTILE_SAMPLES = 20
"""A 95th percentile is stated from this many samples on."""


def suite_version() -> dict[str, Any]:
    """This suite's version and, in a git clone, its commit and whether the files differ from it."""
    version: dict[str, Any] = {"version": tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]}
    try:
        version["commit"] = output_of(["git", "-C", ROOT, "rev-parse", "HEAD"]).strip()
        version["modified"] = bool(output_of(["git", "-C", ROOT, "status", "--porcelain"]).strip())
    except (OSError, subprocess.SubprocessError):
        version.pop("commit", None)
    return version


def spread(samples: Sequence[float]) -> dict[str, float]:
    """Number of samples, minimum, median, maximum and, from 20 samples on, 95th percentile (of the samples' own unit)."""
    row: dict[str, float] = {
        "samples": len(samples),
        "min": round(min(samples), 3),
        "median": round(statistics.median(samples), 3),
        "max": round(max(samples), 3),
    }
    if len(samples) >= PERCENTILE_SAMPLES:
        row["p95"] = round(statistics.quantiles(samples, n=20, method="inclusive")[-1], 3)
    return row


def measures_of(tests: Sequence[CaseResult]) -> dict[str, dict[str, float]]:
    """The spread of each number that the tests recorded, by its name."""
    samples: dict[str, list[float]] = {}
    for name, value in (measure for case in tests for measure in case.measures):
        samples.setdefault(name, []).append(value)
    return {name: spread(values) for name, values in samples.items()}


def _spec_row(case: CaseResult) -> dict[str, Any]:
    row: dict[str, Any] = {"id": case.nodeid, "outcome": case.outcome.value, "seconds": round(case.seconds, 3)}
    return {**row, "reason": case.reason} if case.reason else row


def _requirement_row(verdict: Verdict) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": verdict.requirement.id,
        "level": verdict.requirement.level.value,
        "outcome": verdict.outcome.value,
        "seconds": round(verdict.seconds, 3),
    }
    if verdict.reason:
        row["reason"] = verdict.reason
    if verdict.tests:
        row["tests"] = [_spec_row(case) for case in verdict.tests]
    if measures := measures_of(verdict.tests):
        row["measures"] = measures
    return row


def _reference_row(reference: Reference) -> dict[str, Any]:
    return {
        "id": reference.id,
        "url": reference.url,
        "requirements_found": reference.requirements_found,
        "requirements_covered": 0,
    }


def summary(facts: Mapping[str, str], verdicts: Sequence[Verdict], result: Result) -> str:
    """The run in one line, as for a badge: passed of all requirements by level, and of what."""
    counts = Counter((verdict.requirement.level, verdict.outcome) for verdict in verdicts)
    totals = Counter(verdict.requirement.level for verdict in verdicts)
    passed = ", ".join(f"{counts[level, Outcome.PASSED]}/{totals[level]} {level}" for level in Level)
    where = f"Kubernetes {facts['kubernetes']} ({facts['provider']})" if facts else "no cluster"
    return f"headless Services on {where}: {result}, {passed}"


def read(path: Path) -> dict[str, Any]:
    """A report that a run wrote; UserError when there is none or it is something else."""
    try:
        loaded = yaml.safe_load(path.read_text())
        jsonschema.validate(loaded, json.loads(SCHEMA.read_text()), jsonschema.Draft202012Validator)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); name a conformance.yaml of an earlier run.") from None
    except (yaml.YAMLError, jsonschema.ValidationError, UnicodeDecodeError):
        raise UserError(f"{path} is not a conformance report of this suite; name a conformance.yaml of an earlier run.") from None
    report: dict[str, Any] = loaded
    return report


def record(
    register: Register,
    facts: Mapping[str, str],
    verdicts: Sequence[Verdict],
    unassigned: Sequence[CaseResult],
    *,
    result: Result,
    status: int,
    started: float,
    seconds: float,
) -> dict[str, Any]:
    """The run, checked against the schema. `started` is in seconds since the epoch, `status` the exit status."""
    counts = Counter((verdict.requirement.level, verdict.outcome) for verdict in verdicts)
    done = {
        "format": FORMAT,
        "suite": suite_version(),
        "date": datetime.fromtimestamp(started, UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "cluster": dict(facts),
        "result": result.value,
        "summary": summary(facts, verdicts, result),
        "exit_status": status,
        "levels": {
            level.value: {outcome.value: counts[level, outcome] for outcome in Outcome if counts[level, outcome]}
            for level in Level
        },
        "document": register.id,
        "requirements": [_requirement_row(verdict) for verdict in verdicts],
        "other_tests": [_spec_row(case) for case in unassigned],
        "cited_pages": [_reference_row(reference) for reference in register.references],
    }
    jsonschema.validate(done, json.loads(SCHEMA.read_text()), jsonschema.Draft202012Validator)
    return done
