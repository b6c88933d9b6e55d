"""The exit status says when something that was asked for was not looked at."""

from __future__ import annotations

import pytest

from headless_conformance.audit import AuditResult
from headless_conformance.audit import session as session_module
from headless_conformance.audit.checks import OF_DNS, OF_RECORDS, Check
from headless_conformance.audit.discovery import DiscoveredServers
from headless_conformance.audit.errors import InspectionError, MissingRightError
from headless_conformance.audit.findings import CheckResult, TargetResult, status_of
from headless_conformance.audit.formats import render
from headless_conformance.audit.targets import AuditTarget, TargetKind
from headless_conformance.records import AnswerData, Question
from headless_conformance.results.verdict import Outcome
from tests.audit.dns_servers import FakeDns, without
from tests.audit.objects import headless, pending, stateful_set
from tests.audit.results import only, outcomes
from tests.audit.world import SERVERS, World


def with_a_second_set(world: World, replicas: int = 3) -> None:
    world.apply(headless("pg-peers", {"app": "pg"}), stateful_set("pg", replicas=replicas))


def test_a_set_that_was_not_judged_is_not_outweighed_by_one_that_was(world: World) -> None:
    with_a_second_set(world)
    for found in world.objects["Pod"]:
        if found["metadata"]["name"].startswith("pg-"):
            pending(found)
    world.write_slices()
    result = world.audit("shop/db shop/pg")
    assert {check.outcome for check in result.targets[1].checks} == {Outcome.NOT_JUDGED}
    assert (result.findings, result.status) == ([], 2)


def test_a_set_that_is_scaled_to_zero_beside_one_that_was_judged_is_nothing_to_tell(world: World) -> None:
    with_a_second_set(world, replicas=0)
    assert world.audit("shop/db shop/pg").status == 0
    assert world.audit("shop/pg").status == 2


def test_an_idle_headless_service_beside_a_set_is_nothing_to_tell(world: World) -> None:
    world.apply(headless("idle", {"app": "none"}))
    result = world.audit("", namespace="shop")
    assert len(result.targets) == 2
    assert result.status == 0


def test_a_server_that_may_not_be_asked_is_not_outweighed_by_one_that_was(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise MissingRightError("use pods/portforward in namespace kube-system")

    monkeypatch.setattr(world.dns[SERVERS[0]], "connect", refuse)
    result = world.audit()
    assert outcomes(result)[Check.DNS_SERVERS] is Outcome.NOT_SUPPORTED
    assert outcomes(result)[Check.SERVICE_RECORDS] is Outcome.PASSED
    assert result.status == 2


@pytest.mark.parametrize("error", [InspectionError("no such Pod"), MissingRightError("use pods/exec")])
def test_a_pod_that_cannot_be_looked_into_is_not_outweighed(
    world: World, monkeypatch: pytest.MonkeyPatch, error: InspectionError
) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(session_module, "open_pod", refuse)
    assert world.audit(from_pod=("shop", "db-0")).status == 2


def without_tcp(world: World, monkeypatch: pytest.MonkeyPatch) -> AuditResult:
    found = DiscoveredServers(servers=list(SERVERS), without_tcp=["kube-system/kube-dns"])
    monkeypatch.setattr(session_module, "find_servers", lambda *_: found)
    return world.audit(servers=(), nameserver="10.96.0.10")


def test_a_dns_service_without_tcp_is_a_failed_check_of_each_target(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = without_tcp(world, monkeypatch)
    assert outcomes(result)[Check.DNS_SERVERS] is Outcome.FAILED
    assert only(result).targets == {result.targets[0].target}
    assert result.status == 1
    assert "no TCP port 53" in render([result], "junit")


def test_a_check_of_which_servers_were_asked_a_part_is_not_passed(empty: World) -> None:
    """Both servers go away in the middle: what was answered says nothing of the rest."""
    empty.apply(headless(), stateful_set(replicas=100))
    for server in empty.dns.values():
        server.closes_after = 70

        def change(question: Question, answer: AnswerData, server: FakeDns = server) -> AnswerData:
            server.refuses = len(server.asked) > 100
            return answer

        server.change = change
    result = empty.audit()
    found = outcomes(result)
    assert found[Check.MEMBER_RECORDS] is Outcome.ERROR
    assert found[Check.DNS_SERVERS] is Outcome.ERROR
    assert Outcome.FAILED not in found.values()
    assert result.status == 2


@pytest.mark.parametrize(
    ("part", "lost"),
    [
        ("ttl_findings", {Check.TTL}),
        ("denial_findings", {Check.TTL}),
        ("findings_of", set(OF_RECORDS)),
        ("write_dns_outcomes", set(OF_DNS)),
    ],
)
def test_a_defect_in_one_part_is_an_error_of_its_checks_alone(
    world: World, monkeypatch: pytest.MonkeyPatch, part: str, lost: set[Check]
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("a defect")

    for server in world.dns.values():
        server.change = lambda question, answer: without(question, answer, "PTR")
    before = outcomes(world.audit("shop/db"))
    assert before[Check.POINTER_RECORDS] is Outcome.FAILED
    monkeypatch.setattr(session_module, part, fails)
    result = world.audit("shop/db")
    assert not result.problem
    assert outcomes(result) == {
        check: Outcome.ERROR if check in lost else outcome for check, outcome in before.items()
    }
    assert [found.check for found in result.findings] == (
        [] if part == "findings_of" else [Check.POINTER_RECORDS]
    )
    assert result.status == (2 if part == "findings_of" else 1)


@pytest.mark.parametrize(
    ("check", "status"), [(Check.TTL, 2), (Check.DNS_SERVERS, 2), (Check.SERVICE_RECORDS, 0)]
)
def test_only_a_check_of_records_makes_a_service_told(check: Check, status: int) -> None:
    target = AuditTarget("shop", TargetKind.SERVICE, "db")
    checks = tuple(CheckResult(one, Outcome.PASSED if one is check else Outcome.NOT_JUDGED) for one in OF_DNS)
    result = AuditResult("", targets=[TargetResult(target, "", checks)])
    assert status_of(result) == status
