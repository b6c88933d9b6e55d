"""Every shape on which `make audit` crashed, hung, gave a false alarm or passed without a word, with its
right result."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

from headless_conformance.audit import session as session_module
from headless_conformance.audit.checks import OF_DNS, Check
from headless_conformance.audit.dialogue import FIRST_PAUSE
from headless_conformance.audit.discovery import DiscoveredServers
from headless_conformance.audit.findings import BlamedComponent, NoteKind
from headless_conformance.audit.resolver import Resolver
from headless_conformance.core.levels import Level
from headless_conformance.records import AnswerData, Question
from headless_conformance.results.verdict import Outcome
from tests.audit.dns_servers import with_records, without
from tests.audit.objects import headless, pending, pod, stateful_set, unready
from tests.audit.results import only, outcomes
from tests.audit.world import SERVERS, World


def test_a_healthy_set_passes_every_check(world: World) -> None:
    result = world.audit()
    assert set(outcomes(result).values()) == {Outcome.PASSED}
    assert set(OF_DNS) <= outcomes(result).keys()
    assert (result.findings, result.problem, result.status) == ([], "", 0)
    assert result.targets[0].state == "3 of 3 members Ready"


@pytest.mark.parametrize("domain", ["cluster.local", "cluster.local.", "Cluster.Local."])
def test_a_domain_may_have_its_last_dot(world: World, domain: str) -> None:
    assert world.audit(domain=domain).status == 0


def test_a_domain_that_no_server_knows_is_not_blamed_on_the_set(world: World) -> None:
    result = world.audit(domain="other.example")
    assert "no DNS server knows the cluster domain other.example" in result.problem
    assert result.status == 2
    assert not [check for check in outcomes(result).values() if check is Outcome.FAILED]


def test_a_server_that_says_nothing_is_named_and_the_others_are_judged(world: World) -> None:
    world.dns[SERVERS[0]].says_nothing = True
    result = world.audit()
    finding = only(result)
    assert finding.component is BlamedComponent.ONE_SERVER
    assert "kube-system/dns-1" in finding.summary
    assert "sends nothing for 4 s" in finding.summary
    assert outcomes(result)[Check.SERVICE_RECORDS] is Outcome.PASSED
    assert outcomes(result)[Check.DNS_SERVERS] is Outcome.ERROR
    assert result.status == 2


def test_no_server_that_answers_is_not_a_pass(world: World) -> None:
    for server in world.dns.values():
        server.says_nothing = True
    result = world.audit()
    assert {found.component for found in result.findings} == {BlamedComponent.WAY}
    assert {outcomes(result)[check] for check in OF_DNS} == {Outcome.ERROR}
    assert result.status == 2


@pytest.mark.parametrize("shape", ["pending", "running", "replicas 0"])
def test_a_set_without_a_ready_member_is_not_judged(world: World, shape: str) -> None:
    if shape == "replicas 0":
        world.find("StatefulSet", "db")["spec"]["replicas"] = 0
        world.objects["Pod"] = []
    for found in world.objects["Pod"]:
        (pending if shape == "pending" else unready)(found)
    world.write_slices()
    result = world.audit()
    assert set(outcomes(result).values()) == {Outcome.NOT_JUDGED}
    assert (result.findings, result.status) == ([], 2)
    assert not any(server.asked for server in world.dns.values())
    reasons = {check.reason for check in result.targets[0].checks}
    waits_for = {
        "pending": "db-0 (Unschedulable)",
        "running": "db-0 (not Ready)",
        "replicas 0": "replicas above 0",
    }
    assert all(waits_for[shape] in reason for reason in reasons)


def test_of_three_members_the_ready_one_is_judged_and_the_others_are_named(world: World) -> None:
    for name in ("db-1", "db-2"):
        unready(world.find("Pod", name))
    world.write_slices()
    result = world.audit()
    assert outcomes(result)[Check.MEMBER_RECORDS] is Outcome.PASSED
    notes = result.targets[0].notes
    assert {note.kind for note in notes} == {NoteKind.MEMBER_NOT_JUDGED}
    assert [note.of for note in notes] == ["db-1", "db-2"]
    assert [str(note) for note in notes] == ["not judged: db-1 (not Ready)", "not judged: db-2 (not Ready)"]
    assert outcomes(result)[Check.ABSENT_NAMES] is not Outcome.FAILED
    assert result.status == 0


def test_the_unready_member_of_a_broken_server_is_found_where_denials_are_not_kept(world: World) -> None:
    unready(world.find("Pod", "db-2"))
    world.write_slices()
    name = "db-2.db-peers.shop.svc.cluster.local."
    right = world.answer
    address = world.find("Pod", "db-2")["status"]["podIPs"][0]["ip"]
    for server in world.dns.values():
        server.change = lambda question, answer: (
            with_records(right(Question(f"db-1.{name.partition('.')[2]}", "A")), address)
            if question == Question(name, "A")
            else answer
        )
    assert world.audit().status == 1


@pytest.mark.parametrize(
    ("version", "outcome", "status"),
    [("37", Outcome.KNOWN_DEVIATION, 0), ("36", Outcome.FAILED, 1), ("", Outcome.KNOWN_DEVIATION, 0)],
)
def test_the_endpoint_of_an_ended_pod_is_named(
    empty: World, version: str, outcome: Outcome, status: int
) -> None:
    empty.apply(headless(publishNotReadyAddresses=True), stateful_set())
    job = {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "init"}]}}
    made = pod("db-init-x7k2p", job, 99)
    made["metadata"]["ownerReferences"] = [{"controller": True, "uid": "job"}]
    empty.add("Pod", made)
    empty.write_slices()
    made["status"] |= {
        "phase": "Succeeded",
        "conditions": [{"type": "Ready", "status": "False", "reason": "PodCompleted"}],
    }
    for listed in empty.objects["EndpointSlice"]:
        for endpoint in listed["endpoints"]:
            endpoint["conditions"]["serving"] = endpoint["targetRef"]["name"] != "db-init-x7k2p"
    empty.version |= {"minor": version} if version else {"major": "", "minor": ""}
    result = empty.audit()
    finding = only(result)
    assert (finding.outcome, finding.component) == (outcome, BlamedComponent.ENDPOINT_SLICE)
    assert "db-init-x7k2p" in finding.summary
    assert outcomes(result)[Check.SERVICE_RECORDS] is Outcome.PASSED
    assert result.status == status


def replace_member(world: World, name: str) -> None:
    """The member comes back with another address, and the control plane knows it."""
    world.find("Pod", name)["status"]["podIPs"] = [{"ip": "10.1.77.7"}]
    world.write_slices()


def test_an_answer_that_a_server_keeps_is_waited_for(world: World) -> None:
    for server in world.dns.values():
        server.keeps = 30
    world.audit(ask_absent=True)
    replace_member(world, "db-1")
    result = world.audit()
    assert (result.findings, result.status) == ([], 0)
    assert 20 < world.clock.waited < 60


def test_an_answer_that_is_still_kept_when_time_is_up_is_stale_and_not_wrong(world: World) -> None:
    for server in world.dns.values():
        server.keeps = 50
    world.audit()
    replace_member(world, "db-1")
    result = world.audit(limit_seconds=12)
    finding = only(result)
    assert finding.outcome is Outcome.NOT_JUDGED
    assert "stale, at most" in finding.summary
    assert result.status == 2
    assert Outcome.FAILED not in outcomes(result).values()


def test_an_answer_that_is_kept_for_more_than_a_minute_is_wrong(world: World) -> None:
    for server in world.dns.values():
        server.keeps = 600
    world.audit()
    replace_member(world, "db-1")
    result = world.audit()
    assert {found.check for found in result.findings if found.outcome is Outcome.FAILED} == {
        Check.SERVICE_RECORDS,
        Check.TTL,
    }
    assert result.status == 1


def test_a_server_that_keeps_an_old_answer_for_ever_is_blamed_alone(world: World) -> None:
    stale = world.dns[SERVERS[1]]
    assert world.audit().status == 0
    remembered = {question: world.answer(question) for question in stale.asked}
    replace_member(world, "db-1")
    stale.change = lambda question, answer: remembered.get(question, answer)
    finding = only(world.audit())
    assert finding.component is BlamedComponent.ONE_SERVER
    assert "kube-system/dns-2" in finding.what
    assert "10.1.77.7" in finding.expected
    assert finding.consequences
    assert "port-forward pod/dns-2" in finding.command


def names_asked(world: World) -> set[str]:
    return {question.name.partition(".")[0] for server in world.dns.values() for question in server.asked}


def test_the_next_ordinal_is_asked_for_only_where_denials_are_not_kept(world: World) -> None:
    world.audit()
    assert "db-3" in names_asked(world)
    for server in world.dns.values():
        server.asked.clear()
        server.keeps = 30
    result = world.audit()
    assert "db-3" not in names_asked(world)
    assert outcomes(result)[Check.ABSENT_NAMES] is Outcome.NOT_SUPPORTED
    assert result.status == 0
    world.audit(ask_absent=True)
    assert "db-3" in names_asked(world)


def test_ordinals_before_the_first_are_asked_for(empty: World) -> None:
    empty.apply(headless(), stateful_set(ordinals={"start": 5}))
    assert empty.audit().status == 0
    assert {"db-3", "db-4", "db-8"} <= names_asked(empty)
    assert "db-5" in names_asked(empty)


def test_a_name_of_an_ordinal_that_is_not_there_is_a_finding(world: World) -> None:
    beyond = Question("db-3.db-peers.shop.svc.cluster.local", "A")
    known = Question("db-0.db-peers.shop.svc.cluster.local", "A")
    for server in world.dns.values():
        server.change = lambda question, answer: (
            replace(world.answer(known), answer=(replace(world.answer(known).answer[0], name=beyond.name),))
            if question == beyond
            else answer
        )
    finding = only(world.audit())
    assert (finding.check, finding.component) == (Check.ABSENT_NAMES, BlamedComponent.ALL_SERVERS)


def test_one_hundred_members_need_few_requests_and_one_connection_a_server(empty: World) -> None:
    empty.apply(headless(), stateful_set(replicas=100))
    result = empty.audit()
    assert result.status == 0
    assert result.requests < 20
    assert all(server.connections < 6 for server in empty.dns.values())
    assert result.questions > 600


def test_a_missing_type_of_all_servers_is_one_finding(world: World) -> None:
    for server in world.dns.values():
        server.change = lambda question, answer: without(question, answer, "PTR")
    finding = only(world.audit())
    assert (finding.component, finding.check) == (BlamedComponent.ALL_SERVERS, Check.POINTER_RECORDS)
    assert len(finding.consequences) == 2
    assert finding.level is Level.MUST


@pytest.mark.parametrize("shape", ["port", "set"])
def test_a_name_that_does_not_fit_into_a_message_is_not_asked_for(empty: World, shape: str) -> None:
    """The API allows a port's name that is too long for its SRV record, and sets with too long Pod names."""
    if shape == "port":
        empty.apply(headless(ports=[{"name": "x" * 63, "port": 5432}]), stateful_set())
    else:
        name = "x" * 61
        empty.apply(
            headless("db-peers", {"app": name}), stateful_set(name, replicas=9, serviceName="db-peers")
        )
    target = f"shop/{empty.objects['StatefulSet'][0]['metadata']['name']}"
    result = empty.audit(target)
    assert (result.findings, result.problem, result.status) == ([], "", 0)


def denials_kept_of_reverse_names(world: World) -> list[Question]:
    return [
        question
        for server in world.dns.values()
        for question, (answer, _) in server.kept.items()
        if answer.rcode == "NXDOMAIN" and not question.name.startswith("audit-")
    ]


@pytest.mark.parametrize("ask_absent", [False, True])
def test_reverse_names_of_members_that_are_not_ready_are_asked_for_only_where_their_denials_are_not_kept(
    world: World, *, ask_absent: bool
) -> None:
    """CoreDNS' cache of kubeadm keeps nothing of the cluster domain, and everything of reverse zones."""
    unready(world.find("Pod", "db-2"))
    world.write_slices()
    for server in world.dns.values():
        server.keeps, server.may_keep = 30, lambda question: question.name.endswith(".arpa.")
    result = world.audit(ask_absent=ask_absent)
    assert "db-2" in names_asked(world)
    assert bool(denials_kept_of_reverse_names(world)) is ask_absent
    (check,) = (check for check in result.targets[0].checks if check.check is Check.ABSENT_NAMES)
    assert check.outcome is (Outcome.PASSED if ask_absent else Outcome.NOT_SUPPORTED)
    assert ("in-addr.arpa. IN PTR" in check.reason) is not ask_absent
    assert (result.findings, result.status) == ([], 0)


def test_a_reverse_zone_of_which_nobody_answers_is_not_blamed_on_the_servers(world: World) -> None:
    """In a cluster without a way out, what it forwards has no answer in time."""
    unready(world.find("Pod", "db-2"))
    world.write_slices()
    for server in world.dns.values():
        server.ignores = lambda question: question.rdtype == "PTR" and not world.answer(question).answer
    result = world.audit()
    assert outcomes(result)[Check.ABSENT_NAMES] is Outcome.NOT_JUDGED
    assert (result.findings, result.status) == ([], 0)


def test_a_reverse_name_that_must_not_exist_is_found_where_denials_are_not_kept(world: World) -> None:
    gone = world.find("Pod", "db-2")
    known = Question(
        f"{'.'.join(reversed(gone['status']['podIPs'][0]['ip'].split('.')))}.in-addr.arpa.", "PTR"
    )
    old = world.answer(known)
    assert old.answer
    unready(gone)
    world.write_slices()
    for server in world.dns.values():
        server.change = lambda question, answer: old if question == known else answer
    finding = only(world.audit())
    assert (finding.check, finding.component) == (Check.ABSENT_NAMES, BlamedComponent.ALL_SERVERS)


@pytest.mark.parametrize("becomes", ["gone", "unready"])
def test_a_name_that_went_away_between_two_looks_is_not_asked_for_again(world: World, becomes: str) -> None:
    name, calls = "db-2", count(1)
    for server in world.dns.values():
        server.keeps = 30
        server.may_keep = lambda question: not world.answer(question).answer
        server.change = lambda question, answer: (
            AnswerData("NOERROR", (replace(answer.answer[0], rdata="10.66.6.6"),))
            if question.name.startswith(f"{name}.") and answer.answer
            else answer
        )
    waits = world.clock.pause

    def leave_before_the_next_look(seconds: float) -> None:
        waits(seconds)
        if seconds == FIRST_PAUSE and next(calls) == 1:
            if becomes == "gone":
                world.objects["Pod"].remove(world.find("Pod", name))
                world.find("StatefulSet", "db")["spec"]["replicas"] = 2
            else:
                unready(world.find("Pod", name))
            world.write_slices()

    world.clock.pause = leave_before_the_next_look  # type: ignore[method-assign]
    result = world.audit()
    denied = [q for server in world.dns.values() for q in server.kept if q.name.startswith(f"{name}.")]
    assert next(calls) > 1
    assert [q for q in denied if q.rdtype == "A"] == []
    assert result.findings == []


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED"])
def test_servers_that_can_look_nothing_up_are_all_wrong(world: World, rcode: str) -> None:
    for server in world.dns.values():
        server.change = lambda question, answer: AnswerData(rcode)
    result = world.audit()
    finding = only(result)
    assert (finding.component, finding.outcome) == (BlamedComponent.ALL_SERVERS, Outcome.FAILED)
    assert rcode in finding.seen
    assert (result.problem, result.status) == ("", 1)


def test_servers_that_do_not_know_the_domain_of_the_pods_are_wrong(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for server in world.dns.values():
        server.change = lambda question, answer: AnswerData("NXDOMAIN")
    monkeypatch.setattr(
        session_module, "find_resolver", lambda *_: Resolver(("10.96.0.10",), "cluster.local", "a Pod")
    )
    monkeypatch.setattr(session_module, "find_servers", lambda *_: DiscoveredServers(servers=list(SERVERS)))
    result = world.audit(domain="", servers=())
    assert only(result).component is BlamedComponent.ALL_SERVERS
    assert (result.problem, result.status) == ("", 1)


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED"])
def test_another_domain_than_the_servers_have_is_not_blamed_on_them(world: World, rcode: str) -> None:
    """Nobody answers for the domain that was given; the servers are right, as their reverse names show."""
    for server in world.dns.values():
        server.change = lambda question, answer: (
            AnswerData(rcode) if question.name.endswith("other.example.") else answer
        )
    result = world.audit(domain="other.example")
    assert "no DNS server knows the cluster domain other.example" in result.problem
    assert (result.findings, result.status) == ([], 2)


@pytest.mark.parametrize("number", [1, 3, 20, 100])
def test_servers_that_close_connections_when_they_like_are_right(
    empty: World, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr("headless_conformance.audit.dialogue.ROUNDS", 3)
    empty.apply(headless(), stateful_set(replicas=20))
    for server in empty.dns.values():
        server.closes_after = number
    result = empty.audit()
    assert set(outcomes(result).values()) == {Outcome.PASSED}
    assert (result.findings, result.status) == ([], 0)
