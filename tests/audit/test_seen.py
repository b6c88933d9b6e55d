"""What is wrong at DNS servers, EndpointSlices and Pods in ways that a healthy question does not show."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest

from headless_conformance.audit.checks import Check
from headless_conformance.audit.findings import BlamedComponent, NoteKind
from headless_conformance.core.levels import Level
from headless_conformance.records import AnswerData, Question, ResourceRecord
from headless_conformance.results.verdict import Outcome
from tests.audit.objects import headless, stateful_set, unready
from tests.audit.results import only
from tests.audit.world import SERVERS, World

SERVICE = "db-peers.shop.svc.cluster.local."
STRANGE = {"A": "192.0.2.66", "AAAA": "2001:db8::66", "SRV": f"0 100 5432 db-0.{SERVICE}"}


def everywhere(world: World, change: Callable[[Question, AnswerData], AnswerData]) -> None:
    for server in world.dns.values():
        server.change = change


def wildcard(rdtype: str) -> Callable[[Question, AnswerData], AnswerData]:
    """A server that has a record of a type for every name that does not exist."""

    def change(question: Question, answer: AnswerData) -> AnswerData:
        if answer.rcode != "NXDOMAIN" or not question.name.endswith(SERVICE):
            return answer
        if question.rdtype != rdtype:
            return answer
        return AnswerData("NOERROR", (ResourceRecord(question.name, rdtype, STRANGE[rdtype]),))

    return change


@pytest.mark.parametrize("rdtype", ["A", "AAAA"])
@pytest.mark.parametrize("keeps", [0, 30])
def test_names_that_must_not_exist_are_found_by_one_that_nobody_has(
    world: World, rdtype: str, keeps: int
) -> None:
    everywhere(world, wildcard(rdtype))
    for server in world.dns.values():
        server.keeps = keeps
    finding = only(world.audit(limit_seconds=10))
    assert (finding.component, finding.check) == (BlamedComponent.ALL_SERVERS, Check.ABSENT_NAMES)
    assert STRANGE[rdtype] in finding.seen


def test_a_name_that_must_not_exist_is_no_name_without_data(world: World) -> None:
    def change(question: Question, answer: AnswerData) -> AnswerData:
        below = question.name.endswith(SERVICE) and answer.rcode == "NXDOMAIN"
        return AnswerData("NOERROR") if below else answer

    everywhere(world, change)
    finding = only(world.audit())
    assert finding.check is Check.ABSENT_NAMES
    assert (finding.expected.rpartition(" ")[2], finding.seen.rpartition(" ")[2]) == ("NXDOMAIN", "NODATA")


def test_a_port_under_another_protocol_is_found(world: World) -> None:
    other = Question(f"_data._udp.{SERVICE}", "SRV")
    right = Question(f"_data._tcp.{SERVICE}", "SRV")

    def change(question: Question, answer: AnswerData) -> AnswerData:
        if question != other:
            return answer
        records = world.answer(right).answer
        return AnswerData(
            "NOERROR", tuple(ResourceRecord(other.name, "SRV", record.rdata) for record in records)
        )

    everywhere(world, change)
    finding = only(world.audit())
    assert finding.check is Check.ABSENT_NAMES
    assert "_data._udp" in finding.summary


def test_a_name_after_the_next_one_is_found(world: World) -> None:
    beyond = Question(f"db-5.{SERVICE}", "A")
    everywhere(
        world,
        lambda question, answer: (
            AnswerData("NOERROR", (ResourceRecord(beyond.name, "A", "192.0.2.66"),))
            if question == beyond
            else answer
        ),
    )
    assert only(world.audit()).check is Check.ABSENT_NAMES


def test_a_denial_without_soa_is_found(world: World) -> None:
    for server in world.dns.values():
        server.bare = lambda question: question.rdtype == "AAAA" and question.name.startswith("db-0.")
    result = world.audit()
    finding = only(result)
    assert (finding.component, finding.check, finding.level) == (
        BlamedComponent.ALL_SERVERS,
        Check.TTL,
        Level.MUST,
    )
    assert "rfc2308" in finding.link
    assert result.status == 1


def test_a_denial_without_soa_is_not_kept_so_that_the_next_ordinal_is_asked_for(world: World) -> None:
    beyond = Question(f"db-4.{SERVICE}", "A")
    for server in world.dns.values():
        server.bare = lambda question: True
    everywhere(
        world,
        lambda question, answer: (
            AnswerData("NOERROR", (ResourceRecord(beyond.name, "A", "192.0.2.66"),))
            if question == beyond
            else answer
        ),
    )
    assert {finding.check for finding in world.audit().findings} == {Check.ABSENT_NAMES, Check.TTL}


def test_whoever_denies_a_reverse_name_need_not_be_the_cluster(world: World) -> None:
    unready(world.find("Pod", "db-2"))
    world.write_slices()
    for server in world.dns.values():
        server.bare = lambda question: question.rdtype == "PTR"
    assert world.audit().findings == []
    assert any(question.rdtype == "PTR" for server in world.dns.values() for question in server.asked)


def test_a_denial_that_is_wrong_anyway_has_one_finding(world: World) -> None:
    name = Question(f"db-0.{SERVICE}", "A")
    for server in world.dns.values():
        server.bare = lambda question: question == name
    everywhere(world, lambda question, answer: AnswerData("NOERROR") if question == name else answer)
    assert only(world.audit()).check is Check.MEMBER_RECORDS


@pytest.mark.parametrize("servers", [1, 2])
def test_answers_that_are_wrong_now_and_then_are_found(
    world: World, monkeypatch: pytest.MonkeyPatch, servers: int
) -> None:
    monkeypatch.setattr("headless_conformance.audit.dialogue.ROUNDS", 16)
    asked = Question(SERVICE.rstrip("."), "A")
    for server in list(world.dns.values())[:servers]:
        numbers = count(1)

        def change(question: Question, answer: AnswerData, numbers: count[int] = numbers) -> AnswerData:
            wrong = question == asked and next(numbers) % 8 == 0
            return AnswerData("NOERROR", (ResourceRecord(SERVICE, "A", "192.0.2.66"),)) if wrong else answer

        server.change = change
    finding = only(world.audit())
    assert finding.component is (BlamedComponent.ALL_SERVERS if servers == 2 else BlamedComponent.ONE_SERVER)
    assert finding.check is Check.SERVICE_RECORDS
    assert "of 16 answers" in finding.seen


def test_what_changes_while_it_is_asked_again_is_not_wrong(world: World) -> None:
    """When the first member is asked for again, the second one has just been replaced."""
    first = Question(f"db-0.{SERVICE}", "A")
    times = count(1)

    def replaced(question: Question, answer: AnswerData) -> AnswerData:
        if question == first and next(times) == 2:
            world.find("Pod", "db-1")["status"]["podIPs"] = [{"ip": "10.1.77.7"}]
            world.write_slices()
        return world.answer(question)

    world.dns[SERVERS[0]].change = replaced
    assert world.audit().findings == []
    assert next(times) > 2


def test_a_slice_of_nobody_that_adds_an_address_is_found(world: World) -> None:
    world.add(
        "EndpointSlice",
        {
            "metadata": {
                "name": "foreign",
                "namespace": "shop",
                "labels": {"kubernetes.io/service-name": "db-peers"},
            },
            "addressType": "IPv4",
            "ports": [{"name": "data", "port": 5432, "protocol": "TCP"}],
            "endpoints": [{"addresses": ["192.0.2.66"], "conditions": {"ready": True}}],
        },
    )
    finding = only(world.audit())
    assert (finding.component, finding.check) == (BlamedComponent.MANIFEST, Check.ENDPOINTS)
    assert "foreign: 192.0.2.66" in finding.seen


def test_a_pointer_to_a_service_that_is_gone_is_found(world: World) -> None:
    gone = "db-0.gone.shop.svc.cluster.local."

    def change(question: Question, answer: AnswerData) -> AnswerData:
        if question.rdtype != "PTR" or not answer.answer:
            return answer
        return AnswerData("NOERROR", (*answer.answer, ResourceRecord(question.name, "PTR", gone)))

    everywhere(world, change)
    finding = only(world.audit())
    assert (finding.component, finding.check) == (BlamedComponent.ALL_SERVERS, Check.POINTER_RECORDS)
    assert gone in finding.seen


def test_a_slice_with_a_manager_of_its_own_is_no_finding(world: World) -> None:
    label = "endpointslice.kubernetes.io/managed-by"
    world.add(
        "EndpointSlice",
        {
            "metadata": {
                "name": "mesh",
                "namespace": "shop",
                "labels": {"kubernetes.io/service-name": "db-peers", label: "mesh.example"},
            },
            "addressType": "IPv4",
            "ports": [{"name": "data", "port": 5432, "protocol": "TCP"}],
            "endpoints": [{"addresses": ["192.0.2.66"], "conditions": {"ready": True}}],
        },
    )
    assert world.audit().findings == []


def test_a_pod_that_has_a_members_name_and_is_none_is_found(world: World) -> None:
    found = world.find("Pod", "db-1")
    world.find("StatefulSet", "db")["spec"]["selector"] = {"matchLabels": {"app": "db"}}
    del found["metadata"]["ownerReferences"], found["metadata"]["labels"]["app"]
    world.write_slices()
    finding = only(world.audit())
    assert (finding.component, finding.check) == (BlamedComponent.MANIFEST, Check.POD_NAMES)
    assert finding.seen == "Pod db-1 without app=db"


def test_volumes_that_nobody_mounts_are_found(empty: World) -> None:
    templates = [{"metadata": {"name": "data"}}]
    empty.apply(headless(), stateful_set(volumeClaimTemplates=templates))
    result = empty.audit()
    finding = only(result)
    assert (finding.component, finding.check, finding.level) == (
        BlamedComponent.MANIFEST,
        Check.VOLUMES,
        Level.SHOULD,
    )
    assert result.status == 0


def test_published_addresses_of_unready_members_are_noted(empty: World) -> None:
    empty.apply(headless(publishNotReadyAddresses=True), stateful_set())
    result = empty.audit()
    assert result.status == 0
    assert any(note.kind is NoteKind.NOT_READY_PUBLISHED for note in result.targets[0].notes)
    assert {check.outcome for check in result.targets[0].checks} == {Outcome.PASSED}


def test_how_long_somebody_else_lets_a_denial_of_a_reverse_name_be_kept_is_not_the_clusters(
    world: World,
) -> None:
    unready(world.find("Pod", "db-2"))
    world.write_slices()
    for server in world.dns.values():
        server.ttl_of = lambda question, answer: (
            10800 if question.rdtype == "PTR" and not answer.answer else None
        )
    assert world.audit().findings == []
    for server in world.dns.values():
        server.ttl_of = lambda question, answer: 10800 if question.rdtype == "PTR" else None
    assert only(world.audit()).check is Check.TTL


def test_with_many_names_a_part_is_asked_again_and_that_is_said(empty: World) -> None:
    empty.apply(headless(), stateful_set(replicas=250))
    result = empty.audit()
    assert (result.findings, result.status) == ([], 0)
    assert len(result.notes) == len(SERVERS)
    assert all("600 of " in note for note in result.notes)
    for server in empty.dns.values():
        twice = [question for question in set(server.asked) if server.asked.count(question) > 1]
        assert len(twice) >= 600
