"""Which requirements a run is about."""

from __future__ import annotations

from pathlib import Path

import pytest

from headless_conformance.core.errors import UserError
from headless_conformance.core.settings import Selection, from_env
from headless_conformance.results.report import Report
from headless_conformance.results.report_file import write_report
from headless_conformance.results.selection import select_requirements, selection_by_requirement
from headless_conformance.results.verdict import Outcome
from tests.results.reports import TWO, all_passed, report_of


def _written(path: Path, report: Report) -> Path:
    write_report(report, path)
    return path


def test_nothing_given_is_everything() -> None:
    assert list(select_requirements(TWO, Selection())) == list(TWO.requirements)


@pytest.mark.parametrize(
    ("env", "chosen"),
    [
        ({"DOCUMENT": "second"}, ["TWO-A-01", "TWO-B-01"]),
        ({"DOCUMENT": "second first", "LEVEL": "MAY"}, ["ONE-B-02"]),
        ({"REQUIREMENT": "TWO-B-01 ONE-A-02"}, ["ONE-A-02", "TWO-B-01"]),
        ({"REQUIREMENT": "TWO-B-01,ONE-A-02", "LEVEL": "MUST"}, ["TWO-B-01"]),
        ({"SECTION": "first/shared"}, ["ONE-B-01", "ONE-B-02"]),
        ({"SECTION": "second/shared,rest"}, ["TWO-A-01", "TWO-B-01"]),
        ({"LEVEL": "SHOULD"}, ["ONE-A-02"]),
    ],
    ids=lambda value: " ".join(value.values()) if isinstance(value, dict) else "",
)
def test_what_is_given_narrows_the_run(env: dict[str, str], chosen: list[str]) -> None:
    assert list(select_requirements(TWO, from_env(env).selection)) == chosen


@pytest.mark.parametrize("outcome", [found for found in Outcome if found is not Outcome.PASSED])
def test_a_rerun_takes_what_did_not_pass_of_all_documents(tmp_path: Path, outcome: Outcome) -> None:
    report = _written(tmp_path / "conformance.yaml", report_of(all_passed(but="TWO-B-01", outcome=outcome)))
    assert list(select_requirements(TWO, Selection(rerun=str(report)))) == ["TWO-B-01"]


def test_a_rerun_of_a_v1_report_takes_what_it_did_not_know(tmp_path: Path) -> None:
    v1 = Path(__file__).parent / "report_v1.yaml"
    assert list(select_requirements(TWO, Selection(rerun=str(v1), document="second"))) == [
        "TWO-A-01",
        "TWO-B-01",
    ]


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"DOCUMENT": "third"}, "DOCUMENT=third is not known; use one or more of first, second."),
        ({"REQUIREMENT": "ONE-A-99"}, "REQUIREMENT=ONE-A-99 is not known"),
        ({"SECTION": "appendix"}, "SECTION=appendix is not known; use one or more of first/start, "),
        (
            {"SECTION": "shared"},
            r"SECTION=shared is in several documents; write first/shared or second/shared\.",
        ),
        ({"LEVEL": "must"}, "LEVEL=must is not known; use one or more of MUST, SHOULD, MAY."),
        (
            {"REQUIREMENT": "ONE-A-01", "LEVEL": "MAY"},
            "No requirement is left to verify; give fewer of DOCUMENT, SECTION",
        ),
        ({"RERUN": "absent.yaml"}, r"absent.yaml cannot be read \(No such file or directory\)"),
    ],
    ids=lambda value: (
        " ".join(f"{name}={word}" for name, word in value.items()) if isinstance(value, dict) else ""
    ),
)
def test_a_wrong_selection_is_one_sentence(env: dict[str, str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        select_requirements(TWO, from_env(env).selection)


def test_a_choice_is_handed_on_by_requirement_so_that_the_earlier_report_is_read_once(tmp_path: Path) -> None:
    report = _written(tmp_path / "conformance.yaml", report_of(all_passed(but="ONE-B-01")))
    handed_on = selection_by_requirement(
        TWO, Selection(rerun=str(report), level="MUST", section="first/shared")
    )
    report.unlink()
    assert list(select_requirements(TWO, handed_on)) == ["ONE-B-01"]
    assert selection_by_requirement(TWO, Selection()) == Selection()
