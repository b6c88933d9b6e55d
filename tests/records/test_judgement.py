"""Single answers against a zone, and the answers of one server against each other."""

from __future__ import annotations

import pytest

from headless_conformance.core.levels import Level
from headless_conformance.records import (
    AnswerData,
    DifferenceKind,
    Question,
    ResourceRecord,
    Zone,
    follow_ups,
    judge,
    judge_labels,
    zone_difference,
)
from tests.records.builders import (
    SQL,
    answer,
    differences,
    endpoint,
    endpoint_slice,
    external,
    headless,
    ordinary,
    zone,
)

DB = "db.shop.svc.cluster.local."
SRV = f"_sql._tcp.{DB}"


@pytest.fixture
def named() -> Zone:
    """Two endpoints with hostnames."""
    endpoints = [endpoint("10.1.0.1", hostname="db-0"), endpoint("10.1.0.2", hostname="db-1")]
    return zone([headless("db", SQL)], [endpoint_slice("db", *endpoints, ports=(SQL,))])


@pytest.fixture
def mixed() -> Zone:
    """One endpoint with a hostname and two without."""
    endpoints = [endpoint("10.1.0.1", hostname="db-0"), endpoint("10.1.0.2"), endpoint("10.1.0.3")]
    return zone([headless("db", SQL)], [endpoint_slice("db", *endpoints, ports=(SQL,))])


def test_a_right_answer_in_another_case_and_order(named: Zone) -> None:
    assert (
        differences(named, DB.upper(), "A", answer("Db.Shop.svc.CLUSTER.local.", "A", "10.1.0.2", "10.1.0.1"))
        == []
    )


def test_missing_surplus_and_twice(named: Zone) -> None:
    given = answer(DB, "A", "10.1.0.1", "10.1.0.1", "10.1.0.9")
    assert differences(named, DB, "A", given) == [
        f"-{DB} IN A 10.1.0.1",
        f"+{DB} IN A 10.1.0.1 (2 times)",
        f"-{DB} IN A 10.1.0.2",
        f"+{DB} IN A 10.1.0.9",
    ]


def test_a_zone_difference_names_questions_and_rules(named: Zone) -> None:
    assert zone_difference(judge(named, Question(DB, "A"), answer(DB, "A", "10.1.0.1"))) == (
        f"@@ {DB} IN A\n-{DB} IN A 10.1.0.2  ; missing, R8\n"
    )
    assert zone_difference([]) == ""


def test_srv_is_compared_without_priority_and_weight(named: Zone) -> None:
    assert (
        differences(named, SRV, "SRV", answer(SRV, "SRV", f"0 50 3306 db-0.{DB}", f"7 9 3306 DB-1.{DB}"))
        == []
    )
    assert differences(
        named, SRV, "SRV", answer(SRV, "SRV", f"0 50 3306 db-0.{DB}", f"0 50 3307 db-1.{DB}")
    ) == [
        f"-{SRV} IN SRV 0 0 3306 db-1.{DB}",
        f"+{SRV} IN SRV 0 0 3307 db-1.{DB}",
    ]


def test_a_denial_of_what_is_demanded(named: Zone) -> None:
    assert differences(named, f"db-0.{DB}", "A", AnswerData("NXDOMAIN")) == [
        f"+; db-0.{DB} IN ANY NXDOMAIN",
        f"-db-0.{DB} IN A 10.1.0.1",
    ]


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED"])
def test_response_codes_that_say_nothing(named: Zone, rcode: str) -> None:
    assert f"+; {DB} IN A {rcode}" in differences(named, DB, "A", AnswerData(rcode))
    assert f"+; absent.{DB} IN A {rcode}" in differences(named, f"absent.{DB}", "A", AnswerData(rcode))
    assert differences(named, "9.9.9.9.in-addr.arpa.", "PTR", AnswerData(rcode)) != []
    assert differences(named, DB, "TXT", AnswerData(rcode)) == []


def test_the_two_denials_are_told_apart(named: Zone) -> None:
    assert differences(named, DB, "AAAA", AnswerData("NOERROR")) == []
    assert differences(named, DB, "AAAA", AnswerData("NXDOMAIN")) == [
        f"-; {DB} IN AAAA NODATA",
        f"+; {DB} IN ANY NXDOMAIN",
    ]
    assert differences(named, f"db-2.{DB}", "A", AnswerData("NXDOMAIN")) == []
    assert differences(named, f"db-2.{DB}", "A", AnswerData("NOERROR")) == [
        f"-; db-2.{DB} IN ANY NXDOMAIN",
        f"+; db-2.{DB} IN A NODATA",
    ]


def test_a_record_of_a_name_that_must_not_exist(named: Zone) -> None:
    assert differences(named, f"db-2.{DB}", "A", answer(f"db-2.{DB}", "A", "10.1.0.9")) == [
        f"+db-2.{DB} IN A 10.1.0.9"
    ]


def test_a_record_of_another_owner(named: Zone) -> None:
    given = AnswerData(
        "NOERROR", (*answer(DB, "A", "10.1.0.1", "10.1.0.2").answer, ResourceRecord("x.", "A", "10.1.0.1"))
    )
    assert differences(named, DB, "A", given) == ["+x. IN A 10.1.0.1"]


def test_an_alias_where_addresses_are_demanded(named: Zone) -> None:
    given = AnswerData("NOERROR", (ResourceRecord(DB, "CNAME", "x."), ResourceRecord("x.", "A", "10.1.0.1")))
    assert differences(named, DB, "A", given) == [
        "+x. IN A 10.1.0.1",
        f"-{DB} IN A 10.1.0.1",
        f"-{DB} IN A 10.1.0.2",
        f"+{DB} IN CNAME x.",
    ]


def test_data_that_is_no_address(named: Zone) -> None:
    assert f"+{DB} IN A none" in differences(named, DB, "A", answer(DB, "A", "10.1.0.1", "10.1.0.2", "none"))


def test_what_a_truncated_answer_lacks_is_not_missing(named: Zone) -> None:
    assert differences(named, DB, "A", answer(DB, "A", "10.1.0.1", truncated=True)) == []
    assert differences(named, DB, "A", answer(DB, "A", "10.1.0.9", truncated=True)) == [
        f"+{DB} IN A 10.1.0.9"
    ]
    assert differences(named, SRV, "SRV", answer(SRV, "SRV", truncated=True)) == []


def test_additional_records_must_be_right(named: Zone) -> None:
    right = ResourceRecord(f"db-0.{DB}", "A", "10.1.0.1")
    wrong = ResourceRecord(f"db-1.{DB}", "A", "10.1.0.9")
    unreadable = ResourceRecord(f"db-1.{DB}", "AAAA", "none")
    other = ResourceRecord(".", "OPT", "")
    records = (f"0 50 3306 db-0.{DB}", f"0 50 3306 db-1.{DB}")
    given = answer(SRV, "SRV", *records, additional=(right, wrong, unreadable, other))
    found = judge(named, Question(SRV, "SRV"), given)
    assert [(mismatch.kind, mismatch.seen) for mismatch in found] == [
        (DifferenceKind.ADDITIONAL, wrong.line),
        (DifferenceKind.ADDITIONAL, unreadable.line),
    ]


def test_levels(named: Zone) -> None:
    empty = zone([headless("db")])
    (found,) = judge(empty, Question(DB, "A"), AnswerData("NOERROR"))
    assert (found.level, found.rules) == (Level.SHOULD, ("R9",))
    assert {mismatch.level for mismatch in judge(named, Question(DB, "A"), AnswerData("NXDOMAIN"))} == {
        Level.MUST
    }
    assert named.expectation(Question(DB, "A")).level is Level.MUST


def test_labels_of_the_servers_choice(mixed: Zone) -> None:
    right = (f"0 33 3306 db-0.{DB}", f"0 33 3306 10-1-0-2.{DB}", f"0 33 3306 pod-xyz.{DB}")
    assert differences(mixed, SRV, "SRV", answer(SRV, "SRV", *right)) == []
    assert differences(mixed, SRV, "SRV", answer(SRV, "SRV", *right[:2])) == [
        f"-{SRV} IN SRV 0 0 3306 <label>.{DB}"
    ]
    many = (*right, f"0 33 3306 z.{DB}")
    assert differences(mixed, SRV, "SRV", answer(SRV, "SRV", *many)) == [f"+{SRV} IN SRV 0 0 3306 z.{DB}"]
    elsewhere = (*right, "0 33 3306 a.other.shop.svc.cluster.local.")
    assert len(differences(mixed, SRV, "SRV", answer(SRV, "SRV", *elsewhere))) == 1


def test_the_name_of_a_label_has_an_address_of_an_endpoint_without_hostname(mixed: Zone) -> None:
    assert differences(mixed, f"x.{DB}", "A", AnswerData("NXDOMAIN")) == []
    assert differences(mixed, f"x.{DB}", "A", answer(f"x.{DB}", "A", "10.1.0.3")) == []
    assert differences(mixed, f"x.{DB}", "A", answer(f"x.{DB}", "A", "10.1.0.1")) == [
        f"+x.{DB} IN A 10.1.0.1"
    ]


def test_pointers(mixed: Zone) -> None:
    one, two = "1.0.1.10.in-addr.arpa.", "2.0.1.10.in-addr.arpa."
    assert differences(mixed, one, "PTR", answer(one, "PTR", f"db-0.{DB}")) == []
    assert differences(mixed, two, "PTR", answer(two, "PTR", f"any.{DB}")) == []
    assert differences(mixed, two, "PTR", answer(two, "PTR", f"db-0.{DB}")) == [
        f"+{two} IN PTR db-0.{DB}",
        f"-{two} IN PTR <label>.{DB}",
    ]
    unused = "9.9.9.10.in-addr.arpa."
    assert differences(mixed, unused, "PTR", answer(unused, "PTR", "host.example.com.")) == []
    assert differences(mixed, unused, "PTR", answer(unused, "PTR", f"db-0.{DB}")) == [
        f"+{unused} IN PTR db-0.{DB}"
    ]


def test_pointers_to_namespaces_out_of_view_are_open() -> None:
    slices = [endpoint_slice("db", endpoint("10.1.0.1", hostname="db-0"))]
    name, other = "1.0.1.10.in-addr.arpa.", "a.b.elsewhere.svc.cluster.local."
    given = answer(name, "PTR", f"db-0.{DB}", other)
    assert differences(zone([headless("db")], slices, ["shop"]), name, "PTR", given) == []
    assert differences(zone([headless("db")], slices), name, "PTR", given) == [f"+{name} IN PTR {other}"]


def test_pointers_of_ordinary_services_are_open() -> None:
    found = zone(
        [ordinary("web", ["10.96.0.9"], SQL)],
        [endpoint_slice("web", endpoint("10.1.0.1"), endpoint("10.1.0.1"))],
    )
    name = "1.0.1.10.in-addr.arpa."
    for given in (AnswerData("NXDOMAIN"), answer(name, "PTR", "10-1-0-1.web.shop.svc.cluster.local.")):
        assert differences(found, name, "PTR", given) == []
    assert differences(found, name, "PTR", answer(name, "PTR", f"x.{DB}")) == [f"+{name} IN PTR x.{DB}"]


@pytest.fixture
def aliases() -> Zone:
    services = [
        external("out", "www.example.com"),
        external("inside", "web.shop.svc.cluster.local"),
        external("loop", "loop.shop.svc.cluster.local"),
        ordinary("web", ["10.96.0.9"], SQL),
    ]
    return zone(services)


def chain(name: str, target: str, *addresses: str, rcode: str = "NOERROR") -> AnswerData:
    alias = ResourceRecord(f"{name}.shop.svc.cluster.local.", "CNAME", target)
    return AnswerData(rcode, (alias, *(ResourceRecord(target, "A", address) for address in addresses)))


def test_what_is_behind_an_alias(aliases: Zone) -> None:
    out, inside = "out.shop.svc.cluster.local.", "inside.shop.svc.cluster.local."
    web = "web.shop.svc.cluster.local."
    for given in (
        chain("out", "www.example.com.", "192.0.2.1"),
        chain("out", "www.example.com.", rcode="NXDOMAIN"),
    ):
        assert differences(aliases, out, "A", given) == []
    assert differences(aliases, out, "A", chain("out", "other.example.com.")) == [
        f"-{out} IN CNAME www.example.com.",
        f"+{out} IN CNAME other.example.com.",
    ]
    assert differences(aliases, inside, "A", chain("inside", web, "10.96.0.9")) == []
    assert differences(aliases, inside, "A", chain("inside", web, "10.96.0.8")) == [
        f"-{web} IN A 10.96.0.9",
        f"+{web} IN A 10.96.0.8",
    ]


def test_an_alias_to_itself_ends(aliases: Zone) -> None:
    name = "loop.shop.svc.cluster.local."
    assert differences(aliases, name, "A", chain("loop", name)) == []
    assert differences(aliases, name, "CNAME", answer(name, "CNAME", name)) == []


def labelled(first: str, second: str, *, third: str = "") -> dict[Question, AnswerData]:
    """Answers of a server that calls 10.1.0.2 and 10.1.0.3 like this; SRV has `third` in the place of the
    second."""
    one, two = "2.0.1.10.in-addr.arpa.", "3.0.1.10.in-addr.arpa."
    targets = [f"0 33 3306 {label}.{DB}" for label in ("db-0", first, third or second)]
    return {
        Question(one, "PTR"): answer(one, "PTR", f"{first}.{DB}"),
        Question(two, "PTR"): answer(two, "PTR", f"{second}.{DB}"),
        Question(SRV, "SRV"): answer(SRV, "SRV", *targets),
    }


def test_one_label_in_all_records(mixed: Zone) -> None:
    answers = labelled("a", "b")
    asked = follow_ups(mixed, answers)
    assert asked == [Question(f"{label}.{DB}", rdtype) for label in "ab" for rdtype in ("A", "AAAA")]
    assert judge_labels(mixed, answers) == []
    answers |= {
        Question(f"a.{DB}", "A"): answer(f"a.{DB}", "A", "10.1.0.2"),
        Question(f"b.{DB}", "A"): answer(f"b.{DB}", "A", "10.1.0.3"),
    }
    assert judge_labels(mixed, answers) == []
    assert all(judge(mixed, question, given) == [] for question, given in answers.items())


def test_labels_that_differ(mixed: Zone) -> None:
    answers = labelled("a", "b", third="c")
    answers[Question(f"a.{DB}", "A")] = answer(f"a.{DB}", "A", "10.1.0.3")
    assert [(mismatch.expected, mismatch.seen) for mismatch in judge_labels(mixed, answers)] == [
        (f"a.{DB} IN A 10.1.0.2", ""),
        ("", f"a.{DB} IN A 10.1.0.3"),
        ("", f"{SRV} IN SRV 0 0 3306 c.{DB}"),
    ]


def test_two_endpoints_with_one_label(mixed: Zone) -> None:
    found = judge_labels(mixed, labelled("a", "a"))
    assert [mismatch.seen for mismatch in found] == [
        f"2.0.1.10.in-addr.arpa. IN PTR a.{DB}",
        f"3.0.1.10.in-addr.arpa. IN PTR a.{DB}",
    ]


def test_labels_are_not_judged_by_questions_that_were_not_asked(mixed: Zone) -> None:
    answers = labelled("a", "b", third="c")
    del answers[Question("3.0.1.10.in-addr.arpa.", "PTR")]
    answers[Question(f"a.{DB}", "A")] = answer(f"a.{DB}", "A", "10.1.0.2", "10.1.0.3")
    answers[Question("x.", "PTR")] = answer("x.", "PTR", "y.")
    assert judge_labels(mixed, answers) == []


def test_unreadable_records_have_no_label(mixed: Zone) -> None:
    assert follow_ups(mixed, {Question(SRV, "SRV"): answer(SRV, "SRV", "none")}) == []
