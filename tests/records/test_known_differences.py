"""The table of what CoreDNS does otherwise: each row is needed, and explains no more than it says."""

from __future__ import annotations

import pytest

from headless_conformance.records import (
    KNOWN_DIFFERENCES,
    RULES,
    AnswerData,
    Question,
    RecordDifference,
    Zone,
    judge,
    known_difference,
    unexplained,
    zone_of,
)
from headless_conformance.records.known_differences import dashed
from headless_conformance.records.names import reverse_name
from tests.records.builders import DOMAIN, answer, endpoint, endpoint_slice, external, headless, port, zone
from tests.records.peculiar import NAME, peculiar, peculiar_questions
from tests.records.questions import questions
from tests.records.reference_server import ReferenceServer

CLUSTER_IP = "198.18.0.200"


def test_every_row_names_rules_of_the_register() -> None:
    assert len({row.id for row in KNOWN_DIFFERENCES}) == len(KNOWN_DIFFERENCES)
    for row in KNOWN_DIFFERENCES:
        assert row.specification
        assert row.coredns
        assert all(rule in RULES for rule in row.rules)


def test_every_row_is_needed_and_nothing_else_differs() -> None:
    made = peculiar(CLUSTER_IP)
    found = zone_of(made.services, made.slices, domain=DOMAIN)
    server = ReferenceServer(made.services, made.slices, DOMAIN)
    asked = [*questions(found, [NAME]), *peculiar_questions(found)]
    mismatches = [mismatch for question in asked for mismatch in judge(found, question, server.ask(question))]
    assert unexplained(found, mismatches) == []
    rows = [known_difference(found, mismatch) for mismatch in mismatches]
    assert {row.id for row in rows if row} == {row.id for row in KNOWN_DIFFERENCES}


def of(found: Zone, name: str, rdtype: str, given: AnswerData) -> list[RecordDifference]:
    return unexplained(found, judge(found, Question(name, rdtype), given))


def test_other_wrong_answers_about_the_same_names_are_not_explained() -> None:
    made = peculiar(CLUSTER_IP)
    found = zone_of(made.services, made.slices, domain=DOMAIN)
    suffix = f"{NAME}.svc.cluster.local."
    outside, inside, collision = f"outside.{suffix}", f"inside.{suffix}", f"collision.{suffix}"
    pointer = reverse_name(CLUSTER_IP)
    assert of(found, outside, "A", AnswerData("NOERROR"))
    assert of(found, outside, "CNAME", AnswerData("NOERROR"))
    assert of(found, inside, "A", answer(inside, "CNAME", "other.example.com."))
    assert of(found, f"numeric.{suffix}", "A", answer(f"numeric.{suffix}", "A", "10.255.0.9"))
    assert of(found, pointer, "PTR", answer(pointer, "PTR", f"other.{suffix}"))
    assert of(found, pointer, "PTR", AnswerData("NXDOMAIN"))
    assert of(found, collision, "A", answer(collision, "A", "10.255.0.1"))
    assert of(
        found,
        f"10-255-0-2.{collision}",
        "A",
        answer(f"10-255-0-2.{collision}", "A", "10.255.0.1", "10.255.0.9"),
    )
    assert of(
        found, reverse_name("10.9.9.9"), "PTR", answer(reverse_name("10.9.9.9"), "PTR", f"web.{suffix}")
    )
    assert of(
        found,
        f"_sql._udp.{collision}",
        "SRV",
        answer(f"_sql._udp.{collision}", "SRV", f"0 1 3306 {collision}"),
    )
    assert of(found, f"x.{suffix}", "A", AnswerData("NOERROR"))


def test_a_pointer_to_a_service_that_is_gone_needs_an_endpoint_slice_that_gives_it() -> None:
    service = headless("db", port("sql", 3306))
    own = endpoint_slice("db", endpoint("10.1.0.1", hostname="db-0"))
    pointer = reverse_name("10.1.0.1")
    right, gone = "db-0.db.shop.svc.cluster.local.", "db-0.gone.shop.svc.cluster.local."
    given = answer(pointer, "PTR", right, gone)
    assert of(zone([service], [own]), pointer, "PTR", given)
    elsewhere = endpoint_slice("gone", endpoint("10.1.0.2", hostname="db-0"), name="elsewhere")
    assert of(zone([service], [own, elsewhere]), pointer, "PTR", given)
    unready = endpoint_slice("gone", endpoint("10.1.0.1", hostname="db-0", ready=False), name="unready")
    assert of(zone([service], [own, unready]), pointer, "PTR", given)
    left = endpoint_slice("gone", endpoint("10.1.0.1", hostname="db-0"), name="left")
    assert of(zone([service], [own, left]), pointer, "PTR", given) == []


def test_an_alias_of_a_foreign_service_explains_nothing() -> None:
    found = zone([external("out", "www.example.com"), headless("db", port("sql", 3306))])
    name = "db.shop.svc.cluster.local."
    assert of(found, name, "A", AnswerData("NOERROR"))


def test_the_numeric_name_of_an_alias_must_be_an_address() -> None:
    found = zone([external("out", "1.example.com")], [endpoint_slice("x", endpoint("10.1.0.1"))])
    assert of(found, "out.shop.svc.cluster.local.", "A", AnswerData("NXDOMAIN"))


@pytest.mark.parametrize(
    ("address", "label"),
    [("10.1.0.2", "10-1-0-2"), ("fd00::1", "fd00--1"), ("fd00:0:0:1::", "fd00-0-0-1--0")],
)
def test_the_label_that_coredns_makes_of_an_address(address: str, label: str) -> None:
    assert dashed(address) == label
