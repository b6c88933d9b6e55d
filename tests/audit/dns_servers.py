"""A DNS server in memory with the faults that real ones have: silence, closed connections, kept and wrong
answers."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from headless_conformance.audit.errors import DnsConnectionError, SilentServerError
from headless_conformance.records import AnswerData, Question

LENGTH = struct.Struct("!H")
SOA = "ns.dns. hostmaster. 1 7200 1800 86400 {ttl}"


@dataclass
class FakeDns:
    """Answers with what `right` says, changed by `change`."""

    right: Callable[[Question], AnswerData]
    monotonic: Callable[[], float] = time.monotonic
    change: Callable[[Question, AnswerData], AnswerData] = lambda question, answer: answer
    ttl: int = 30
    bare: Callable[[Question], bool] = lambda question: False
    """Questions whose denials have no SOA record."""
    keeps: int = 0
    """Seconds for which answers and denials are kept."""
    may_keep: Callable[[Question], bool] = lambda question: True
    """Questions whose answers and denials are kept at all."""
    ttl_of: Callable[[Question, AnswerData], int | None] = lambda question, answer: None
    """A TTL of its own for some answers."""
    refuses: bool = False
    says_nothing: bool = False
    ignores: Callable[[Question], bool] = lambda question: False
    """Questions that are not answered."""
    closes_after: int | None = None
    """Number of answers on one connection."""
    closes_on: Callable[[Question], bool] = lambda question: False
    """Questions at which the server ends, and then accepts connections again."""
    garbage: Callable[[Question], bool] = lambda question: False
    backwards: bool = False
    """Whether answers come in another order than questions."""
    asked: list[Question] = field(default_factory=list)
    connections: int = 0
    kept: dict[Question, tuple[AnswerData, float]] = field(default_factory=dict)

    def connect(self) -> FakeChannel:
        self.connections += 1
        if self.refuses:
            raise DnsConnectionError("connection refused", refused=True)
        return FakeChannel(self)

    def respond(self, wire: bytes) -> bytes | None:
        """The answer to one message."""
        query = dns.message.from_wire(wire)
        asked = query.question[0]
        question = Question(str(asked.name), dns.rdatatype.to_text(asked.rdtype))
        self.asked.append(question)
        if self.ignores(question) or self.closes_on(question):
            return None
        if self.garbage(question):
            return wire[:2] + b"\x80\x00" + b"\xff" * 12
        answer, ttl = self._answer(question)
        response = dns.message.make_response(query)
        response.set_rcode(dns.rcode.from_text(answer.rcode))
        if answer.truncated:
            response.flags |= dns.flags.TC
        for record in answer.answer:
            response.answer.append(dns.rrset.from_text(record.name, ttl, "IN", record.rdtype, record.rdata))
        for record in answer.additional:
            response.additional.append(
                dns.rrset.from_text(record.name, ttl, "IN", record.rdtype, record.rdata)
            )
        if not answer.answer and not self.bare(question):
            response.authority.append(
                dns.rrset.from_text("cluster.local.", ttl, "IN", "SOA", SOA.format(ttl=ttl))
            )
        return response.to_wire()

    def _answer(self, question: Question) -> tuple[AnswerData, int]:
        now = self.monotonic()
        if question in self.kept and self.kept[question][1] > now:
            answer, until = self.kept[question]
            return answer, int(until - now)
        answer = self.change(question, self.right(question))
        if (own := self.ttl_of(question, answer)) is not None:
            return answer, own
        if self.keeps and self.may_keep(question):
            self.kept[question] = (answer, now + self.keeps)
            return answer, self.keeps
        return answer, self.ttl


class FakeChannel:
    """One connection; nothing waits for real."""

    def __init__(self, server: FakeDns) -> None:
        self._server = server
        self._buffer = b""
        self._ready: list[bytes] = []
        self._answered = 0
        self._ended = False

    def send(self, data: bytes) -> None:
        self._buffer += data
        batch = []
        while len(self._buffer) >= 2 and len(self._buffer) >= 2 + LENGTH.unpack(self._buffer[:2])[0]:
            size = LENGTH.unpack(self._buffer[:2])[0]
            wire, self._buffer = self._buffer[2 : 2 + size], self._buffer[2 + size :]
            response = None if self._server.says_nothing or self._ended else self._server.respond(wire)
            self._ended |= any(map(self._server.closes_on, self._server.asked[-1:]))
            if response is not None:
                batch.append(LENGTH.pack(len(response)) + response)
        self._ready += batch[::-1] if self._server.backwards else batch

    def receive(self, until: float) -> bytes:
        if self._server.closes_after is not None and self._answered >= self._server.closes_after:
            raise DnsConnectionError("the server closed the connection")
        if not self._ready and self._ended:
            raise DnsConnectionError("the server closed the connection")
        if not self._ready:
            raise SilentServerError("nothing came")
        self._answered += 1
        return self._ready.pop(0)

    def close(self) -> None:
        return None


def without(question: Question, answer: AnswerData, rdtype: str) -> AnswerData:
    """The answer of a server that has lost all records of a type."""
    return AnswerData("NXDOMAIN") if question.rdtype == rdtype else answer


def with_records(answer: AnswerData, *rdata: str) -> AnswerData:
    """The same answer with other data."""
    first = answer.answer[0]
    return replace(answer, answer=tuple(replace(first, rdata=data) for data in rdata))
