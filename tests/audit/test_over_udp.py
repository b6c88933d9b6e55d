"""Servers that this machine can ask itself are asked over UDP, too."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from headless_conformance.audit import AuditResult, DnsServer
from headless_conformance.audit.checks import Check
from headless_conformance.audit.findings import BlamedComponent
from headless_conformance.records import AnswerData
from tests.audit.dns_servers import FakeDns
from tests.audit.world import World

SERVICE = "db-peers.shop.svc.cluster.local."


class UdpServer:
    """Answers datagrams with what a FakeDns says."""

    def __init__(self, answers: FakeDns) -> None:
        self.answers = answers
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.at = DnsServer("127.0.0.1", self._socket.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                wire, client = self._socket.recvfrom(65536)
            except OSError:
                return
            if (response := self.answers.respond(wire)) is not None:
                self._socket.sendto(response, client)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def servers(world: World) -> Iterator[list[UdpServer]]:
    """Two, each with a right one over TCP at the same address."""
    made = [UdpServer(FakeDns(world.answer, world.clock.monotonic)) for _ in range(2)]
    for server in made:
        world.dns[server.at] = FakeDns(world.answer, world.clock.monotonic)
    yield made
    for server in made:
        server.close()


def audit(world: World, servers: list[UdpServer]) -> AuditResult:
    return world.audit(servers=tuple(server.at for server in servers))


def test_right_answers_over_udp_are_no_finding(world: World, servers: list[UdpServer]) -> None:
    result = audit(world, servers)
    assert (result.findings, result.status) == ([], 0)
    assert all(server.answers.asked for server in servers)


@pytest.mark.parametrize("number", [1, 2])
def test_an_answer_that_is_wrong_over_udp_alone_is_found(
    world: World, servers: list[UdpServer], number: int
) -> None:
    for server in servers[:number]:
        server.answers.change = lambda question, answer: (
            AnswerData("REFUSED") if question.name == SERVICE else answer
        )
    result = audit(world, servers)
    (finding,) = result.findings
    alone = number == 1
    assert finding.component is (BlamedComponent.ONE_SERVER if alone else BlamedComponent.ALL_SERVERS)
    assert finding.check is Check.SERVICE_RECORDS
    assert "over UDP" in finding.summary
    assert "REFUSED" in finding.seen
    assert "dig +notcp" in finding.command
    assert result.status == 1


def test_what_is_wrong_over_both_is_said_once(world: World, servers: list[UdpServer]) -> None:
    for server in servers:
        for answers in (server.answers, world.dns[server.at]):
            answers.change = lambda question, answer: (
                AnswerData("NXDOMAIN") if question.rdtype == "SRV" else answer
            )
    (finding,) = audit(world, servers).findings
    assert "over UDP" not in finding.summary


def test_an_answer_that_does_not_fit_is_not_wrong(world: World, servers: list[UdpServer]) -> None:
    for server in servers:
        server.answers.change = lambda question, answer: (
            AnswerData("NOERROR", answer.answer[:1], truncated=True) if len(answer.answer) > 1 else answer
        )
    assert audit(world, servers).findings == []


def test_a_server_that_says_nothing_over_udp_is_found(world: World, servers: list[UdpServer]) -> None:
    servers[0].answers.ignores = lambda question: True
    (finding,) = audit(world, servers[:1]).findings
    assert "over UDP" in finding.summary
    assert "sends nothing" in finding.seen
