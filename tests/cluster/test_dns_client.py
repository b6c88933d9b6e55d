"""Asking and comparing: a small DNS server of our own, right or wrong in one way at a time."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from headless_conformance.cluster import waiting
from headless_conformance.cluster.dns_answer import Server
from headless_conformance.cluster.dns_checks import (
    must_be,
    must_be_nodata,
    must_be_nxdomain,
    must_be_srv,
    must_include,
)
from headless_conformance.cluster.dns_client import Dns, HostAsker
from headless_conformance.cluster.waiting import ObservationError
from headless_conformance.core.mismatch import Mismatch, Where
from headless_conformance.records.names import reverse_name

NAME = "nginx.default.svc.cluster.local."
RIGHT = ["198.51.100.1", "198.51.100.2", "198.51.100.3"]

Reply = Callable[[dns.message.QueryMessage], bytes]


def reply(
    *records: str, rcode: str = "NOERROR", owner: str = NAME, rdtype: str = "A", ttl: int = 30
) -> Reply:
    """A server that gives these records, whatever it is asked."""

    def answer(query: dns.message.QueryMessage) -> bytes:
        message = dns.message.make_response(query)
        message.set_rcode(dns.rcode.from_text(rcode))
        if records:
            message.answer.append(dns.rrset.from_text(owner, ttl, "IN", rdtype, *records))
        return message.to_wire()

    return answer


def no_data(query: dns.message.QueryMessage) -> bytes:
    """NOERROR without records, and with the SOA record that says for how long."""
    message = dns.message.make_response(query)
    message.authority.append(
        dns.rrset.from_text("cluster.local.", 30, "IN", "SOA", "ns.dns. hostmaster. 1 7200 1800 86400 30")
    )
    return message.to_wire()


def doubled(query: dns.message.QueryMessage) -> bytes:
    """The right records, the last of them twice."""
    message = dns.message.make_response(query)
    # Without an OPT record, the last 16 bytes are the last A record.
    message.use_edns(False)
    # One set for each, since dnspython writes the records of a set in any order.
    message.answer += [dns.rrset.from_text(NAME, 30, "IN", "A", address) for address in RIGHT]
    wire = bytearray(message.to_wire())
    wire[7] += 1
    return bytes(wire + wire[-16:])


def cut(*records: str) -> Reply:
    """Some of the records, and the flag TC that says that there are more."""
    whole = reply(*records)

    def answer(query: dns.message.QueryMessage) -> bytes:
        message = dns.message.from_wire(whole(query))
        message.flags |= dns.flags.TC
        return message.to_wire()

    return answer


@contextmanager
def serving(udp: Reply | None, tcp: Reply | None, name: str = "test") -> Iterator[Server]:
    """A server on loopback, over both transports; None,
    and an empty answer over UDP, is silent, over TCP it hangs up."""

    class Datagram(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            wire, sock = self.request
            if udp and (answer := udp(_query(wire))):
                sock.sendto(answer, self.client_address)

    class Stream(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            size = int.from_bytes(self.rfile.read(2))
            answer = tcp(_query(self.rfile.read(size))) if tcp else b""
            if tcp:
                self.wfile.write(len(answer).to_bytes(2) + answer)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Stream) as stream:
        port = stream.server_address[1]
        with socketserver.ThreadingUDPServer(("127.0.0.1", port), Datagram) as datagram:
            for server in (stream, datagram):
                threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            yield Server(name, "127.0.0.1", port)
            for server in (stream, datagram):
                server.shutdown()


def _query(wire: bytes) -> Any:
    return dns.message.from_wire(wire)


def require(server: Server, check: Any, rdtype: str = "A") -> None:
    Dns(HostAsker(), (server,)).require(NAME, rdtype, check, within=0.3)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headless_conformance.cluster.dns_client.JOB_SECONDS", 0.5)
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
        found = asked.require(NAME, "A", must_be(RIGHT), within=0.3, repeat=5)
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
        Dns(HostAsker(), (server,)).require(NAME, "A", must_be(RIGHT), within=0.3, repeat=20)
    assert "over udp" in str(raised.value)
    assert "of 40 after 3 right ones in a row" in str(raised.value)


def test_a_lost_packet_among_many_right_answers_breaks_no_promise() -> None:
    answers = iter([*([reply(*RIGHT)] * 9), None, *([reply(*RIGHT)] * 1000)])

    def losing(query: dns.message.QueryMessage) -> bytes:
        found = next(answers)
        return found(query) if found else b""

    with serving(losing, reply(*RIGHT)) as server:
        Dns(HostAsker(), (server,)).require(NAME, "A", must_be(RIGHT), within=0.3, repeat=20)


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
            NAME, "A", must_be(RIGHT), within=0.3, repeat=20
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


def test_every_question_has_an_id_of_its_own() -> None:
    seen = set[int]()

    def noting(query: dns.message.QueryMessage) -> bytes:
        seen.add(query.id)
        return reply(*RIGHT)(query)

    with serving(noting, noting) as server:
        Dns(HostAsker(), (server,)).ask(NAME, "A", repeat=20)
    assert len(seen) > 30


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
