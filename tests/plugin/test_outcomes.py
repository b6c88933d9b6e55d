"""Outcomes, exit statuses and markers, seen on small suites in a pytest of their own."""

from __future__ import annotations

import pytest

from headless_conformance.core.versions import load
from tests.miniature import (
    BREAKS,
    EVERYTHING,
    EXPECTED_TO_FAIL,
    FAILS,
    IS_INTERRUPTED,
    NEEDS_A_KUBELET,
    PASSES,
    RED_SHOULD,
    Suite,
    empty_suite,
)

pytest_plugins = ["pytester"]


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    return empty_suite(pytester, monkeypatch)


@pytest.mark.parametrize(
    ("tests", "status", "result"),
    [
        pytest.param((PASSES,), 0, "partial", id="a pass"),
        pytest.param((PASSES, FAILS, BREAKS), 1, "failure", id="a failed MUST"),
        pytest.param((PASSES, BREAKS), 2, "failure", id="a broken MUST"),
        pytest.param((PASSES, RED_SHOULD), 0, "partial", id="a failure SHOULD"),
        pytest.param((PASSES, EXPECTED_TO_FAIL), 1, "failure", id="a failure that was expected"),
        pytest.param((NEEDS_A_KUBELET,), 2, "failure", id="nothing executed"),
        pytest.param((), 2, "failure", id="no tests"),
    ],
)
def test_exit_status(suite: Suite, tests: tuple[str, ...], status: int, result: str) -> None:
    suite.write(*tests)
    ran = suite.run()
    assert ran.ret == status, ran.stdout.str()
    assert suite.record()["exit_status"] == status
    assert suite.record()["result"] == result
    ran.stdout.fnmatch_lines([f"result {result}: *"])


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "xdist"])
def test_every_outcome_reaches_its_claim(suite: Suite, workers: tuple[str, ...]) -> None:
    suite.write(*EVERYTHING)
    ran = suite.run(*workers)
    assert ran.ret == 1
    assert {requirement: row["outcome"] for requirement, row in suite.requirements().items()} == {
        "SEED-HLS-01": "passed",
        "SEED-NID-01": "failed",
        "SEED-NID-02": "broken",
        "SEED-NID-03": "broken",
        "SEED-NID-04": "broken",
        "SEED-NID-05": "broken",
        "SEED-NID-07": "failed",
        "SEED-NID-08": "failed",
        "SEED-NID-09": "failed",
        "SEED-NID-10": "passed",
        "SEED-ETH-01": "not supported",
        "SEED-XC-02": "partly verified",
    }
    assert suite.requirements()["SEED-ETH-01"]["reason"] == "not supported here: the simulated cluster has no kubelet"
    assert suite.requirements()["SEED-XC-02"]["reason"] == "not supported here: node b has no range"
    assert suite.requirements()["SEED-NID-02"]["reason"] == "API server went away"
    assert suite.requirements()["SEED-NID-10"]["measures"] == {
        "convergence_seconds": {"samples": 2, "min": 0.5, "median": 1.0, "max": 1.5}
    }
    assert suite.record()["cluster"]["provider"] == "simulated"
    assert suite.record()["levels"]["SHOULD"] == {"failed": 1, "skipped": 1}
    ran.stdout.fnmatch_lines(
        [
            "FAILED  SEED-NID-01  MUST  *",
            "*test_specs.py::test_fails",
            "*a wrong name",
            "BROKEN  SEED-NID-02  MUST  *",
            "not supported here: the simulated cluster has no kubelet: SEED-ETH-01",
            "requirements *passed*failed*broken*partly verified*not supported*skipped",
            f"result failure: cluster stand-in, Kubernetes {load().newest.patch}, provider simulated, *",
            "*passed*",
        ]
    )


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "xdist"])
def test_what_the_user_left_out_is_skipped(suite: Suite, workers: tuple[str, ...]) -> None:
    suite.write(PASSES, FAILS)
    assert suite.run("-k", "passes", *workers).ret == 0
    assert suite.requirements()["SEED-NID-01"]["outcome"] == "skipped"
    assert suite.requirements()["SEED-NID-01"]["reason"] == "deselected"
    assert suite.record()["result"] == "partial"


def test_a_selected_section_is_all_that_runs(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECTION", "headless-service")
    suite.write(PASSES, FAILS)
    suite.write("def test_many():\n    assert False\n", where="suites/scale/test_many.py")
    assert suite.run().ret == 0
    assert {requirement: row["outcome"] for requirement, row in suite.requirements().items()} == {
        "SEED-HLS-01": "passed",
        "SEED-NID-01": "skipped",
    }


def test_strict_makes_a_partial_run_3_and_no_other(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRICT", "1")
    suite.write(PASSES)
    assert suite.run().ret == 3
    suite.write(PASSES, BREAKS)
    assert suite.run().ret == 2


def test_what_never_ran_is_not_passed(suite: Suite) -> None:
    suite.write(FAILS, PASSES)
    assert suite.run("-x").ret == 1
    assert suite.requirements()["SEED-HLS-01"]["outcome"] == "skipped"


def test_an_interrupt_is_130_and_still_leaves_a_report(suite: Suite) -> None:
    suite.write(PASSES, IS_INTERRUPTED)
    assert suite.run().ret == 130
    assert suite.record()["exit_status"] == 130
    assert suite.requirements()["SEED-HLS-01"]["outcome"] == "passed"


def test_a_rerun_takes_what_was_not_green(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    suite.write(PASSES, FAILS)
    assert suite.run().ret == 1
    monkeypatch.setenv("RERUN", "reports/conformance.yaml")
    assert suite.run().ret == 1
    assert {requirement: row["outcome"] for requirement, row in suite.requirements().items()} == {
        "SEED-HLS-01": "skipped",
        "SEED-NID-01": "failed",
    }


def test_a_worker_that_dies_breaks_its_claim(suite: Suite) -> None:
    suite.write(PASSES, IS_INTERRUPTED.replace("SIGINT", "SIGKILL"))
    ran = suite.run("-n", "1")
    assert ran.ret == 2, ran.stdout.str()
    assert suite.requirements()["SEED-WHY-01"]["outcome"] == "broken"
    assert suite.requirements()["SEED-HLS-01"]["outcome"] == "passed"


WRONG_MARKERS = """
@pytest.mark.claim("SEED-NID-99")
def test_a(): pass

def test_b(): pass

@pytest.mark.claim("SEED-NID-01", "SEED-NID-02")
def test_c(): pass

@pytest.mark.claim("SEED-NID-01")
@pytest.mark.claim("SEED-NID-02")
def test_d(): pass

@pytest.mark.claim("SEED-NID-01")
@pytest.mark.needs("kubelet")
def test_e(): pass
"""


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["one process", "xdist"])
def test_wrong_markers_are_a_collection_error(suite: Suite, workers: tuple[str, ...]) -> None:
    suite.write(WRONG_MARKERS)
    ran = suite.run(*workers)
    assert ran.ret == 2
    ran.stdout.fnmatch_lines(
        [
            "*test_a names SEED-NID-99, which is not in suites/*",
            "*test_b names no requirement; *",
            "*test_c must name exactly one requirement, *",
            "*test_d must name exactly one requirement, *",
            "*test_e needs 'kubelet', which is not a Capability.",
            "BROKEN  suites/headless_service/test_specs.py",
            "result failure: *",
        ]
    )


def test_each_row_of_a_table_may_name_its_own_claim(suite: Suite) -> None:
    rows = ", ".join(f'pytest.param({n}, marks=pytest.mark.claim("SEED-ETH-0{n}"))' for n in (1, 2))
    suite.write(f"@pytest.mark.parametrize('n', [{rows}])\ndef test_line(n):\n    assert n == 1\n")
    suite.run()
    assert {requirement: row["outcome"] for requirement, row in suite.requirements().items()} == {
        "SEED-ETH-01": "passed",
        "SEED-ETH-02": "failed",
    }


def test_a_red_spec_without_a_claim_counts(suite: Suite) -> None:
    suite.write(PASSES)
    suite.write("def test_many():\n    assert False\n", where="suites/scale/test_many.py")
    assert suite.run().ret == 1
    assert suite.record()["other_tests"][0]["outcome"] == "failed"


def test_our_own_tests_keep_the_ways_of_pytest(suite: Suite) -> None:
    suite.write("def test_own():\n    raise OSError\n", where="tests/test_own.py")
    ran = suite.run(target="tests")
    assert ran.ret == 1
    assert not (suite.root / "reports").exists()
    assert "result" not in ran.stdout.str()


def test_collecting_writes_nothing(suite: Suite) -> None:
    suite.write(PASSES)
    assert suite.run("--collect-only").ret == 0
    assert not (suite.root / "reports").exists()


def test_a_wrong_setting_is_one_sentence(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K8S", "1.12")
    ran = suite.run()
    assert ran.ret == 4
    ran.stderr.fnmatch_lines(["ERROR: K8S=1.12 is not a row of versions.yaml; *"])
