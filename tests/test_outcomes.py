"""Outcomes and exit statuses, seen on small suites in a pytest of their own."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from conformance.paths import ROOT

pytest_plugins = ["pytester"]

CONFTEST = """
from pathlib import Path

import pytest

from conformance.settings import Provider
from conformance.versions import load
from fixtures.providers import Capability, Cluster

pytest_plugins = ["fixtures.claims", "fixtures.outcomes", "fixtures.reports"]


@pytest.fixture(scope="session")
def cluster():
    return Cluster(
        name="stand-in", provider=Provider.SIMULATED, release=load().newest, kubeconfig=Path("absent"), kubectl=Path(),
        capabilities=frozenset({Capability.SEVERAL_NODES}), images={},
    )
"""

HEAD = """
import os, signal
import pytest
from fixtures.claims import not_supported
from fixtures.providers import Capability
"""
PASSES = """
@pytest.mark.claim("SEED-HLS-01")
def test_passes():
    pass
"""
FAILS = """
@pytest.mark.claim("SEED-NID-01")
def test_fails():
    assert "mysql-0" == "mysql-sts-0", "a wrong name"
"""
BREAKS = """
@pytest.mark.claim("SEED-NID-02")
def test_breaks():
    raise ConnectionError("API server went away")
"""
BREAKS_IN_SET_UP = """
@pytest.fixture
def stack():
    assert False, "MySQL never became ready"

@pytest.mark.claim("SEED-NID-03")
def test_breaks_in_set_up(stack):
    pass
"""
BREAKS_IN_TEAR_DOWN = """
@pytest.fixture
def leftovers():
    yield
    assert False, "a namespace stayed"

@pytest.mark.claim("SEED-NID-04")
def test_breaks_in_tear_down(leftovers):
    pass
"""
RUNS_INTO_A_LIMIT = """
@pytest.mark.claim("SEED-NID-05")
def test_runs_into_a_limit():
    pytest.fail("Timeout (>1.0s) from pytest-timeout.")
"""
NEEDS_A_KUBELET = """
@pytest.fixture(scope="session")
def expensive():
    raise RuntimeError("this fixture must not start")

@pytest.mark.claim("SEED-ETH-01")
@pytest.mark.needs(Capability.KUBELET)
def test_needs_a_kubelet(expensive):
    pass
"""
SEES_NO_SUPPORT = """
@pytest.mark.claim("SEED-XC-02")
@pytest.mark.needs(Capability.SEVERAL_NODES)
@pytest.mark.parametrize("node", ["a", "b"])
def test_sees_no_support(cluster, node):
    if node == "b":
        not_supported("node b has no range")
"""
RED_SHOULD = """
@pytest.mark.claim("SEED-NID-07")
def test_red_should():
    assert 70 <= 60, "70 s"
"""
EXPECTED_TO_FAIL = """
@pytest.mark.claim("SEED-NID-08")
@pytest.mark.xfail
def test_expected_to_fail():
    assert False, "no connection"
"""
FAILS_AND_BREAKS = """
@pytest.mark.claim("SEED-NID-09")
@pytest.mark.parametrize("how", ["passes", "breaks", "fails"])
def test_both(how):
    assert how != "fails", "a wrong set"
    if how == "breaks":
        raise OSError
"""
MEASURES = """
@pytest.mark.claim("SEED-NID-10")
def test_measures(record_property):
    record_property("convergence_seconds", 0.5)
    record_property("convergence_seconds", 1.5)
    record_property("server", "10")
"""
IS_INTERRUPTED = """
@pytest.mark.claim("SEED-WHY-01")
def test_is_interrupted():
    os.kill(os.getpid(), signal.SIGINT)
"""
EVERYTHING = (
    PASSES,
    FAILS,
    BREAKS,
    BREAKS_IN_SET_UP,
    BREAKS_IN_TEAR_DOWN,
    RUNS_INTO_A_LIMIT,
    NEEDS_A_KUBELET,
    SEES_NO_SUPPORT,
    RED_SHOULD,
    EXPECTED_TO_FAIL,
    FAILS_AND_BREAKS,
    MEASURES,
)


class Suite:
    """A clone in miniature: specs below suites/headless_service, and what a run of them left behind."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self._pytester = pytester
        self.root = pytester.path
        pytester.makeini("[pytest]\nstrict = true\naddopts = -ra -p no:cacheprovider\n")
        pytester.makeconftest(CONFTEST)
        (self.root / "suites" / "headless_service").mkdir(parents=True)

    def write(self, *specs: str, where: str = "suites/headless_service/test_specs.py") -> None:
        (self.root / where).parent.mkdir(parents=True, exist_ok=True)
        (self.root / where).write_text(HEAD + "".join(specs))

    def run(self, *arguments: str, target: str = "suites") -> pytest.RunResult:
        return self._pytester.runpytest_subprocess(target, *arguments)

    def record(self) -> dict[str, Any]:
        loaded: dict[str, Any] = yaml.safe_load((self.root / "reports" / "conformance.yaml").read_text())
        return loaded

    def claims(self) -> dict[str, dict[str, Any]]:
        """Rows of the claims that had a spec, by ID."""
        return {row["id"]: row for row in self.record()["claims"] if "specs" in row}

    def allure(self) -> list[dict[str, Any]]:
        return [json.loads(path.read_text()) for path in (self.root / "reports/allure-results").glob("*-result.json")]


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in ("K8S", "PROVIDER", "STRICT", "REPORT_LANG", "CLAIM", "SECTION", "LEVEL", "RERUN", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    return Suite(pytester)


@pytest.mark.parametrize(
    ("specs", "status", "result"),
    [
        pytest.param((PASSES,), 0, "partial", id="a pass"),
        pytest.param((PASSES, FAILS, BREAKS), 1, "failure", id="a failed MUST"),
        pytest.param((PASSES, BREAKS), 2, "failure", id="a broken MUST"),
        pytest.param((PASSES, RED_SHOULD), 0, "partial", id="a red SHOULD"),
        pytest.param((PASSES, EXPECTED_TO_FAIL), 1, "failure", id="a red that was expected"),
        pytest.param((NEEDS_A_KUBELET,), 2, "failure", id="nothing executed"),
        pytest.param((), 2, "failure", id="no specs"),
    ],
)
def test_exit_status(suite: Suite, specs: tuple[str, ...], status: int, result: str) -> None:
    suite.write(*specs)
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
    assert {claim: row["outcome"] for claim, row in suite.claims().items()} == {
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
    assert suite.claims()["SEED-ETH-01"]["reason"] == "not supported here: the simulated cluster has no kubelet"
    assert suite.claims()["SEED-XC-02"]["reason"] == "not supported here: node b has no range"
    assert suite.claims()["SEED-NID-02"]["reason"] == "API server went away"
    assert suite.claims()["SEED-NID-10"]["measures"] == {
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
            "claims *passed*failed*broken*partly verified*not supported*skipped",
            "result failure: cluster stand-in, Kubernetes 1.37.0, provider simulated, *",
            "*passed*",
        ]
    )


def test_junit_and_allure_keep_failed_and_broken_apart(suite: Suite) -> None:
    suite.write(*EVERYTHING)
    suite.run("-n", "2")
    junit = ElementTree.parse(suite.root / "reports" / "junit.xml")
    cases = {case.get("name"): {child.tag for child in case} - {"properties"} for case in junit.iter("testcase")}
    assert cases["test_fails"] == {"failure"}
    assert cases["test_breaks"] == cases["test_runs_into_a_limit"] == cases["test_breaks_in_set_up"] == {"error"}
    totals = next(junit.iter("testsuite"))
    assert int(totals.get("failures", "")) == sum("failure" in tags for tags in cases.values())
    assert int(totals.get("errors", "")) == sum("error" in tags for tags in cases.values())
    statuses = {row["fullName"].partition("#")[2]: row["status"] for row in suite.allure()}
    assert statuses["test_fails"] == "failed"
    broken = ("test_breaks", "test_breaks_in_set_up", "test_breaks_in_tear_down", "test_runs_into_a_limit")
    assert {statuses[name] for name in broken} == {"broken"}
    assert statuses["test_needs_a_kubelet"] == "skipped"


def test_measured_times_are_one_picture_of_the_whole_run(suite: Suite) -> None:
    suite.write(MEASURES)
    suite.run("-n", "1")
    folder = suite.root / "reports" / "allure-results"
    attached = json.loads(next(folder.glob("*-globals.json")).read_text())["attachments"]
    assert [row["name"] for row in attached] == ["Measured times"]
    picture = ElementTree.fromstring((folder / attached[0]["source"]).read_text())
    assert len(picture.findall("{http://www.w3.org/2000/svg}circle")) == 2
    assert "n=2, median 1.00 s, max 1.50 s" in ["".join(node.itertext()) for node in picture]


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "xdist"])
def test_what_the_user_left_out_is_skipped(suite: Suite, workers: tuple[str, ...]) -> None:
    suite.write(PASSES, FAILS)
    assert suite.run("-k", "passes", *workers).ret == 0
    assert suite.claims()["SEED-NID-01"]["outcome"] == "skipped"
    assert suite.claims()["SEED-NID-01"]["reason"] == "deselected"
    assert suite.record()["result"] == "partial"


def test_a_selected_section_is_all_that_runs(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECTION", "headless-service")
    suite.write(PASSES, FAILS)
    suite.write("def test_many():\n    assert False\n", where="suites/scale/test_many.py")
    assert suite.run().ret == 0
    assert {claim: row["outcome"] for claim, row in suite.claims().items()} == {"SEED-HLS-01": "passed", "SEED-NID-01": "skipped"}


def test_strict_makes_a_partial_run_3_and_no_other(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRICT", "1")
    suite.write(PASSES)
    assert suite.run().ret == 3
    suite.write(PASSES, BREAKS)
    assert suite.run().ret == 2


def test_what_never_ran_is_not_passed(suite: Suite) -> None:
    suite.write(FAILS, PASSES)
    assert suite.run("-x").ret == 1
    assert suite.claims()["SEED-HLS-01"]["outcome"] == "skipped"


def test_an_interrupt_is_130_and_still_leaves_a_report(suite: Suite) -> None:
    suite.write(PASSES, IS_INTERRUPTED)
    assert suite.run().ret == 130
    assert suite.record()["exit_status"] == 130
    assert suite.claims()["SEED-HLS-01"]["outcome"] == "passed"


def test_a_run_that_is_killed_leaves_no_earlier_result(suite: Suite) -> None:
    suite.write(PASSES)
    suite.run()
    suite.write(IS_INTERRUPTED.replace("SIGINT", "SIGKILL"))
    suite.run()
    assert not (suite.root / "reports" / "conformance.yaml").exists()
    assert not (suite.root / "reports" / "junit.xml").exists()


def test_a_rerun_takes_what_was_not_green(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    suite.write(PASSES, FAILS)
    assert suite.run().ret == 1
    monkeypatch.setenv("RERUN", "reports/conformance.yaml")
    assert suite.run().ret == 1
    assert {claim: row["outcome"] for claim, row in suite.claims().items()} == {"SEED-HLS-01": "skipped", "SEED-NID-01": "failed"}


def test_a_worker_that_dies_breaks_its_claim(suite: Suite) -> None:
    suite.write(PASSES, IS_INTERRUPTED.replace("SIGINT", "SIGKILL"))
    ran = suite.run("-n", "1")
    assert ran.ret == 2, ran.stdout.str()
    assert suite.claims()["SEED-WHY-01"]["outcome"] == "broken"
    assert suite.claims()["SEED-HLS-01"]["outcome"] == "passed"


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
            "*test_a names SEED-NID-99, which is not in claims/*",
            "*test_b names no claim; *",
            "*test_c must name exactly one claim, *",
            "*test_d must name exactly one claim, *",
            "*test_e needs 'kubelet', which is not a Capability.",
            "BROKEN  suites/headless_service/test_specs.py",
            "result failure: *",
        ]
    )


def test_each_row_of_a_table_may_name_its_own_claim(suite: Suite) -> None:
    rows = ", ".join(f'pytest.param({n}, marks=pytest.mark.claim("SEED-ETH-0{n}"))' for n in (1, 2))
    suite.write(f"@pytest.mark.parametrize('n', [{rows}])\ndef test_line(n):\n    assert n == 1\n")
    suite.run()
    assert {claim: row["outcome"] for claim, row in suite.claims().items()} == {"SEED-ETH-01": "passed", "SEED-ETH-02": "failed"}


def test_a_red_spec_without_a_claim_counts(suite: Suite) -> None:
    suite.write(PASSES)
    suite.write("def test_many():\n    assert False\n", where="suites/scale/test_many.py")
    assert suite.run().ret == 1
    assert suite.record()["other_specs"][0]["outcome"] == "failed"


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


def test_chinese_reports_say_the_sentences_in_chinese(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPORT_LANG", "zh")
    suite.write(FAILS)
    ran = suite.run()
    ran.stdout.fnmatch_lines(["FAILED  SEED-NID-01  MUST  StatefulSet 的每个 Pod 必须*"])
    assert suite.allure()[0]["name"].startswith("StatefulSet 的每个 Pod 必须")


def test_specs_of_one_claim_are_told_apart_by_their_names(suite: Suite) -> None:
    suite.write(FAILS_AND_BREAKS, PASSES)
    suite.run("-k", "passes")
    both, one = sorted(row["name"] for row in suite.allure())[::-1]
    assert both.startswith("In the Service's namespace its own name and the members' names MUST resolve ")
    assert both.endswith(" as in full. (both[passes])")
    assert one.endswith("is replaced or moves to another node.")


def test_a_wrong_setting_is_one_sentence(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K8S", "1.12")
    ran = suite.run()
    assert ran.ret == 4
    ran.stderr.fnmatch_lines(["ERROR: K8S=1.12 is not a row of versions.yaml; *"])


def test_allure_shows_sentence_section_level_needs_and_version(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K8S", "1.36")
    suite.write(NEEDS_A_KUBELET)
    suite.run()
    row = suite.allure()[0]
    assert row["name"] == "The hosts file in a member MUST begin with the line `# Kubernetes-managed hosts file.`."
    labels = {(label["name"], label["value"]) for label in row["labels"]}
    assert labels >= {
        ("parentSuite", "Headless Services"),
        ("suite", "Transcript of /etc/hosts"),
        ("subSuite", "SEED-ETH-01"),
        ("level", "MUST"),
        ("needs", "kubelet"),
        ("kubernetes", "1.36"),
    }
    assert [parameter["name"] for parameter in row["parameters"]] == ["kubernetes"]
    assert row["links"][0]["url"].endswith("docs/claims.md#seed-eth-01")
