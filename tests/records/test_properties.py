"""What holds for Services, EndpointSlices and Pods of any shape."""

from __future__ import annotations

import copy
import random
from dataclasses import replace

import dns.zone
from hypothesis import given, settings
from hypothesis import strategies as st

from headless_conformance.records import (
    AnswerData,
    DifferenceKind,
    Expectation,
    ListedEndpoint,
    Presence,
    Question,
    Record,
    ResourceRecord,
    Zone,
    compare_endpoints,
    expected_endpoints,
    follow_ups,
    judge,
    judge_labels,
    unexplained,
    zone_text,
)
from headless_conformance.records.names import address_of, canonical, reverse_name
from headless_conformance.records.objects import (
    CONTROLLER,
    HEADLESS_LABEL,
    MANAGED_BY_LABEL,
    SERVICE_NAME_LABEL,
)
from tests.records.builders import Object, zone
from tests.records.questions import mixed_case, questions
from tests.records.reference_server import ReferenceServer
from tests.records.strategies import pods, selecting, services

Made = tuple[list[Object], list[Object]]
EXAMPLES = settings(max_examples=60, deadline=None, database=None, derandomize=True)
"""Every run sees the same examples, and none is kept on disk."""


def told(found: Zone, presence: Presence) -> list[Expectation]:
    return [expectation for expectation in found.expectations.values() if expectation.presence is presence]


def right(expectation: Expectation, label: str = "chosen") -> AnswerData:
    """An answer as demanded: `label` and a number where the server chooses."""
    lines = [_resource(expectation.question, record) for record in expectation.records]
    for assigned in expectation.assigned:
        for number in range(assigned.least):
            target = Record(assigned.rdtype, f"{label}-{number}.{assigned.below}", assigned.port)
            lines.append(_resource(expectation.question, target))
    return AnswerData("NOERROR", tuple(lines))


def _resource(question: Question, record: Record) -> ResourceRecord:
    rdata = record.line("").split(f" {record.rdtype} ", 1)[1]
    return ResourceRecord(question.name, record.rdtype, rdata)


@EXAMPLES
@given(services())
def test_a_server_that_works_like_coredns_is_right_but_for_what_is_known(made: Made) -> None:
    found, server = zone(*made), ReferenceServer(*made, "cluster.local")
    answers = {question: server.ask(question) for question in questions(found, ["shop"])}
    answers |= {question: server.ask(question) for question in follow_ups(found, answers)}
    mismatches = [mismatch for question, said in answers.items() for mismatch in judge(found, question, said)]
    assert unexplained(found, [*mismatches, *judge_labels(found, answers)]) == []


@EXAMPLES
@given(services(), st.randoms(use_true_random=False))
def test_order_and_grouping_decide_nothing(made: Made, source: random.Random) -> None:
    shuffled = copy.deepcopy(made)
    for objects in shuffled:
        source.shuffle(objects)
    single = [
        {
            **found,
            "metadata": {**found["metadata"], "name": f"{found['metadata']['name']}-{number}"},
            "endpoints": [one],
        }
        for found in made[1]
        for number, one in enumerate(found["endpoints"])
    ]
    expected = dict(zone(*made).expectations)
    assert dict(zone(*shuffled).expectations) == expected
    assert dict(zone(made[0], single).expectations) == expected


@EXAMPLES
@given(services())
def test_the_printed_zone_holds_exactly_what_is_demanded(made: Made) -> None:
    found = zone(*made)
    loaded = dns.zone.from_text(
        zone_text(found.expectations.values()), origin=".", relativize=False, check_origin=False
    )
    printed = {
        (str(name), Record.read(rdata.rdtype.name, str(rdata)))
        for name, _ttl, rdata in loaded.iterate_rdatas()
    }
    demanded = {(e.question.name, record) for e in told(found, Presence.DEMANDED) for record in e.records}
    assert printed == demanded


@EXAMPLES
@given(services(), st.randoms(use_true_random=False))
def test_every_planted_error_in_an_answer_is_found(made: Made, source: random.Random) -> None:
    found = zone(*made)
    for expectation in told(found, Presence.DEMANDED):
        question, answer = expectation.question, right(expectation)
        in_case = Question(mixed_case(question.name, source), question.rdtype)
        assert judge(found, in_case, answer) == []
        lost = replace(answer, answer=answer.answer[1:])
        assert [m.kind for m in judge(found, question, lost)] == [DifferenceKind.MISSING]
        twice = replace(answer, answer=(*answer.answer, answer.answer[0]))
        assert DifferenceKind.DUPLICATE in [m.kind for m in judge(found, question, twice)]
        foreign = ResourceRecord(question.name, *FOREIGN[question.rdtype])
        more = replace(answer, answer=(*answer.answer, foreign))
        assert DifferenceKind.SURPLUS in [m.kind for m in judge(found, question, more)]
        assert DifferenceKind.MISSING in [m.kind for m in judge(found, question, AnswerData("NXDOMAIN"))]


FOREIGN = {
    "A": ("A", "192.0.2.1"),
    "AAAA": ("AAAA", "2001:db8::1"),
    "SRV": ("SRV", "0 0 1 other.example.com."),
    "PTR": ("PTR", "other.example.com."),
    "CNAME": ("CNAME", "other.example.com."),
}


@EXAMPLES
@given(services())
def test_what_is_forbidden_is_wrong_in_every_other_way(made: Made) -> None:
    found = zone(*made)
    for expectation in told(found, Presence.FORBIDDEN):
        question = expectation.question
        said = AnswerData("NOERROR", (ResourceRecord(question.name, *FOREIGN[question.rdtype]),))
        if question.rdtype != "PTR":
            codes = {
                rcode: bool(judge(found, question, AnswerData(rcode))) for rcode in ("NOERROR", "NXDOMAIN")
            }
            assert sorted(codes.values()) == [False, True]
            assert judge(found, question, said)


@EXAMPLES
@given(services())
def test_targets_have_addresses_and_pointers_lead_back(made: Made) -> None:
    found = zone(*made)
    for expectation in told(found, Presence.DEMANDED):
        for record in expectation.records:
            if record.rdtype == "SRV":
                types = [
                    found.expectation(Question(record.value, rdtype)).records for rdtype in ("A", "AAAA")
                ]
                assert any(types)
            if record.rdtype == "PTR":
                address = address_of(expectation.question.name)
                assert address is not None
                rdtype = "AAAA" if ":" in address else "A"
                assert Record(rdtype, address) in found.expectation(Question(record.value, rdtype)).records


@EXAMPLES
@given(services())
def test_a_name_of_an_endpoint_has_no_address_that_the_service_lacks(made: Made) -> None:
    found = zone(*made)
    for names in found.services.values():
        for hostname in names.hostnames:
            for rdtype in ("A", "AAAA"):
                of_service = found.expectation(Question(names.name, rdtype))
                of_endpoint = found.expectation(Question(f"{hostname}.{names.name}", rdtype))
                assert of_endpoint.records <= of_service.records
                assert of_endpoint.permitted <= of_service.records | of_service.permitted


@EXAMPLES
@given(services())
def test_a_part_of_the_cluster_is_told_as_the_whole(made: Made) -> None:
    whole, part = zone(*made), zone(*made, ["shop"])
    for question, expectation in whole.expectations.items():
        assert replace(part.expectation(question), open_targets=None) == replace(
            expectation, open_targets=None
        )


@EXAMPLES
@given(services())
def test_what_is_not_ready_is_as_if_it_was_not_there_but_for_its_names(made: Made) -> None:
    without = copy.deepcopy(made[1])
    for found in without:
        found["endpoints"] = [
            e for e in found["endpoints"] if (e.get("conditions") or {}).get("ready") is not False
        ]
    expected = zone(made[0], without)
    for question, expectation in zone(*made).expectations.items():
        other = expected.expectation(question)
        assert (expectation.presence, expectation.records) == (other.presence, other.records)


@EXAMPLES
@given(selecting(), pods(), st.booleans())
def test_expected_endpoints_are_right_however_they_are_spread(
    service: Object, found: list[Object], spread: bool
) -> None:
    expected = expected_endpoints(service, found)
    assert expected is not None
    slices = [_written(service["metadata"]["name"], endpoint) for endpoint in sorted(expected, key=str)]
    if not spread:
        slices = _merged(slices)
    assert not compare_endpoints(service, found, slices)
    for number, one in enumerate(slices):
        changed = copy.deepcopy(slices)
        conditions = changed[number]["endpoints"][0]["conditions"]
        conditions["ready"] = not one["endpoints"][0]["conditions"]["ready"]
        (difference,) = compare_endpoints(service, found, changed).changed
        assert difference.fields == ("ready",)
        less = [*slices[:number], *slices[number + 1 :]]
        assert len(compare_endpoints(service, found, less).missing) == len(one["endpoints"])


def _written(service: str, found: ListedEndpoint) -> Object:
    """A slice of one expected endpoint, as the controller writes it."""
    labels = {SERVICE_NAME_LABEL: service, MANAGED_BY_LABEL: CONTROLLER, HEADLESS_LABEL: ""}
    endpoint: Object = {
        "addresses": [found.address],
        "conditions": {"ready": found.ready, "serving": found.serving, "terminating": found.terminating},
        "targetRef": dict(zip(("kind", "namespace", "name", "uid"), found.target.split("/"), strict=True)),
        "nodeName": found.node,
        "hostname": found.hostname,
    }
    return {
        "metadata": {"name": "written", "namespace": "shop", "labels": labels},
        "addressType": found.family,
        "ports": [{"name": p.name, "port": p.number, "protocol": p.protocol} for p in found.ports],
        "endpoints": [endpoint],
    }


def _merged(slices: list[Object]) -> list[Object]:
    """Endpoints with the same family and ports in one slice."""
    merged: dict[str, Object] = {}
    for found in slices:
        key = repr((found["addressType"], sorted(map(repr, found["ports"]))))
        if key in merged:
            merged[key]["endpoints"] += found["endpoints"]
        else:
            merged[key] = copy.deepcopy(found)
    return list(merged.values())


@EXAMPLES
@given(st.ip_addresses().map(str))
def test_reverse_names_lead_back(address: str) -> None:
    assert address_of(reverse_name(address)) == address


@EXAMPLES
@given(st.text("abcXYZ-.09", min_size=1, max_size=20))
def test_canonical_names_stay(name: str) -> None:
    assert canonical(canonical(name)) == canonical(name) == canonical(name.upper())
