"""The checks of an audit as Allure shows them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headless_conformance.audit.allure_results import write_allure_results
from headless_conformance.audit.checks import Check
from headless_conformance.audit.errors import UnreachableApiError
from headless_conformance.audit.findings import AuditResult
from tests.audit.dns_servers import without
from tests.audit.objects import unready
from tests.audit.world import World


def written(folder: Path, result: AuditResult) -> dict[str, dict[str, Any]]:
    """Results by their titles."""
    write_allure_results([result], folder)
    cases = [json.loads(path.read_text()) for path in folder.glob("*-result.json")]
    return {case["name"]: case for case in cases}


def labels(case: dict[str, Any]) -> dict[str, str]:
    return {label["name"]: label["value"] for label in case["labels"]}


def test_each_check_is_a_test_of_its_target(world: World, tmp_path: Path) -> None:
    result = world.audit()
    cases = written(tmp_path, result)
    assert len(cases) == len(result.targets[0].checks)
    assert {case["status"] for case in cases.values()} == {"passed"}
    case = cases[Check.MEMBER_RECORDS.description]
    assert (
        labels(case).items()
        >= {
            "parentSuite": "audit of test",
            "suite": "StatefulSet shop/db",
            "subSuite": "member-records",
            "severity": "critical",
        }.items()
    )
    assert case["stop"] >= case["start"] > 0


def test_a_failure_has_its_finding_and_the_sentence(world: World, tmp_path: Path) -> None:
    for server in world.dns.values():
        server.change = lambda question, answer: without(question, answer, "PTR")
    result = world.audit()
    case = written(tmp_path, result)[Check.POINTER_RECORDS.description]
    (finding,) = result.findings
    assert case["status"] == "failed"
    assert case["statusDetails"]["message"] == finding.summary
    assert finding.command in case["description"]
    assert case["links"][0]["url"] == finding.link


def test_what_is_not_judged_is_skipped_and_what_could_not_be_told_is_broken(
    world: World, tmp_path: Path
) -> None:
    for pod in world.objects["Pod"]:
        unready(pod)
    cases = written(tmp_path / "unready", world.audit())
    assert {case["status"] for case in cases.values()} == {"skipped"}
    assert all(case["statusDetails"]["message"].startswith("not judged: ") for case in cases.values())
    world.refused["StatefulSet"] = UnreachableApiError("the API server does not answer")
    case = written(tmp_path / "down", world.audit())["the audit comes to its end"]
    assert (case["status"], case["statusDetails"]["message"]) == ("broken", "the API server does not answer")


def test_two_audits_of_one_check_are_one_history(world: World, tmp_path: Path) -> None:
    first, second = (written(tmp_path / name, world.audit()) for name in ("a", "b"))
    assert {name: case["historyId"] for name, case in first.items()} == {
        name: case["historyId"] for name, case in second.items()
    }
    assert len({case["historyId"] for case in first.values()}) == len(first)


@pytest.mark.parametrize("file", ["categories.json", "executor.json", "environment.properties"])
def test_what_allure_needs_is_beside_the_results(world: World, tmp_path: Path, file: str) -> None:
    (tmp_path / "somebody's").write_text("x")
    write_allure_results([world.audit()], tmp_path)
    assert (tmp_path / file).exists()
    assert (tmp_path / "somebody's").exists()
