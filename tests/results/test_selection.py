"""Which requirements a run is about, and what is said of two runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from headless_conformance.cli.program import run
from headless_conformance.core.errors import UserError
from headless_conformance.requirements import register as requirements
from headless_conformance.results import comparison as compare
from headless_conformance.results.report_file import read, record
from headless_conformance.results.selection import as_requirements, selected
from headless_conformance.results.verdict import CaseResult, Outcome, judge_all, result_of, status_of

REGISTER = requirements.load()


def _report(minor: str, *tests: CaseResult) -> dict[str, Any]:
    verdicts = judge_all(REGISTER.requirements, tests)
    facts = {"cluster": "c", "provider": "kind", "kubernetes": minor}
    result, status = result_of(verdicts), status_of(verdicts, [], strict=False)
    return record(REGISTER, facts, verdicts, [], result=result, status=status, started=0.0, seconds=9.0)


def _written(path: Path, report: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(report))
    return path


def _all_passed(*, but: str = "", outcome: Outcome = Outcome.FAILED, delay: float = 0.2) -> list[CaseResult]:
    outcomes = {requirement: outcome if requirement == but else Outcome.PASSED for requirement in REGISTER.requirements}
    delays = {"SEED-NID-07": (("seconds to resolvable", delay),)}
    return [
        CaseResult(f"test_{requirement}", requirement, became, measures=delays.get(requirement, ()))
        for requirement, became in outcomes.items()
    ]


def test_nothing_given_is_everything() -> None:
    assert list(selected(REGISTER, {})) == list(REGISTER.requirements)


@pytest.mark.parametrize(
    ("env", "chosen"),
    [
        ({"REQUIREMENT": "SEED-NID-07 SEED-HLS-03"}, ["SEED-HLS-03", "SEED-NID-07"]),
        ({"REQUIREMENT": "SEED-NID-07,SEED-HLS-03", "LEVEL": "MUST"}, ["SEED-HLS-03"]),
        ({"SECTION": "apply"}, [f"SEED-APL-0{n}" for n in range(1, 5)]),
        ({"LEVEL": "SHOULD"}, ["SEED-DSC-15", "SEED-NID-07"]),
    ],
    ids=lambda value: " ".join(value.values()) if isinstance(value, dict) else "",
)
def test_what_is_given_narrows_the_run(env: dict[str, str], chosen: list[str]) -> None:
    assert list(selected(REGISTER, env)) == chosen


def test_a_rerun_takes_what_was_not_green(tmp_path: Path) -> None:
    report = _written(tmp_path / "conformance.yaml", _report("1.37.0", *_all_passed(but="SEED-XC-02")))
    assert list(selected(REGISTER, {"RERUN": str(report)})) == ["SEED-XC-02"]


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"REQUIREMENT": "SEED-NID-99"}, "REQUIREMENT=SEED-NID-99 is not known"),
        ({"SECTION": "appendix"}, "SECTION=appendix is not known; use one or more of motivation, "),
        ({"LEVEL": "must"}, "LEVEL=must is not known; use one or more of MUST, SHOULD, MAY."),
        ({"REQUIREMENT": "SEED-NID-01", "LEVEL": "MAY"}, "No requirement is left to verify"),
        ({"RERUN": "absent.yaml"}, r"absent.yaml cannot be read \(No such file or directory\)"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_a_wrong_selection_is_one_sentence(env: dict[str, str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        selected(REGISTER, env)


def test_a_choice_is_handed_on_as_claims_so_that_the_earlier_report_is_read_once(tmp_path: Path) -> None:
    report = _written(tmp_path / "conformance.yaml", _report("1.37.0", *_all_passed(but="SEED-XC-02")))
    handed_on = as_requirements({"RERUN": str(report), "LEVEL": "MUST"})
    report.unlink()
    assert list(selected(REGISTER, handed_on)) == ["SEED-XC-02"]
    assert as_requirements({"REQUIREMENT": ""}) == {}


@pytest.mark.parametrize("text", ["a: 1\n", "{", "[]\n"])
def test_a_file_that_is_no_report_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "conformance.yaml").write_text(text)
    with pytest.raises(UserError, match="is not a conformance report of this suite"):
        read(tmp_path / "conformance.yaml")


def test_the_summary_is_one_line() -> None:
    assert _report("1.37.0", *_all_passed())["summary"] == (
        "headless Services on Kubernetes 1.37.0 (kind): success, 63/63 MUST, 2/2 SHOULD, 3/3 MAY"
    )


def test_a_comparison_shows_differences_first_and_counts_the_rest() -> None:
    reports = [
        _report("1.36.4", *_all_passed(delay=0.5)),
        _report("1.37.0", *_all_passed(but="SEED-NID-05")),
        _report("1.35.8", *_all_passed(but="SEED-NID-05", outcome=Outcome.ERROR)),
    ]
    assert compare.comparison(["a", "b", "c"], reports) == [
        "                                           a        b        c",
        "Kubernetes                                 1.36.4   1.37.0   1.35.8",
        "provider                                   kind     kind     kind",
        "result                                     success  failure  failure",
        "SEED-NID-05  MUST                          passed   failed   broken",
        "SEED-NID-07  median seconds to resolvable  0.5      0.2      0.2",
        "requirements that differ: 1; the same everywhere: 67 passed",
    ]


def test_a_claim_that_failed_on_every_version_is_named() -> None:
    reports = [_report(patch, *_all_passed(but="SEED-NID-05")) for patch in ("1.36.4", "1.37.0")]
    lines = compare.comparison(["a", "b"], reports)
    assert "SEED-NID-05 MUST failed failed" in [" ".join(line.split()) for line in lines]
    assert lines[-1] == "requirements that differ: 0; the same everywhere: 67 passed, 1 failed"


def test_compare_needs_two_reports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = str(_written(tmp_path / "first.yaml", _report("1.36.4", *_all_passed())))
    assert run(["compare", first]) == 2
    assert "make compare A=" in capsys.readouterr().err
    assert run(["compare", first, first]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "requirements that differ: 0; the same everywhere: 68 passed"
