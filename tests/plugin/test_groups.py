"""Tests of one group are told to xdist as such, so that one worker runs them in order."""

from __future__ import annotations

import pytest

from tests.miniature import miniature

pytest_plugins = ["pytester"]

GROUPED = """
@pytest.mark.requirement("MINI-A-01")
@pytest.mark.xdist_group("last")
@pytest.mark.parametrize("number", range(8))
def test_grouped(number):
    with open("ran", "a") as ran:
        ran.write(f"{os.environ['PYTEST_XDIST_WORKER']} {number}\\n")
"""
ALONE = """
@pytest.mark.requirement("MINI-A-01")
@pytest.mark.parametrize("number", range(4))
def test_alone(number):
    pass
"""


def test_a_group_runs_on_one_worker_in_order(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = miniature(pytester, monkeypatch)
    suite.write(ALONE, GROUPED)
    suite.run("-n2", "--dist=loadgroup", "--no-loadscope-reorder").assert_outcomes(passed=12)
    ran = [line.split() for line in (suite.root / "ran").read_text().splitlines()]
    assert len({worker for worker, _ in ran}) == 1
    assert [int(number) for _, number in ran] == list(range(8))
