"""A matrix goes on after a failure, keeps every version's reports, and never lets a pass hide a failure."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import ROOT
from headless_conformance.core.versions import Release, read_versions
from headless_conformance.results.report_file import write_report
from headless_conformance.results.verdict import CaseResult, Outcome
from headless_conformance.run import version_matrix as all_versions
from headless_conformance.run.version_matrix import (
    chosen_rows,
    matrix_status,
    matrix_summary,
    run_matrix,
    run_versions,
)
from tests.results.reports import TWO, report_of

VERSIONS = read_versions()
REQUIREMENT = next(iter(TWO.requirements))


def write(path: Path, minor: str, outcome: Outcome) -> None:
    write_report(report_of([CaseResult("suites/x.py::test", (REQUIREMENT,), outcome)], minor), path)


def runner(reports: Path, statuses: dict[str, int]) -> all_versions.RunRow:
    """Does what `make e2e` leaves behind; a version whose status is 2 ends before it reports."""

    def run(release: Release) -> int:
        status = statuses[release.minor]
        if status != 2:
            outcome = Outcome.PASSED if status == 0 else Outcome.FAILED
            write(reports / "conformance.yaml", release.minor, outcome)
            results = reports / "allure-results"
            results.mkdir(exist_ok=True)
            (results / f"{release.minor}-result.json").write_text("{}")
        return status

    return run


def test_all_rows_or_the_ones_that_are_named() -> None:
    assert chosen_rows(VERSIONS, "") == list(VERSIONS.rows)
    assert [row.minor for row in chosen_rows(VERSIONS, f"1.36 1.37, {VERSIONS.row('1.36').patch}")] == [
        "1.36",
        "1.37",
    ]
    with pytest.raises(UserError, match=r"1\.12"):
        chosen_rows(VERSIONS, "1.37 1.12")


def test_it_goes_on_after_a_failure_and_keeps_each_versions_reports(tmp_path: Path) -> None:
    rows = chosen_rows(VERSIONS, "1.35 1.36 1.37")
    done = run_matrix(rows, tmp_path, runner(tmp_path, {"1.35": 1, "1.36": 2, "1.37": 0}))
    assert [(row.minor, row.status) for row in done] == [("1.35", 1), ("1.36", 2), ("1.37", 0)]
    results = {path.relative_to(tmp_path).as_posix() for path in tmp_path.glob("matrix/*/allure-results/*")}
    assert results == {
        "matrix/1.35/allure-results/1.35-result.json",
        "matrix/1.37/allure-results/1.37-result.json",
    }
    assert matrix_status(done) == 1


def test_the_summary_shows_the_difference_and_what_gave_no_report(tmp_path: Path) -> None:
    rows = chosen_rows(VERSIONS, "1.35 1.36 1.37")
    lines = matrix_summary(run_matrix(rows, tmp_path, runner(tmp_path, {"1.35": 1, "1.36": 2, "1.37": 0})))
    (row,) = [line for line in lines if line.startswith(REQUIREMENT)]
    assert row.split() == [REQUIREMENT, "MUST", "failed", "passed"]
    assert "1.36: no report, exit status 2" in lines


def test_reports_of_an_earlier_run_are_nobodys(tmp_path: Path) -> None:
    write(tmp_path / "conformance.yaml", "1.37", Outcome.PASSED)
    done = run_matrix(chosen_rows(VERSIONS, "1.37"), tmp_path, runner(tmp_path, {"1.37": 2}))
    assert done[0].report is None
    assert matrix_status(done) == 2


def test_an_interrupt_ends_it(tmp_path: Path) -> None:
    done = run_matrix(list(VERSIONS.rows), tmp_path, lambda _: 130)
    assert len(done) == 1
    assert matrix_status(done) == 130


def test_wrong_settings_end_it_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(all_versions, "run_version", lambda *_: pytest.fail("it ran"))
    for wrong, said in (({"PROVIDER": "existing"}, "PROVIDER=existing"), ({"K8S": "1.12"}, "K8S=1.12")):
        with pytest.raises(UserError, match=said):
            run_versions(wrong)


def test_tox_has_an_environment_for_every_row() -> None:
    text = (ROOT / "tox.ini").read_text()
    named = re.search(r"\[testenv:k8s-\{(.*)\}\]", text)
    assert named
    assert named[1].split(",") == [row.minor for row in VERSIONS.rows]
    assert re.findall(r"^    (\S+): K8S = (\S+)$", text, re.MULTILINE) == [
        (row.minor, row.minor) for row in VERSIONS.rows
    ]
