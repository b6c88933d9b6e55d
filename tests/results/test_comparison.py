"""Report files of both formats, and what differs between runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from headless_conformance.core.errors import UserError
from headless_conformance.results.comparison import compare_reports
from headless_conformance.results.report_file import read_report, write_report
from headless_conformance.results.verdict import Outcome
from tests.results.reports import all_passed, report_of

V1 = Path(__file__).parent / "report_v1.yaml"


@pytest.mark.parametrize("text", ["a: 1\n", "{", "[]\n", "format: headless-conformance/report/v1\n", "\0"])
def test_a_file_that_is_no_report_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "conformance.yaml").write_text(text)
    with pytest.raises(UserError, match="is not a conformance report of this suite"):
        read_report(tmp_path / "conformance.yaml")


def test_a_v1_report_is_read_with_todays_outcomes() -> None:
    report = read_report(V1)
    assert report.outcomes() == {
        "DOC-HLS-01": Outcome.PASSED,
        "DOC-NID-01": Outcome.FAILED,
        "DOC-NID-02": Outcome.ERROR,
        "DOC-ETH-01": Outcome.NOT_SUPPORTED,
        "DOC-XC-02": Outcome.NOT_SUPPORTED,
        "DOC-WHY-01": Outcome.NOT_JUDGED,
        "DOC-NID-07": Outcome.PASSED,
    }
    partly = next(row for row in report.requirements() if row.id == "DOC-XC-02")
    assert (len(partly.tests), partly.tests_passed) == (2, 1)
    assert [row.requirements for row in report.tests if row.id.endswith("test_hosts")] == [("DOC-ETH-01",)]
    assert [row.id for row in report.tests if not row.requirements] == ["specs/test_many.py::test_many"]
    assert report.documents[0].cited_pages[0].requirements_found == 59


def test_a_comparison_shows_differences_first_and_counts_the_rest() -> None:
    reports = [
        report_of(all_passed(measure=0.5), "1.36.4"),
        report_of(all_passed(but="ONE-B-01", measure=0.2)),
        report_of(all_passed(but="ONE-B-01", outcome=Outcome.ERROR, measure=0.2), "1.35.8"),
    ]
    assert [line.split() for line in compare_reports(["a", "b", "c"], reports)] == [
        ["a", "b", "c"],
        ["Kubernetes", "1.36.4", "1.37.0", "1.35.8"],
        ["provider", "kind", "kind", "kind"],
        ["result", "success", "failure", "failure"],
        ["ONE-B-01", "MUST", "passed", "failed", "error"],
        ["ONE-A-02", "median", "seconds", "to", "resolvable", "0.5", "0.2", "0.2"],
        ["requirements", "that", "differ:", "1;", "the", "same", "everywhere:", "5", "passed"],
    ]


def test_a_requirement_that_failed_on_every_version_is_named() -> None:
    reports = [report_of(all_passed(but="ONE-B-01"), patch) for patch in ("1.36.4", "1.37.0")]
    lines = compare_reports(["a", "b"], reports)
    assert "ONE-B-01 MUST failed failed" in [" ".join(line.split()) for line in lines]
    assert lines[-1] == "requirements that differ: 0; the same everywhere: 5 passed, 1 failed"


def test_an_old_run_is_compared_with_a_new_one(tmp_path: Path) -> None:
    write_report(report_of(all_passed()), tmp_path / "new.yaml")
    lines = [
        " ".join(line.split())
        for line in compare_reports(["a", "b"], [read_report(V1), read_report(tmp_path / "new.yaml")])
    ]
    assert "DOC-NID-02 MUST error absent" in lines
    assert "ONE-A-01 MUST absent passed" in lines
