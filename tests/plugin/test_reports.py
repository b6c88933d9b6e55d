"""The files in reports/: each for itself, and after whole runs of small suites."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
from pydantic import ValidationError

from headless_conformance.cluster import observed
from headless_conformance.cluster.model import Cluster
from headless_conformance.core.versions import read_versions
from headless_conformance.plugin.context import Run
from headless_conformance.providers.run_context import context_of_environment
from headless_conformance.requirements.documents import Documents
from headless_conformance.results.allure_files import write_allure_files
from headless_conformance.results.github import workflow_run
from headless_conformance.results.report import report_schema
from headless_conformance.results.report_file import make_report
from headless_conformance.results.verdict import CaseResult, Outcome, Result, judge_requirements
from tests.miniature import (
    EVERYTHING,
    FAILS,
    FAILS_AND_BREAKS,
    IS_INTERRUPTED,
    MEASURES,
    MINI,
    MISMATCHES,
    NEEDS_A_KUBELET,
    PASSES,
    Suite,
    miniature,
)
from tests.results.reports import documents_from

pytest_plugins = ["pytester"]

DOCUMENTS = documents_from(
    {
        **MINI,
        "references": [
            {
                "id": "MINI-REF-01",
                "title": "A page",
                "url": "https://example.org/",
                "requirements_found": 7,
                "reason": "none yet",
            }
        ],
    }
)


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    return miniature(pytester, monkeypatch)


def _run(**facts: str) -> Run:
    run = Run(context_of_environment({}), Documents(()), {}, is_conformance=True)
    run.facts = {"cluster": "c", "provider": "kind", "kubernetes": "1.37.0", **facts}
    return run


def test_a_cluster_that_cannot_be_seen_costs_its_facts_and_nothing_else(tmp_path: Path) -> None:
    release = read_versions().newest
    cluster = Cluster("c", "kind", release, tmp_path / "kubeconfig", tmp_path / "kubectl", frozenset(), {})
    assert observed.observe(cluster) == {"cluster": "c", "provider": "kind", "kubernetes": release.patch}


def _report(facts: dict[str, str]) -> Any:
    tests = [CaseResult("a", ("MINI-A-01",), Outcome.PASSED, seconds=1.5)]
    verdicts = judge_requirements(DOCUMENTS, DOCUMENTS.requirements.values(), tests, "1.37.0")
    return make_report(
        DOCUMENTS, facts, verdicts, tests, result=Result.PARTIAL, status=0, started=0.0, seconds=2.0
    )


def test_a_report_that_breaks_its_schema_is_not_made() -> None:
    with pytest.raises(ValidationError, match="flavour"):
        _report({**_run().facts, "flavour": "new"})


def test_the_report_has_every_requirement_and_every_cited_page() -> None:
    report = _report({})
    assert list(report.outcomes()) == list(DOCUMENTS.requirements)
    assert report.levels["MUST"] == {"passed": 1, "skipped": 14}
    assert report.levels["MAY"] == {"not_judged": 1}
    assert report.date == "1970-01-01T00:00:00+00:00"
    assert report.documents[0].cited_pages[0].requirements_found == 7
    assert report.summary == "The mini document on no cluster: partial, 1/15 MUST, 0/1 SHOULD, 0/1 MAY"


def test_the_environment_of_merged_versions_names_no_version(tmp_path: Path) -> None:
    write_allure_files(_run(node_os="Debian", coredns_image="coredns:v1.14.6").facts, tmp_path)
    environment = (tmp_path / "environment.properties").read_text()
    assert "provider=kind" in environment
    assert "node_os=Debian" in environment
    assert "1.37" not in environment
    assert "coredns" not in environment


def test_a_run_on_github_is_named_with_its_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "ACTIONS": "true",
        "SERVER_URL": "https://example.org",
        "REPOSITORY": "a/b",
        "RUN_ID": "7",
        "SHA": "0a1b2c3",
    }.items():
        monkeypatch.setenv(f"GITHUB_{name}", value)
    write_allure_files(_run().facts, tmp_path)
    assert "https://example.org/a/b/actions/runs/7" in (tmp_path / "executor.json").read_text()
    assert workflow_run() == (
        "7",
        "https://example.org/a/b/actions/runs/7",
        "https://example.org/a/b/blob/0a1b2c3",
    )


def test_junit_and_allure_keep_failures_and_errors_apart(suite: Suite) -> None:
    suite.write(*EVERYTHING)
    suite.run("-n", "2")
    junit = ElementTree.parse(suite.root / "reports" / "junit.xml")
    cases = {
        case.get("name"): {child.tag for child in case} - {"properties"} for case in junit.iter("testcase")
    }
    assert cases["test_fails"] == {"failure"}
    assert (
        cases["test_breaks"] == cases["test_runs_into_a_limit"] == cases["test_breaks_in_set_up"] == {"error"}
    )
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


def test_a_run_that_is_killed_leaves_no_earlier_result(suite: Suite) -> None:
    suite.write(PASSES)
    suite.run()
    suite.write(IS_INTERRUPTED.replace("SIGINT", "SIGKILL"))
    suite.run()
    assert not (suite.root / "reports" / "conformance.yaml").exists()
    assert not (suite.root / "reports" / "junit.xml").exists()


def test_chinese_reports_say_the_sentences_in_chinese(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPORT_LANG", "zh")
    suite.write(FAILS)
    ran = suite.run()
    ran.stdout.fnmatch_lines(["FAILED  MINI-B-01  MUST  MINI-B-01 必须*"])
    assert suite.allure()[0]["name"].startswith("MINI-B-01 必须")


def test_tests_of_one_requirement_are_told_apart_by_their_names(suite: Suite) -> None:
    suite.write(FAILS_AND_BREAKS, PASSES)
    suite.run("-k", "passes")
    assert sorted(row["name"] for row in suite.allure()) == [
        "MINI-A-01 MUST hold.",
        "MINI-B-09 MUST hold. (both[passes])",
    ]


def test_allure_shows_sentence_section_level_needs_and_version(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("K8S", "1.36")
    suite.write(NEEDS_A_KUBELET)
    suite.run()
    row = suite.allure()[0]
    assert row["name"] == "MINI-C-01 MUST hold."
    labels = {(label["name"], label["value"]) for label in row["labels"]}
    assert labels >= {
        ("parentSuite", "The mini document"),
        ("suite", "About end"),
        ("subSuite", "MINI-C-01"),
        ("requirement", "MINI-C-01"),
        ("level", "MUST"),
        ("needs", "kubelet"),
        ("kubernetes", "1.36"),
    }
    assert [parameter["name"] for parameter in row["parameters"]] == ["kubernetes"]
    page, source = (link["url"] for link in row["links"])
    assert page == "../../docs/requirements/mini.md#mini-c-01"
    assert source == "https://example.org/mini#about-end"


def test_allure_and_junit_have_the_fields_of_a_failure(suite: Suite) -> None:
    suite.write(MISMATCHES)
    suite.run("-n", "1")
    row = suite.allure()[0]
    labels = {(label["name"], label["value"]) for label in row["labels"]}
    assert labels >= {("requirement", "MINI-B-01"), ("requirement", "MINI-B-06"), ("server", "coredns-1")}
    assert row["description"].startswith(
        "| field | value |\n|---|---|\n"
        "| subject | A db.ns.svc.cluster.local. |\n| expected | {192.0.2.1} |\n| observed | NXDOMAIN |\n"
    )
    assert row["description"].count("MUST hold.") == 2
    assert "expected {192.0.2.1}, got NXDOMAIN at coredns-1 over udp" in row["statusDetails"]["message"]
    (case,) = ElementTree.parse(suite.root / "reports" / "junit.xml").iter("testcase")
    properties = [(node.get("name"), node.get("value")) for node in case.iter("property")]
    assert [value for name, value in properties if name == "requirement"] == ["MINI-B-01", "MINI-B-06"]
    assert json.loads(dict(properties)["mismatch"] or "")["observed"] == "NXDOMAIN"


def test_a_written_report_is_what_its_published_schema_says(suite: Suite) -> None:
    suite.write(*EVERYTHING, MISMATCHES)
    suite.run()
    jsonschema.validate(suite.report(), json.loads(report_schema()), jsonschema.Draft202012Validator)


PARTS = """
@pytest.fixture
def returns():
    return 1

@pytest.fixture
def yields(returns, request):
    request.addfinalizer(cleans_up)
    yield
    assert False, "left over"

def cleans_up(): pass

@pytest.mark.requirement("MINI-A-01")
def test_with_fixtures(returns, yields, tmp_path):
    pass
"""


def test_every_step_of_a_teardown_has_a_status_and_a_name(suite: Suite) -> None:
    suite.write(PARTS)
    suite.run()
    folder = suite.root / "reports" / "allure-results"
    containers = [json.loads(path.read_text()) for path in folder.glob("*-container.json")]
    steps = [step for found in containers for key in ("befores", "afters") for step in found.get(key, ())]
    assert all("status" in step and "<lambda>" not in step["name"] for step in steps)
    before = {step["name"]: step["status"] for found in containers for step in found.get("befores", ())}
    assert before["returns"] == before["yields"] == "passed"
    after = [step for found in containers for step in found.get("afters", ())]
    assert sorted(step["status"] for step in after if step["name"].startswith("yields::")) == [
        "failed",
        "passed",
    ]
    assert not [step for step in after if step["name"].startswith("returns::")]
