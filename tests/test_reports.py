"""The files in reports/ beside those that test_outcomes.py reads after whole runs."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from conformance import claims
from conformance.record import record
from conformance.settings import Provider
from conformance.verdict import Outcome, Result, Spec, judge_all
from conformance.versions import load
from fixtures import observed, reports
from fixtures.outcomes import Run
from fixtures.providers import Cluster

REGISTER = claims.load()


def _run(**facts: str) -> Run:
    run = Run(REGISTER, is_conformance=True)
    run.facts = {"cluster": "c", "provider": "kind", "kubernetes": "1.37.0", **facts}
    return run


def test_a_cluster_that_cannot_be_seen_costs_its_facts_and_nothing_else(tmp_path: Path) -> None:
    release = load().newest
    cluster = Cluster("c", Provider.KIND, release, tmp_path / "kubeconfig", tmp_path / "kubectl", frozenset(), {})
    assert observed.observe(cluster) == {"cluster": "c", "provider": "kind", "kubernetes": release.patch}


def test_a_record_that_breaks_its_schema_is_not_written() -> None:
    verdicts = judge_all(REGISTER.claims, [Spec("a", "SEED-HLS-01", Outcome.PASSED)])
    with pytest.raises(jsonschema.ValidationError):
        record(
            REGISTER, {**_run().facts, "flavour": "new"}, verdicts, [], result=Result.PARTIAL, status=0, started=0.0, seconds=1.0
        )


def test_the_record_has_every_claim_and_every_cited_page() -> None:
    verdicts = judge_all(REGISTER.claims, [Spec("a", "SEED-HLS-01", Outcome.PASSED, seconds=1.5)])
    done = record(REGISTER, {}, verdicts, [], result=Result.PARTIAL, status=0, started=0.0, seconds=2.0)
    assert [row["id"] for row in done["claims"]] == list(REGISTER.claims)
    assert done["levels"]["MUST"] == {"passed": 1, "skipped": 62}
    assert done["date"] == "1970-01-01T00:00:00+00:00"
    assert sum(row["claims_found"] for row in done["cited_pages"]) > 0


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
