"""A run that did not come to what it must is told, whatever it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headless_conformance.results.verdict import Outcome
from tests.own_set.cases import Case
from tests.own_set.plugin import REQUESTS, RESULTS
from tests.own_set.runs import FinishedRun

CASE = Case(
    "orders",
    {"A-1": "Service nothing"},
    exit_status=1,
    passed=("A-2",),
    not_supported={"A-3": "has no cat"},
)
TESTS = [
    {"requirements": ["A-1"], "outcome": Outcome.FAILED, "subject": "Service nothing"},
    {"requirements": ["A-2"], "outcome": Outcome.PASSED},
    {"requirements": ["A-3"], "outcome": Outcome.NOT_SUPPORTED, "reason": "the image has no cat"},
]
READ = "GET https://here/api/v1/namespaces/shop/pods"
OTHERS = "POST https://here/api/v1/namespaces/headless-a/pods"


def problems(
    folder: Path, tests: list[dict[str, Any]], case: Case = CASE, status: int = 1, requests: str = READ
) -> list[str]:
    blank = {"test": "test_a[shop/orders]", "reason": "", "subject": ""}
    (folder / RESULTS).write_text(json.dumps([{**blank, **test} for test in tests]))
    (folder / REQUESTS).write_text(f"{requests}\n{OTHERS}\n")
    return list(FinishedRun(case, status, folder, "").problems())


def test_what_is_as_it_must_be(tmp_path: Path) -> None:
    assert problems(tmp_path, TESTS) == []
    about_another_set = {"test": "test_a[orders]", "requirements": ["A-2"], "outcome": Outcome.FAILED}
    assert problems(tmp_path, [*TESTS, about_another_set]) == []


@pytest.mark.parametrize(
    ("number", "change", "told"),
    [
        (0, {"outcome": Outcome.PASSED}, "failed are [], not ['A-1']"),
        (0, {"subject": "Service other"}, "A-1 says ['Service other'], nothing about Service nothing"),
        (1, {"outcome": Outcome.ERROR}, "failed are ['A-1', 'A-2'], not ['A-1']"),
        (1, {"outcome": Outcome.NOT_SUPPORTED}, "A-2 is ['not_supported'], not passed"),
        (2, {"outcome": Outcome.PASSED}, "A-3 is passed (the image has no cat), not not_supported"),
        (2, {"reason": "forbidden"}, "A-3 is not_supported (forbidden), not not_supported"),
    ],
)
def test_an_outcome_that_is_another(tmp_path: Path, number: int, change: dict[str, Any], told: str) -> None:
    tests = [{**test, **(change if place == number else {})} for place, test in enumerate(TESTS)]
    found = problems(tmp_path, tests)
    assert any(problem.startswith(told) for problem in found), found


def test_another_exit_status_a_write_and_no_request(tmp_path: Path) -> None:
    assert problems(tmp_path, TESTS, status=0) == ["exit status 0, not 1"]
    write = f"{READ}\nPATCH https://here/api/v1/namespaces/shop/pods/orders-0"
    assert problems(tmp_path, TESTS, requests=write) == ["requests in its namespace: {'GET': 1, 'PATCH': 1}"]
    assert problems(tmp_path, TESTS, requests=OTHERS) == ["requests in its namespace: {}"]


def test_what_must_not_be_judged(tmp_path: Path) -> None:
    idle = Case("orders", {}, exit_status=2, not_judged=True)
    on_its_way = [{"requirements": ["A-1"], "outcome": Outcome.NOT_JUDGED}]
    assert problems(tmp_path, on_its_way, idle, status=2) == []
    assert problems(tmp_path, TESTS[1:2], idle, status=2) == ["outcomes are ['passed'], not not_judged"]
