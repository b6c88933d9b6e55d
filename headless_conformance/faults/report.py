"""Faults and requirements as data, as a page to look at, on the terminal, and as generated documentation."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from headless_conformance.core.paths import ROOT
from headless_conformance.core.progress import clock
from headless_conformance.core.templates import render_template
from headless_conformance.faults.evaluation import Effect, RequirementEffect, ScenarioRun
from headless_conformance.faults.expectation import FAILURE_SECONDS
from headless_conformance.faults.model import Fault
from headless_conformance.requirements.documents import Documents
from headless_conformance.requirements.model import Document

PAGE = ROOT / "docs" / "faults.md"
TEMPLATES = Path(__file__).parent / "templates"
EXAMPLE = "ipv6-fails"
"""The fault whose file the documentation shows."""

SIGNS = {
    Effect.DETECTED: "●",
    Effect.MISSED: "missed",
    Effect.UNEXPECTED: "failed",
    Effect.NOT_APPLICABLE: "–",
    Effect.UNKNOWN: "?",
    Effect.NONE: "",
}


@dataclass(frozen=True)
class DetectionReport:
    """What runs under faults or variations showed."""

    kind: str
    """`faults` or `variations`."""
    documents: Documents
    runs: Sequence[ScenarioRun]
    without_fault: Sequence[str]
    kubernetes: str

    @property
    def providers(self) -> list[str]:
        """Names of the providers that runs were on."""
        return sorted({run.provider for run in self.runs})


def _effect_row(one: RequirementEffect) -> dict[str, Any]:
    row: dict[str, Any] = {"requirement": one.requirement, "effect": one.effect.value}
    if one.detail:
        row["detail"] = one.detail
    if one.failure:
        row |= one.failure.model_dump(mode="json", exclude_defaults=True)
    return row


def _run_row(run: ScenarioRun) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": run.scenario.name,
        "provider": run.provider,
        "title": run.scenario.title,
        "as_expected": run.as_expected,
        "seconds": round(run.seconds, 1),
    }
    if run.audit_seconds:
        row |= {"suite_seconds": round(run.suite_seconds, 1), "audit_seconds": round(run.audit_seconds, 1)}
    if run.problem:
        row["problem"] = run.problem
    row["requirements"] = [_effect_row(one) for one in run.effects if one.effect is not Effect.NONE]
    return row


def write_detection_report(folder: Path, report: DetectionReport) -> None:
    """Write KIND.yaml and KIND.html below `folder`."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    data = {
        "date": now,
        "kubernetes": report.kubernetes,
        "providers": report.providers,
        "effects": {
            effect.value: sum(len(run.having(effect)) for run in report.runs)
            for effect in Effect
            if effect is not Effect.NONE
        },
        "requirements_without_fault": list(report.without_fault),
        report.kind: [_run_row(run) for run in report.runs],
    }
    folder.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120)
    (folder / f"{report.kind}.yaml").write_text(text)
    (folder / f"{report.kind}.html").write_text(_html(report, now))


def _html(report: DetectionReport, now: str) -> str:
    """One table for each document on which a run had an effect, with a row for each of its requirements."""
    tables = []
    for document in report.documents:
        own = {requirement.id for requirement in document.requirements}
        columns = []
        for run in report.runs:
            effects = {one.requirement: one for one in run.effects if one.requirement in own}
            had_one = any(one.effect is not Effect.NONE for one in effects.values())
            if had_one or len(report.documents.documents) == 1:
                columns.append((run, effects))
        if columns:
            tables.append((document, columns))
    return render_template(
        TEMPLATES / "report.html.j2",
        report=report,
        date=now,
        tables=tables,
        signs=SIGNS,
        failures_of=_failures_of,
        times=_times,
    )


def _failures_of(run: ScenarioRun) -> list[RequirementEffect]:
    return [one for one in run.effects if one.failure]


def print_table(runs: Sequence[ScenarioRun]) -> None:
    """The runs as a table, for a person at a terminal; elsewhere the line of each run is enough."""
    if not sys.stdout.isatty():
        return
    table = Table("scenario", "provider", "as expected")
    for effect in (Effect.DETECTED, Effect.MISSED, Effect.UNEXPECTED):
        table.add_column(effect.value, justify="right")
    for heading in ("suite", "audit"):
        table.add_column(heading, justify="right")
    for run in runs:
        counts = (
            str(len(run.having(effect))) for effect in (Effect.DETECTED, Effect.MISSED, Effect.UNEXPECTED)
        )
        told = "[green]yes" if run.as_expected else "[bold red]no"
        table.add_row(run.scenario.name, run.provider, told, *counts, *_times(run))
    Console().print(table)


def _times(run: ScenarioRun) -> tuple[str, str]:
    """What the suite took and what the audit took; a run without audit has nothing there."""
    return clock(run.suite_seconds), clock(run.audit_seconds) if run.audit_seconds else ""


def catalogue_page(faults: Sequence[Fault], documents: Documents) -> str:
    """docs/faults.md."""
    (example,) = [fault for fault in faults if fault.name == EXAMPLE]
    folders: dict[str, list[Fault]] = {}
    for fault in faults:
        folders.setdefault(fault.path.parent.name, []).append(fault)
    return render_template(
        TEMPLATES / "faults.md.j2",
        folders=dict(sorted(folders.items())),
        documents=documents,
        seconds=round(FAILURE_SECONDS),
        example=example.path.read_text(),
        example_path=example.path.relative_to(ROOT),
        listed=_listed,
    )


def _listed(fault: Fault, document: Document) -> list[str]:
    """The document's requirements that a fault lists."""
    return [one.id for one in document.requirements if one.id in fault.requirements]
