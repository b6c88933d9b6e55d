"""Outcomes, exit statuses and markers, seen on small suites in a pytest of their own."""

from __future__ import annotations

import pytest

from headless_conformance.core.versions import read_versions
from tests.miniature import (
    BREAKS,
    DEVIATES,
    EVERYTHING,
    EXPECTED_TO_FAIL,
    FAILS,
    FAILS_SHOULD,
    IS_INTERRUPTED,
    IS_ON_ITS_WAY,
    MISMATCHES,
    NEEDS_A_KUBELET,
    PASSES,
    Suite,
    miniature,
)

pytest_plugins = ["pytester"]


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    return miniature(pytester, monkeypatch)


@pytest.mark.parametrize(
    ("tests", "status", "result"),
    [
        pytest.param((PASSES,), 0, "partial", id="a pass"),
        pytest.param((PASSES, FAILS, BREAKS), 1, "failure", id="a failed MUST"),
        pytest.param((PASSES, BREAKS), 2, "failure", id="an error of a MUST"),
        pytest.param((PASSES, FAILS_SHOULD), 0, "partial", id="a failed SHOULD"),
        pytest.param((PASSES, EXPECTED_TO_FAIL), 1, "failure", id="a failure that was expected"),
        pytest.param((NEEDS_A_KUBELET, IS_ON_ITS_WAY), 2, "failure", id="nothing executed"),
        pytest.param((DEVIATES,), 0, "partial", id="a known deviation"),
        pytest.param((), 2, "failure", id="no tests"),
    ],
)
def test_exit_status(suite: Suite, tests: tuple[str, ...], status: int, result: str) -> None:
    suite.write(*tests)
    ran = suite.run()
    assert ran.ret == status, ran.stdout.str()
    assert suite.report()["exit_status"] == status
    assert suite.report()["result"] == result
    ran.stdout.fnmatch_lines([f"result {result}: *"])


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "xdist"])
def test_every_outcome_reaches_its_requirement(suite: Suite, workers: tuple[str, ...]) -> None:
    suite.write(*EVERYTHING)
    ran = suite.run(*workers)
    assert ran.ret == 1
    assert {requirement: row["outcome"] for requirement, row in suite.requirements().items()} == {
        "MINI-A-01": "passed",
        "MINI-B-01": "failed",
        "MINI-B-02": "error",
        "MINI-B-03": "error",
        "MINI-B-04": "error",
        "MINI-B-05": "error",
        "MINI-B-07": "failed",
        "MINI-B-08": "failed",
        "MINI-B-09": "failed",
        "MINI-B-10": "passed",
        "MINI-C-01": "not_supported",
        "MINI-C-02": "not_supported",
        "MINI-C-03": "not_judged",
        "MINI-C-04": "known_deviation",
    }
    assert (
        suite.requirements()["MINI-C-01"]["reason"]
        == "not supported here: the simulated cluster has no kubelet"
    )
    assert suite.requirements()["MINI-C-02"]["reason"] == (
        "not supported here: node b has no range (1 of its 2 tests passed)"
    )
    assert suite.requirements()["MINI-B-02"]["reason"] == "API server went away"
    assert suite.requirements()["MINI-B-10"]["measures"] == {
        "convergence_seconds": {"samples": 2, "min": 0.5, "median": 1.0, "max": 1.5}
    }
    assert suite.report()["cluster"]["provider"] == "simulated"
    assert suite.report()["levels"]["SHOULD"] == {"failed": 1}
    newest = read_versions().newest.patch
    ran.stdout.fnmatch_lines(
        [
            "FAILED  MINI-B-01  MUST  *",
            "*test_mini.py::test_fails",
            "*a wrong name",
            "ERROR  MINI-B-02  MUST  *",
            "KNOWN DEVIATION  MINI-C-04  MUST  *",
            "*known deviation: dead addresses stay (https://example.org/1): a dead address",
            "not supported here: the simulated cluster has no kubelet: MINI-C-01",
            "not judged: its third member is starting: MINI-C-03",
            "requirements *passed*failed*error*known deviation*not supported*not judged*skipped",
            "The mini document*MUST*2*3*4*1*2*1*2",
            "verified in part: 1 requirements, 1 of whose 2 tests passed",
            f"result failure: cluster stand-in, Kubernetes {newest}, provider simulated, *",
            "*passed*",
        ]
    )


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "xdist"])
def test_what_the_user_left_out_is_skipped(suite: Suite, workers: tuple[str, ...]) -> None:
    suite.write(PASSES, FAILS)
    assert suite.run("-k", "passes", *workers).ret == 0
    assert suite.requirements()["MINI-B-01"]["outcome"] == "skipped"
    assert suite.requirements()["MINI-B-01"]["reason"] == "deselected"
    assert suite.report()["result"] == "partial"


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["one process", "xdist"])
def test_a_failure_is_data_for_all_its_requirements(suite: Suite, workers: tuple[str, ...]) -> None:
    suite.write(MISMATCHES)
    ran = suite.run(*workers)
    assert ran.ret == 1
    rows = suite.requirements()
    assert {name: row["outcome"] for name, row in rows.items()} == {
        "MINI-B-01": "failed",
        "MINI-B-06": "failed",
    }
    test = suite.tests()["test_mismatches"]
    assert test["requirements"] == ["MINI-B-01", "MINI-B-06"]
    assert test["mismatch"] == {
        "subject": "A db.ns.svc.cluster.local.",
        "expected": "{192.0.2.1}",
        "observed": "NXDOMAIN",
        "where": {"server": "coredns-1", "transport": "udp"},
        "details": "; whole\nanswer",
    }
    assert test["reason"] == rows["MINI-B-06"]["reason"]
    assert "NXDOMAIN at coredns-1 over udp" in test["reason"]
    ran.stdout.fnmatch_lines(
        ["FAILED  MINI-B-01  *", "*NXDOMAIN at coredns-1 over udp", "FAILED  MINI-B-06  *"]
    )


def test_a_known_deviation_is_one_for_all_that_the_test_stands_for(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite.write(DEVIATES.replace('"MINI-C-04"', '"MINI-C-04", "MINI-C-03"'))
    assert suite.run().ret == 1
    outcomes = {name: row["outcome"] for name, row in suite.requirements().items()}
    assert outcomes == {"MINI-C-04": "known_deviation", "MINI-C-03": "failed"}
    monkeypatch.setenv("K8S", "1.35")
    suite.write(DEVIATES)
    assert suite.run().ret == 1
    assert suite.requirements()["MINI-C-04"]["outcome"] == "failed"


def test_a_selected_section_is_all_that_runs(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECTION", "beginning")
    suite.write(PASSES, FAILS)
    suite.write("def test_many():\n    assert False\n", where="suites/scale/test_many.py")
    assert suite.run().ret == 0
    assert {requirement: row["outcome"] for requirement, row in suite.requirements().items()} == {
        "MINI-A-01": "passed",
        "MINI-B-01": "skipped",
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
    assert suite.requirements()["MINI-A-01"]["outcome"] == "skipped"


@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_an_interrupt_has_a_shells_status_and_still_leaves_a_report(
    suite: Suite, name: str, status: int
) -> None:
    suite.write(PASSES, IS_INTERRUPTED.replace("SIGINT", name))
    assert suite.run().ret == status
    assert suite.report()["exit_status"] == status
    assert suite.requirements()["MINI-A-01"]["outcome"] == "passed"


def test_a_variable_of_an_old_name_ends_pytest_with_its_new_one(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite.write(PASSES)
    monkeypatch.setenv("CLAIM", "MINI-A-01")
    done = suite.run("--collect-only")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["*CLAIM is called REQUIREMENT now; set REQUIREMENT= in its place."])


def test_a_rerun_takes_what_did_not_pass(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    suite.write(PASSES, FAILS)
    assert suite.run().ret == 1
    monkeypatch.setenv("RERUN", "reports/conformance.yaml")
    assert suite.run().ret == 1
    assert {requirement: row["outcome"] for requirement, row in suite.requirements().items()} == {
        "MINI-A-01": "skipped",
        "MINI-B-01": "failed",
    }


def test_a_worker_that_dies_is_an_error_of_its_test(suite: Suite) -> None:
    suite.write(PASSES, IS_INTERRUPTED.replace("SIGINT", "SIGKILL"))
    ran = suite.run("-n", "1")
    assert ran.ret == 2, ran.stdout.str()
    assert suite.requirements()["MINI-A-02"]["outcome"] == "error"
    assert suite.requirements()["MINI-A-01"]["outcome"] == "passed"


WRONG_MARKERS = """
@pytest.mark.requirement("MINI-B-99")
def test_a(): pass

def test_b(): pass

@pytest.mark.requirement()
def test_c(): pass

@pytest.mark.requirement("MINI-B-01")
@pytest.mark.requirement("MINI-B-02")
def test_d(): pass

@pytest.mark.requirement("MINI-B-01")
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
            "*test_a names MINI-B-99, which is in no suites/*",
            "*test_b names no requirement of its document; *",
            "*test_c must have one marker with its IDs, *",
            "*test_d must have one marker with its IDs, *",
            "*test_e needs 'kubelet', which is not a Capability.",
            "ERROR  suites/mini/test_mini.py",
            "result failure: *",
        ]
    )


def test_each_row_of_a_table_may_name_its_own_requirement(suite: Suite) -> None:
    rows = ", ".join(f'pytest.param({n}, marks=pytest.mark.requirement("MINI-C-0{n}"))' for n in (1, 2))
    suite.write(f"@pytest.mark.parametrize('n', [{rows}])\ndef test_line(n):\n    assert n == 1\n")
    suite.run()
    assert {requirement: row["outcome"] for requirement, row in suite.requirements().items()} == {
        "MINI-C-01": "passed",
        "MINI-C-02": "failed",
    }


def test_a_failed_test_without_a_requirement_counts(suite: Suite) -> None:
    suite.write(PASSES)
    suite.write("def test_many():\n    assert False\n", where="suites/scale/test_many.py")
    assert suite.run().ret == 1
    assert "requirements" not in suite.tests()["test_many"]
    assert suite.tests()["test_many"]["outcome"] == "failed"


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
