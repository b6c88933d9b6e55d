"""The suite on each version, one after the other, and what differs between them.

K8S names the rows (`K8S="1.36 1.37"`), all of versions.yaml without it. A failure does not end the matrix.
Each version's reports are kept in reports/matrix/<minor>/, for `make report` to merge.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from headless_conformance.core.errors import UserError
from headless_conformance.core.interrupts import INTERRUPT_STATUSES
from headless_conformance.core.paths import REPORTS
from headless_conformance.core.settings import Selection, variables_of
from headless_conformance.core.versions import Release, Versions, read_versions
from headless_conformance.providers.registry import provider_named, settings_of_run
from headless_conformance.requirements.documents import load_documents
from headless_conformance.results.comparison import compare_reports
from headless_conformance.results.report import Report
from headless_conformance.results.report_file import REPORT_NAME, read_report
from headless_conformance.results.selection import selection_by_requirement
from headless_conformance.results.verdict import STATUS_ERROR, STATUS_FAILED
from headless_conformance.run.runner import GRACE_SECONDS, e2e_command, supervised

_FOLDER = "matrix"
SUMMARY = "summary.txt"
_FILES = (REPORT_NAME, "junit.xml", "allure-results", "kind-logs")
"""What one version's run leaves in reports/."""
FINISH_SECONDS = GRACE_SECONDS + 150
"""How long an interrupted version may take: pytest's own time, then the runner's to delete the cluster."""

RunRow = Callable[[Release], int]
"""Runs the suite on one version and returns its exit status."""


@dataclass(frozen=True)
class VersionRun:
    """One version's run."""

    minor: str
    status: int
    report: Report | None
    """Its conformance.yaml; None when it ended before there was one."""


def chosen_rows(versions: Versions, asked: str) -> list[Release]:
    """The rows that K8S names, by blanks or commas, each once; all of them when it is empty."""
    words = asked.replace(",", " ").split()
    return list(dict.fromkeys(versions.row(word) for word in words)) or list(versions.rows)


def run_matrix(rows: Sequence[Release], reports: Path, run: RunRow) -> list[VersionRun]:
    """Run each version and put its reports into a folder of its own; ends early only when a run was
    interrupted."""
    target = reports / _FOLDER
    shutil.rmtree(target, ignore_errors=True)
    done: list[VersionRun] = []
    for number, release in enumerate(rows, start=1):
        print(f"\n=== Kubernetes {release.patch}: {number} of {len(rows)} ===", flush=True)
        for name in _FILES:
            _remove(reports / name)
        status = run(release)
        done.append(VersionRun(release.minor, status, _kept(reports, target / release.minor)))
        if status in INTERRUPT_STATUSES:
            break
    return done


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _kept(reports: Path, folder: Path) -> Report | None:
    folder.mkdir(parents=True)
    for name in _FILES:
        if (reports / name).is_dir():
            shutil.copytree(reports / name, folder / name)
        elif (reports / name).exists():
            shutil.copy(reports / name, folder / name)
    report = folder / REPORT_NAME
    return read_report(report) if report.exists() else None


def matrix_status(rows: Sequence[VersionRun]) -> int:
    """An interrupt first, then a failed MUST, then whatever else was not well."""
    statuses = [row.status for row in rows]
    for status in (*INTERRUPT_STATUSES, STATUS_FAILED, STATUS_ERROR):
        if status in statuses:
            return status
    return max(statuses, default=STATUS_ERROR)


def matrix_summary(rows: Sequence[VersionRun]) -> list[str]:
    """The table of requirements and versions, differences first, and what each version came to."""
    reported = [(row.minor, row.report) for row in rows if row.report is not None]
    lines = ["", "=== matrix ==="]
    if reported:
        lines += compare_reports([minor for minor, _ in reported], [report for _, report in reported])
    for row in rows:
        lines.append(
            f"{row.minor}: {row.report.summary}"
            if row.report
            else f"{row.minor}: no report, exit status {row.status}"
        )
    return lines


def run_version(choice: Selection, release: Release) -> int:
    """The suite, or the requirements of a choice, on one version, as `make e2e` runs it."""
    return supervised(
        e2e_command(), {**os.environ, **variables_of(choice), "K8S": release.minor}, FINISH_SECONDS
    )


def run_versions(env: Mapping[str, str]) -> int:
    """Run the matrix and print its summary; its exit status. UserError when the settings are wrong."""
    rows = chosen_rows(read_versions(), env.get("K8S", ""))
    settings = settings_of_run({**env, "K8S": rows[0].minor})
    if (asked := settings.provider) and not provider_named(asked).prepares:
        raise UserError(
            f"A matrix creates its clusters; leave PROVIDER={asked} out, or use `make e2e` for that cluster."
        )
    choice = selection_by_requirement(load_documents(), settings.selection)
    REPORTS.mkdir(exist_ok=True)
    done = run_matrix(rows, REPORTS, partial(run_version, choice))
    lines = matrix_summary(done)
    (REPORTS / _FOLDER / SUMMARY).write_text("\n".join(lines[2:]) + "\n")
    print("\n".join(lines))
    return matrix_status(done)
