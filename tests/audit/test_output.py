"""What an audit prints for people and for programs, and what its exit status says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from headless_conformance.audit import AuditResult, audit_text, status_of_all
from headless_conformance.audit.checks import FILE, Check, link, read_checks, requirements_by_check
from headless_conformance.audit.findings import CheckResult, TargetResult
from headless_conformance.audit.formats import render
from headless_conformance.audit.report import report_of
from headless_conformance.audit.targets import AuditTarget, TargetKind, parse
from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import SUITES
from headless_conformance.requirements.documents import load_documents
from headless_conformance.results.comparison import compare_reports
from headless_conformance.results.report_file import read_report, write_report
from headless_conformance.results.verdict import Outcome
from tests.audit.dns_servers import without
from tests.audit.objects import pending
from tests.audit.world import World


def broken(world: World) -> AuditResult:
    for server in world.dns.values():
        server.change = lambda question, answer: without(question, answer, "PTR")
    return world.audit()


def test_text_has_checks_findings_and_status(world: World) -> None:
    text = audit_text([broken(world)])
    assert "StatefulSet shop/db: 3 of 3 members Ready" in text
    assert "passed           the governing Service exists and is headless" in text
    assert "failed           each address leads back to its name" in text
    assert "failed MUST; the first that is wrong: all DNS servers" in text
    assert "show     kubectl -n kube-system port-forward pod/dns-1" in text
    assert "specification.md#24---records-for-a-headless-service" in text
    assert text.endswith("exit status 1: something that must hold does not\n")


def test_one_reason_is_said_once(world: World) -> None:
    for found in world.objects["Pod"]:
        pending(found)
    text = audit_text([world.audit()])
    assert text.count("waits for db-0") == 1


@pytest.mark.parametrize(("form", "load"), [("yaml", yaml.safe_load), ("json", json.loads)])
def test_data_has_everything(world: World, form: str, load: object) -> None:
    assert callable(load)
    found = load(render([broken(world)], form))
    (cluster,) = found["clusters"]
    assert (found["exit_status"], cluster["exit_status"], cluster["domain"]) == (1, 1, "cluster.local")
    (finding,) = cluster["findings"]
    assert finding["component"] == "all DNS servers"
    assert finding["targets"] == ["StatefulSet shop/db"]
    outcomes = {check["id"]: check["outcome"] for check in cluster["targets"][0]["checks"]}
    assert outcomes["pointer-records"] == "failed"
    assert outcomes["service-records"] == "passed"


def test_junit_has_a_case_for_each_check(world: World) -> None:
    root = ElementTree.fromstring(render([broken(world)], "junit"))
    (suite,) = root
    assert suite.attrib["failures"] == "1"
    assert len(suite) == int(suite.attrib["tests"])
    assert [case.attrib["name"] for case in suite if case.find("failure") is not None] == [
        "pointer-records: each address leads back to its name"
    ]


def test_junit_says_why_an_audit_ended(world: World) -> None:
    result = replace(AuditResult("test"), problem="no answer")
    root = ElementTree.fromstring(render([result], "junit"))
    assert [found.attrib["message"] for found in root.iter("error")] == ["no answer"]


def test_lines_for_a_shell_name_the_context_that_the_person_named(world: World) -> None:
    world.find("Service", "db-peers")["spec"]["selector"] = {"app": "other"}
    world.write_slices()
    world.kubectl = "kubectl --context 'my lab'"
    (finding,) = world.audit().findings
    assert finding.command.startswith("kubectl --context 'my lab' -n shop get pods")


def test_two_audits_can_be_compared(world: World, tmp_path: Path) -> None:
    documents = load_documents()
    paths = [tmp_path / "before.yaml", tmp_path / "after.yaml"]
    write_report(report_of(world.audit(), documents), paths[0])
    write_report(report_of(broken(world), documents), paths[1])
    text = "\n".join(compare_reports(["before", "after"], [read_report(path) for path in paths]))
    changed = [line for line in text.splitlines() if line.split()[-2:] == ["passed", "failed"]]
    assert [line.split()[0] for line in changed] == list(requirements_by_check()[Check.POINTER_RECORDS])


def test_every_file_names_requirements_that_can_be_verified_by_looking() -> None:
    documents = load_documents()
    files = sorted(SUITES.glob(f"*/{FILE}"))
    assert files
    for path in files:
        names = {name for ids in read_checks(path).values() for name in ids}
        assert all(documents.document_of(name).id == path.parent.name for name in names)
        assert all(documents.requirement(name).read_only for name in names)


def test_a_check_that_nobody_knows_is_named(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_text("names: [X-1]\n")
    with pytest.raises(UserError, match="names is no check of the audit; there are absent-names"):
        read_checks(path)


@pytest.mark.parametrize("check", Check)
def test_every_check_has_a_sentence_and_a_link(check: Check) -> None:
    assert check.description
    assert link(check).startswith("https://")


def with_outcomes(*outcomes: Outcome) -> AuditResult:
    checks = tuple(CheckResult(Check.SERVICE_RECORDS, outcome) for outcome in outcomes)
    return replace(
        AuditResult("test"), targets=[TargetResult(AuditTarget("shop", TargetKind.SERVICE, "db"), "", checks)]
    )


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        ((Outcome.PASSED,), 0),
        ((Outcome.PASSED, Outcome.NOT_SUPPORTED, Outcome.NOT_JUDGED, Outcome.KNOWN_DEVIATION), 0),
        ((Outcome.PASSED, Outcome.ERROR), 2),
        ((Outcome.PASSED, Outcome.ERROR, Outcome.FAILED), 1),
        ((Outcome.NOT_JUDGED,), 2),
        ((Outcome.NOT_SUPPORTED,), 2),
        ((), 2),
    ],
)
def test_the_exit_status_is_never_0_without_a_right_answer(
    outcomes: tuple[Outcome, ...], status: int
) -> None:
    assert with_outcomes(*outcomes).status == status


def test_what_only_the_manifest_says_is_no_right_answer(world: World) -> None:
    result = world.audit(servers=(), nameserver="198.51.100.53")
    assert result.status == 2
    assert "managed DNS" in " ".join(check.reason for check in result.targets[0].checks)


def test_of_several_clusters_a_broken_promise_outweighs_the_rest() -> None:
    good, unknown, bad = (with_outcomes(one) for one in (Outcome.PASSED, Outcome.ERROR, Outcome.FAILED))
    assert status_of_all([good, good]) == 0
    assert status_of_all([good, unknown]) == 2
    assert status_of_all([unknown, bad, good]) == 1
    assert status_of_all([]) == 2


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("shop/db", AuditTarget("shop", TargetKind.STATEFUL_SET, "db")),
        ("shop/sts/db", AuditTarget("shop", TargetKind.STATEFUL_SET, "db")),
        ("shop/svc/db", AuditTarget("shop", TargetKind.SERVICE, "db")),
    ],
)
def test_a_target_is_read(text: str, target: AuditTarget) -> None:
    assert parse(text) == target


@pytest.mark.parametrize(
    "text", ["", "db", "shop/", "/db", "shop/pod/db", "shop/svc/db/x", "Shop/db", "a b/c"]
)
def test_a_target_that_is_none_is_said(text: str) -> None:
    with pytest.raises(UserError, match="names nothing to audit"):
        parse(text)
