"""Asking and comparing."""

from __future__ import annotations

import socketserver
import threading
from collections import Counter
from fnmatch import fnmatch
from typing import Any
from unittest.mock import Mock

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from headless_conformance.cluster import waiting
from headless_conformance.cluster.dns_answer import Form, Server, Transport
from headless_conformance.cluster.dns_checks import (
    must_be,
    must_be_nodata,
    must_be_nxdomain,
    must_be_srv,
    must_include,
)
from headless_conformance.cluster.dns_client import MOST_ASKED, Dns
from headless_conformance.cluster.dns_exchange import (
    ANSWERS,
    Exchange,
    HostAsker,
    Place,
    answers_to_find,
    ask_often,
)
from headless_conformance.cluster.waiting import ObservationError
from headless_conformance.core.mismatch import Mismatch, Where
from headless_conformance.records.names import reverse_name
from tests.cluster.dns_stand_in import NAME, RIGHT, Reply, cut, doubled, no_data, query_of, reply, serving


def require(server: Server, check: Any, rdtype: str = "A") -> None:
    Dns(HostAsker(), (server,)).require(NAME, rdtype, check, within=0.3)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headless_conformance.cluster.dns_exchange.JOB_SECONDS", 0.5)
    monkeypatch.setattr(waiting, "INTERVAL", 0.01)


def test_the_exact_set_passes_in_any_order() -> None:
    with serving(reply(*RIGHT), reply(*reversed(RIGHT))) as server:
        require(server, must_be(RIGHT))


WRONG = {
    "one-missing": (reply(*RIGHT[:2]), "{198.51.100.1, 198.51.100.2}"),
    "one-too-many": (
        reply(*RIGHT, "198.51.100.4"),
        "{198.51.100.1, 198.51.100.2, 198.51.100.3, 198.51.100.4}",
    ),
    "a-double": (
        lambda query: doubled(query),
        "{198.51.100.1, 198.51.100.2, 198.51.100.3, 198.51.100.3}",
    ),
    "one-wrong": (reply(*RIGHT[:2], "198.51.100.4"), "{198.51.100.1, 198.51.100.2, 198.51.100.4}"),
    "none": (reply(), "NODATA"),
    "nxdomain": (reply(rcode="NXDOMAIN"), "NXDOMAIN"),
    "servfail": (reply(rcode="SERVFAIL"), "SERVFAIL"),
    "records-with-nxdomain": (
        reply(*RIGHT, rcode="NXDOMAIN"),
        "NXDOMAIN with {198.51.100.1, 198.51.100.2, 198.51.100.3}",
    ),
    "another-owner": (
        reply(*RIGHT, owner="other.default.svc.cluster.local."),
        "{198.51.100.1, 198.51.100.2, 198.51.100.3} of other.default.svc.cluster.local.",
    ),
    "another-type": (reply("target.example.", rdtype="CNAME"), "CNAME target.example."),
    "not-dns": (lambda query: query.to_wire()[:2] + b"\x80", "no answer: not a DNS message"),
    "silent": (None, "no answer: "),
}


@pytest.mark.parametrize(("wrong", "observed"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_any_other_answer_fails_on_either_transport(
    wrong: Reply | None, observed: str, transport: str
) -> None:
    udp, tcp = (wrong, reply(*RIGHT)) if transport == "udp" else (reply(*RIGHT), wrong)
    with serving(udp, tcp) as server, pytest.raises(Mismatch) as raised:
        require(server, must_be(RIGHT))
    seen = raised.value.observation
    assert seen.subject == f"A {NAME}"
    assert seen.expected == "{198.51.100.1, 198.51.100.2, 198.51.100.3}"
    assert seen.observed == observed or (
        seen.observed.startswith("no answer: ") and observed in seen.observed
    )
    assert seen.where == Where(server.name, f"{server.address}:{server.port}", transport)
    assert seen.attempts is not None


@pytest.mark.parametrize(("there", "expected"), [(True, AssertionError), (False, ObservationError)])
def test_a_silent_server_that_went_away_breaks_no_promise(there: bool, expected: type[Exception]) -> None:
    with serving(None, None) as server, pytest.raises(expected) as raised:
        Dns(HostAsker(), (server,), is_there=lambda server: there).require(
            NAME, "A", must_be(RIGHT), within=0.3
        )
    assert str(server) in str(raised.value)


def test_a_server_that_was_replaced_is_looked_up_again() -> None:
    with serving(None, None, "old") as old, serving(reply(*RIGHT), reply(*RIGHT), "new") as new:
        asked = Dns(HostAsker(), (old,), lambda server: server != old, look_up=lambda: (new,))
        found = asked.require(NAME, "A", must_be(RIGHT), within=0.3, often=ANSWERS)
    assert {answer.server for answer in found.answers} == {new}
    assert asked.servers == (new,)


def test_the_new_server_is_forgiven_nothing() -> None:
    with serving(None, None, "old") as old, serving(reply(), reply(), "new") as new:
        asked = Dns(HostAsker(), (old,), lambda server: server != old, look_up=lambda: (new,))
        with pytest.raises(Mismatch, match="at new"):
            asked.require(NAME, "A", must_be(RIGHT), within=0.3)


def test_there_is_an_end_to_looking_up() -> None:
    with serving(None, None, "old") as old, pytest.raises(ObservationError, match=r"old .* went away"):
        Dns(HostAsker(), (old,), lambda server: False, look_up=lambda: (old,)).require(
            NAME, "A", must_be(RIGHT), within=0.1
        )


def test_of_many_records_a_message_shows_what_differs_only() -> None:
    many = [f"198.51.100.{number}" for number in range(40)]
    came = [*many[1:], "203.0.113.1"]
    with serving(reply(*came), reply(*came)) as server, pytest.raises(AssertionError) as raised:
        require(server, must_be(many))
    said = str(raised.value)
    wanted = "expected 40 records, got 40 records: missing {198.51.100.0}, additional {203.0.113.1}"
    assert wanted in said
    assert "198.51.100.7" not in said


def test_one_bad_replica_among_good_ones_fails_by_name() -> None:
    with (
        serving(reply(*RIGHT), reply(*RIGHT), "good") as good,
        serving(reply(), reply(), "bad") as bad,
        pytest.raises(AssertionError, match="at bad"),
    ):
        Dns(HostAsker(), (good, bad, good)).require(NAME, "A", must_be(RIGHT), within=0.3)


def test_a_missing_name_is_nxdomain_and_nothing_else() -> None:
    with serving(reply(rcode="NXDOMAIN"), reply(rcode="NXDOMAIN")) as server:
        require(server, must_be_nxdomain)
    for wrong in (reply(), reply(*RIGHT), reply(*RIGHT, rcode="NXDOMAIN"), reply(rcode="SERVFAIL")):
        with serving(wrong, wrong) as server, pytest.raises(AssertionError, match="expected"):
            require(server, must_be_nxdomain)


def test_a_missing_type_is_noerror_without_records() -> None:
    with serving(no_data, no_data) as server:
        require(server, must_be_nodata, "AAAA")
    with (
        serving(reply(), reply()) as server,
        pytest.raises(AssertionError, match="expected NODATA with SOA, got NODATA without"),
    ):
        require(server, must_be_nodata, "AAAA")
    for wrong in (reply(rcode="NXDOMAIN"), reply("2001:db8::1", rdtype="AAAA"), reply(rcode="SERVFAIL")):
        with (
            serving(wrong, wrong) as server,
            pytest.raises(AssertionError, match="expected NODATA, got"),
        ):
            require(server, must_be_nodata, "AAAA")


def test_srv_is_compared_by_target_and_port() -> None:
    right, wrong = reply("0 33 3306 a.example.", rdtype="SRV"), reply("0 33 3307 a.example.", rdtype="SRV")
    with serving(right, right) as server:
        require(server, must_be(["a.example. 3306"]), "SRV")
    with serving(wrong, wrong) as server, pytest.raises(Mismatch, match=r"got \{a\.example\. 3307\}"):
        require(server, must_be(["a.example. 3306"]), "SRV")


def with_additional(address: str) -> Reply:
    """An SRV record, and its target's address in the additional section."""

    def answer(query: dns.message.QueryMessage) -> bytes:
        message = dns.message.make_response(query)
        message.answer.append(dns.rrset.from_text(NAME, 30, "IN", "SRV", "0 33 3306 a.example."))
        message.additional.append(dns.rrset.from_text("a.example.", 30, "IN", "A", address))
        return message.to_wire()

    return answer


def test_the_additional_section_of_srv_may_be_left_out_and_must_not_be_wrong() -> None:
    check = must_be_srv({"a.example.": "198.51.100.1"}, 3306)
    for right in (reply("0 33 3306 a.example.", rdtype="SRV"), with_additional("198.51.100.1")):
        with serving(right, right) as server:
            require(server, check, "SRV")
    wrong = with_additional("198.51.100.2")
    observed = r"got \{a\.example\. 3306\} with additional \{a\.example\. 198\.51\.100\.2\}"
    with serving(wrong, wrong) as server, pytest.raises(Mismatch, match=observed):
        require(server, check, "SRV")


@pytest.mark.parametrize(
    "wrong", [reply(*RIGHT[:2]), reply(rcode="NXDOMAIN")], ids=["a record less", "no name"]
)
def test_one_wrong_answer_among_many_right_ones_is_not_forgiven(wrong: Reply) -> None:
    answers = iter([*([reply(*RIGHT)] * 9), wrong, *([reply(*RIGHT)] * 1000)])

    def changing(query: dns.message.QueryMessage) -> bytes:
        return next(answers)(query)

    with serving(changing, reply(*RIGHT)) as server, pytest.raises(AssertionError) as raised:
        Dns(HostAsker(), (server,)).require(NAME, "A", must_be(RIGHT), within=0.3, often=ANSWERS)
    assert "over udp" in str(raised.value)
    assert f"one of {ANSWERS} answers after 3 right ones in a row" in str(raised.value)


def test_a_lost_packet_among_many_right_answers_breaks_no_promise() -> None:
    answers = iter([*([reply(*RIGHT)] * 9), None, *([reply(*RIGHT)] * 1000)])

    def losing(query: dns.message.QueryMessage) -> bytes:
        found = next(answers)
        return found(query) if found else b""

    with serving(losing, reply(*RIGHT)) as server:
        Dns(HostAsker(), (server,)).require(NAME, "A", must_be(RIGHT), within=0.3, often=ANSWERS)


@pytest.mark.parametrize("garbage", [b"", b"no DNS message"], ids=["silence", "garbage"])
@pytest.mark.parametrize("there", [True, False])
def test_a_server_that_stops_answering_is_not_forgiven(garbage: bytes, *, there: bool) -> None:
    answers = iter([reply(*RIGHT)] * 9)

    def falling(query: dns.message.QueryMessage) -> bytes:
        found = next(answers, None)
        return found(query) if found else garbage

    expected = AssertionError if there or garbage else ObservationError
    with serving(falling, reply(*RIGHT)) as server, pytest.raises(expected, match=r"over udp|went away"):
        Dns(HostAsker(), (server,), is_there=lambda server: there).require(
            NAME, "A", must_be(RIGHT), within=0.3, often=ANSWERS
        )


def test_a_name_that_has_another_familys_records_is_not_absent() -> None:
    def only_aaaa(query: dns.message.QueryMessage) -> bytes:
        asked = query.question[0].rdtype
        answer = (
            reply("2001:db8::1", rdtype="AAAA") if asked == dns.rdatatype.AAAA else reply(rcode="NXDOMAIN")
        )
        return answer(query)

    absent = reply(rcode="NXDOMAIN")
    with serving(absent, absent) as server:
        Dns(HostAsker(), (server,)).require_absent(NAME, within=0.3)
    with serving(only_aaaa, only_aaaa) as server, pytest.raises(AssertionError, match="2001:db8::1"):
        Dns(HostAsker(), (server,)).require_absent(NAME, within=0.3)


def test_an_answer_wrong_one_time_in_sixteen_is_found_with_the_stated_probability() -> None:
    assert answers_to_find(16, 0.999) == ANSWERS == 108
    assert (15 / 16) ** ANSWERS < 0.001 < (15 / 16) ** (ANSWERS - 1)


def test_every_form_is_asked_so_often_and_each_question_has_an_id_of_its_own() -> None:
    forms = Counter[tuple[str, int | None]]()
    ids, spellings = set[int](), set[str]()

    def noting(transport: str) -> Reply:
        def note(query: dns.message.QueryMessage) -> bytes:
            forms[transport, query.payload if query.edns >= 0 else None] += 1
            ids.add(query.id)
            spellings.add(str(query.question[0].name))
            return reply(*RIGHT)(query)

        return note

    with serving(noting("udp"), noting("tcp")) as server:
        ask_often([Place(HostAsker())], [server], [(NAME, "A")], ANSWERS)
    udp = dict.fromkeys((("udp", payload) for payload in (512, 1232, 4096)), ANSWERS // 3)
    assert forms == udp | {("udp", None): ANSWERS, ("tcp", None): ANSWERS, ("tcp", 4096): ANSWERS}
    assert len(ids) > ANSWERS
    assert {name.lower() for name in spellings} == {NAME}
    assert len(spellings) == 2


def test_places_share_the_answers() -> None:
    asked = Counter[str]()

    def place(name: str) -> Place:
        def do(jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
            asked[name] += sum(job["times"] for job in jobs if job["transport"] == "tcp")
            return HostAsker().do(jobs)

        return Place(Mock(do=do), Where(pod=name))

    with serving(reply(*RIGHT), reply(*RIGHT)) as server:
        answers = ask_often(
            [place("a"), place("b"), place("c")], [server], [(NAME, "A"), (NAME, "TXT")], ANSWERS
        )
    assert asked == dict.fromkeys("abc", 2 * ANSWERS // 3)
    assert {answer.where.pod for answer in answers} == {"a", "b", "c"}


@pytest.mark.parametrize(("questions", "used"), [(1, {"a", "b"}), (MOST_ASKED, {"a"})])
def test_many_questions_are_asked_from_fewer_places(questions: int, used: set[str]) -> None:
    asked = set[str]()

    def place(name: str) -> Place:
        def do(jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
            asked.add(name)
            return [{"problem": "nobody is there"} for _ in jobs]

        return Place(Mock(do=do), Where(pod=name))

    server = Server("test", "192.0.2.1")
    found = Dns(Mock(), (server,), find_places=lambda: [place("a"), place("b")])
    answers = found.ask_often([(f"{number}.{NAME}", "A") for number in range(questions)], 1)
    assert asked == used
    assert all(answer.lost for answer in answers)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("payload", [None, 512, 4096])
def test_an_answer_that_is_wrong_in_one_form_only_says_so(transport: str, payload: int | None) -> None:
    def changing(query: dns.message.QueryMessage) -> bytes:
        offered = query.payload if query.edns >= 0 else None
        return reply(*(RIGHT[:2] if offered == payload else RIGHT))(query)

    right = reply(*RIGHT)
    with serving(*((changing, right) if transport == "udp" else (right, changing))) as server:
        asked = Dns(HostAsker(), (server,))
        if transport == "tcp" and payload == 512:
            asked.require(NAME, "A", must_be(RIGHT), within=0.3, often=ANSWERS)
            return
        with pytest.raises(Mismatch) as raised:
            asked.require(NAME, "A", must_be(RIGHT), within=0.3, often=ANSWERS)
    seen = raised.value.observation
    assert (seen.observed, seen.where.transport) == ("{198.51.100.1, 198.51.100.2}", transport)
    assert (f"with EDNS for {payload} bytes" if payload else "without EDNS") in seen.details


def with_opt(query: dns.message.QueryMessage) -> bytes:
    message = dns.message.make_response(query)
    message.use_edns(0)
    message.answer.append(dns.rrset.from_text(NAME, 30, "IN", "A", *RIGHT))
    return message.to_wire()


def without_opt(query: dns.message.QueryMessage) -> bytes:
    message = dns.message.make_response(query)
    message.use_edns(False)
    message.answer.append(dns.rrset.from_text(NAME, 30, "IN", "A", *RIGHT))
    return message.to_wire()


UNUSABLE = {
    "an OPT record to a question without": (with_opt, "no answer: an OPT record"),
    "no OPT record, though others have one": (without_opt, "no answer: no OPT record"),
    "more than fits": (reply(*[f"198.51.100.{number}" for number in range(40)]), "512 are the most"),
}


@pytest.mark.parametrize(("unusable", "problem"), UNUSABLE.values(), ids=UNUSABLE)
def test_an_answer_that_nobody_who_asks_so_can_use_is_none(unusable: Reply, problem: str) -> None:
    with serving(unusable, reply(*RIGHT)) as server:
        answers = ask_often([Place(HostAsker())], [server], [(NAME, "A")], times=2)
    assert any(problem in answer.rcode for answer in answers)


def test_a_server_of_the_time_before_edns_is_judged_by_its_records() -> None:
    with serving(without_opt, without_opt) as server:
        Dns(HostAsker(), (server,)).require(NAME, "A", must_be(RIGHT), within=0.3, often=ANSWERS)


def test_several_questions_share_one_connection() -> None:
    names = [f"{number}.{NAME}" for number in range(3)]
    connections = list[int]()

    class Once(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            connections.append(0)
            while size := int.from_bytes(self.rfile.read(2)):
                answer = reply(rcode="NXDOMAIN")(query_of(self.rfile.read(size)))
                self.wfile.write(len(answer).to_bytes(2) + answer)
                if len(connections) > 1:
                    return

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Once) as stream:
        threading.Thread(target=stream.serve_forever, args=(0.01,), daemon=True).start()
        server = Server("test", *stream.server_address)
        one = Exchange(Place(HostAsker()), server, Form(Transport.TCP), tuple((name, "A") for name in names))
        first, second = ([answer.lost for answer in one.answers(_result(one))] for _ in range(2))
        stream.shutdown()
    assert (first, second) == ([False] * 3, [False, True, True])


def _result(exchange: Exchange) -> dict[str, Any]:
    (result,) = HostAsker().do([exchange.job()])
    return result


def test_reverse_names_of_both_families() -> None:
    assert reverse_name("198.51.100.7") == "7.100.51.198.in-addr.arpa."
    assert reverse_name("2001:db8::1").endswith(".8.b.d.0.1.0.0.2.ip6.arpa.")


MANY = [f"198.51.100.{number}" for number in range(1, 41)]
"""More addresses than fit into the smallest message over UDP."""


@pytest.mark.parametrize("part", [MANY[:20], []], ids=["a-part", "nothing"])
def test_an_answer_that_is_cut_over_udp_is_whole_over_tcp(part: list[str]) -> None:
    with serving(cut(*part), reply(*MANY)) as server:
        require(server, must_be(MANY))
        require(server, must_include(MANY[-1]))


CUT = {
    "a-stranger-among-them": (cut("198.51.100.99"), reply(*MANY), "*additional {198.51.100.99}"),
    "one-missing-over-tcp": (cut(*MANY[:20]), reply(*MANY[1:]), "39 records*"),
    "cut-over-tcp-too": (cut(*MANY[:20]), cut(*MANY[:20]), "20 records*"),
    "cut-though-it-fits": (cut(*RIGHT[:2]), reply(*RIGHT), "{*} with flag TC"),
}


@pytest.mark.parametrize("case", CUT)
def test_a_cut_answer_excuses_nothing_else(case: str) -> None:
    udp, tcp, observed = CUT[case]
    wanted = RIGHT if case == "cut-though-it-fits" else MANY
    with serving(udp, tcp) as server, pytest.raises(Mismatch) as caught:
        require(server, must_be(wanted))
    assert fnmatch(caught.value.observation.observed, observed)
