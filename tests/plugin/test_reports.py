"""The files in reports/: each for itself, and after whole runs of small suites."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from headless_conformance.cluster import observed
from headless_conformance.cluster.model import Cluster
from headless_conformance.core.versions import load
from headless_conformance.plugin import reports
from headless_conformance.plugin.outcomes import Run
from headless_conformance.requirements import register as requirements
from headless_conformance.results.report_file import record
from headless_conformance.results.verdict import CaseResult, Outcome, Result, judge_all
from tests.miniature import (
    EVERYTHING,
    FAILS,
    FAILS_AND_BREAKS,
    IS_INTERRUPTED,
    MEASURES,
    NEEDS_A_KUBELET,
    PASSES,
    Suite,
    empty_suite,
)

pytest_plugins = ["pytester"]

REGISTER = requirements.load()


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    return empty_suite(pytester, monkeypatch)


def _run(**facts: str) -> Run:
    run = Run(REGISTER, is_conformance=True)
    run.facts = {"cluster": "c", "provider": "kind", "kubernetes": "1.37.0", **facts}
    return run


def test_a_cluster_that_cannot_be_seen_costs_its_facts_and_nothing_else(tmp_path: Path) -> None:
    release = load().newest
    cluster = Cluster("c", "kind", release, tmp_path / "kubeconfig", tmp_path / "kubectl", frozenset(), {})
    assert observed.observe(cluster) == {"cluster": "c", "provider": "kind", "kubernetes": release.patch}


def test_a_record_that_breaks_its_schema_is_not_written() -> None:
    verdicts = judge_all(REGISTER.requirements, [CaseResult("a", "SEED-HLS-01", Outcome.PASSED)])
    with pytest.raises(jsonschema.ValidationError):
        record(
            REGISTER, {**_run().facts, "flavour": "new"}, verdicts, [], result=Result.PARTIAL, status=0, started=0.0, seconds=1.0
        )


def test_the_record_has_every_claim_and_every_cited_page() -> None:
    verdicts = judge_all(REGISTER.requirements, [CaseResult("a", "SEED-HLS-01", Outcome.PASSED, seconds=1.5)])
    done = record(REGISTER, {}, verdicts, [], result=Result.PARTIAL, status=0, started=0.0, seconds=2.0)
    assert [row["id"] for row in done["requirements"]] == list(REGISTER.requirements)
    assert done["levels"]["MUST"] == {"passed": 1, "skipped": 62}
    assert done["date"] == "1970-01-01T00:00:00+00:00"
    assert sum(row["requirements_found"] for row in done["cited_pages"]) > 0


def test_the_environment_of_merged_versions_names_no_version(tmp_path: Path) -> None:
    reports.write_allure_files(_run(node_os="Debian", coredns_image="coredns:v1.14.6"), tmp_path)
    environment = (tmp_path / "environment.properties").read_text()
    assert "provider=kind" in environment
    assert "node_os=Debian" in environment
    assert "1.37" not in environment
    assert "coredns" not in environment


def test_a_run_on_github_is_named_with_its_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ACTIONS": "true", "SERVER_URL": "https://example.org", "REPOSITORY": "a/b", "RUN_ID": "7"}.items():
        monkeypatch.setenv(f"GITHUB_{name}", value)
    reports.write_allure_files(_run(), tmp_path)
    assert "https://example.org/a/b/actions/runs/7" in (tmp_path / "executor.json").read_text()


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
    ran.stdout.fnmatch_lines(["FAILED  SEED-NID-01  MUST  StatefulSet 的每个 Pod 必须*"])
    assert suite.allure()[0]["name"].startswith("StatefulSet 的每个 Pod 必须")


def test_specs_of_one_claim_are_told_apart_by_their_names(suite: Suite) -> None:
    suite.write(FAILS_AND_BREAKS, PASSES)
    suite.run("-k", "passes")
    both, one = sorted(row["name"] for row in suite.allure())[::-1]
    assert both.startswith("In the Service's namespace its own name and the members' names MUST resolve ")
    assert both.endswith(" as in full. (both[passes])")
    assert one.endswith("is replaced or moves to another node.")


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
    assert row["links"][0]["url"].endswith("docs/requirements.md#seed-eth-01")
