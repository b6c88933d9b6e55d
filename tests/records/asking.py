"""Asking DNS servers on this host over UDP and TCP, many questions on one connection, with names of random
case."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset

from headless_conformance.records import AnswerData, Question, ResourceRecord
from tests.records.questions import mixed_case

SECONDS = 5.0
UDP_BYTES = 1232
RETRIES = 3


@dataclass(frozen=True)
class Channel:
    """One server over one transport."""

    address: str
    port: int
    transport: str

    def __str__(self) -> str:
        return f"port {self.port} over {self.transport}"


def channels(servers: Iterable[tuple[str, int]]) -> list[Channel]:
    """Every server over UDP and over TCP."""
    return [Channel(address, port, transport) for address, port in servers for transport in ("UDP", "TCP")]


def ask_all(
    asked: Sequence[Channel], questions: Sequence[Question], seed: int
) -> dict[Channel, dict[Question, AnswerData]]:
    """All questions over every channel, the channels side by side."""
    with ThreadPoolExecutor(len(asked)) as pool:
        answers = pool.map(lambda channel: _ask(channel, questions, seed), asked)
        return dict(zip(asked, answers, strict=True))


def _ask(channel: Channel, questions: Sequence[Question], seed: int) -> dict[Question, AnswerData]:
    source = random.Random(f"{seed}/{channel.transport}")
    with _socket(channel) as opened:
        return {question: _one(channel, opened, question, source) for question in questions}


@contextmanager
def _socket(channel: Channel) -> Iterator[socket.socket]:
    kind = socket.SOCK_DGRAM if channel.transport == "UDP" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as opened:
        opened.settimeout(SECONDS)
        opened.connect((channel.address, channel.port))
        opened.setblocking(False)
        yield opened


def _one(channel: Channel, opened: socket.socket, question: Question, source: random.Random) -> AnswerData:
    name = dns.name.from_text(mixed_case(question.name, source))
    query = dns.message.make_query(name, question.rdtype, use_edns=0, payload=UDP_BYTES)
    wire = query.to_wire()
    if channel.transport == "TCP":
        dns.query.send_tcp(opened, wire, time.time() + SECONDS)
        return read(dns.query.receive_tcp(opened, time.time() + SECONDS)[0])
    for _ in range(RETRIES):
        dns.query.send_udp(opened, wire, (channel.address, channel.port), time.time() + SECONDS)
        received = dns.query.receive_udp(opened, (channel.address, channel.port), time.time() + SECONDS)[0]
        if query.is_response(received):
            return read(received)
    raise TimeoutError(f"{channel}: no answer to {question}")


def read(message: dns.message.Message) -> AnswerData:
    """A DNS message as plain data."""
    return AnswerData(
        rcode=dns.rcode.to_text(message.rcode()),
        answer=tuple(_records(message.answer)),
        additional=tuple(_records(message.additional)),
        truncated=bool(message.flags & dns.flags.TC),
    )


def _records(section: Iterable[dns.rrset.RRset]) -> Iterator[ResourceRecord]:
    for rrset in section:
        for rdata in rrset:
            yield ResourceRecord(str(rrset.name), dns.rdatatype.to_text(rrset.rdtype), str(rdata))
