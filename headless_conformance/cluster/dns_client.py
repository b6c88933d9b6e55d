"""Asking DNS servers. The wire format is read here, never in the Pod that asks."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple, Protocol

import allure
import dns.exception
import dns.message
import dns.name

from headless_conformance.cluster import agent_program
from headless_conformance.cluster.agent import JOB_SECONDS
from headless_conformance.cluster.dns_answer import Answer, Server, Transport
from headless_conformance.cluster.dns_checks import (
    AnswerCheck,
    must_be_nxdomain,
    require_cut_for_length,
)
from headless_conformance.cluster.waiting import (
    AT_REST_TIMEOUT,
    SUCCESSES_IN_A_ROW,
    ObservationError,
    eventually,
)
from headless_conformance.core.mismatch import Mismatch

_WORKERS = 16
"""Questions that the host asks side by side, so that silent servers do not add up."""
REPEATS = 20
"""How many answers of each server over each transport must be right where a name is said to have one set of
records."""
_ROUNDS = 3
"""How often lost questions are asked again then: a lost packet breaks no promise,
a server that falls silent does."""
UDP_BYTES = 1232
"""Largest answer that a question offers to take over UDP (RFC 6891), so that long names do not cut it."""
LOOK_UPS = 3
"""How often the servers are looked up again because some are gone."""
ID_BYTES = 2
"""A message begins with its ID (RFC 1035, 4.1.1)."""
_READ_ONCE = 256
"""How many answers are remembered as they were read, and questions as they are written."""
BATCH = 256
"""Questions under way at once: where a server says nothing, they end in the time that the agent has."""

_Asked = tuple[str, str, Server, Transport]
"""Name, type, and where it is asked."""


class Asker(Protocol):
    """Carries DNS messages to servers: jobs as the agent's `relay` takes them."""

    def do(self, jobs: list[dict[str, Any]]) -> list[dict[str, Any]]: ...


class HostAsker:
    """Asks from this process, for clusters whose DNS servers the host can reach."""

    pool: ClassVar = ThreadPoolExecutor(max_workers=_WORKERS)

    def do(self, jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return list(self.pool.map(agent_program.result_of, jobs))


@dataclass(frozen=True)
class Convergence:
    """The answers that passed, and since when (monotonic seconds) all of them did."""

    answers: list[Answer]
    right_since: float


class _ServerGoneError(ObservationError):
    """A silent server is not one to be asked any more."""


@dataclass
class Dns:
    """Every server that answers for a cluster: each replica,
    and the DNS Service's address where Pods can ask it."""

    asker: Asker
    servers: tuple[Server, ...]
    """As they were looked up last."""
    is_there: Callable[[Server], bool] = lambda server: True
    """Whether a server that was silent is still one to be asked:
    the silence of a replica that is gone breaks no promise."""
    at_rest_timeout: Callable[[str], float] = lambda name: AT_REST_TIMEOUT
    """Seconds to wait where none are said, for a name that is at rest."""
    look_up: Callable[[], tuple[Server, ...]] | None = None
    """The servers that there are now, where they may be replaced."""

    def ask(self, name: str, rdtype: str, repeat: int = 1) -> list[Answer]:
        """Answers of every server over UDP and TCP, `repeat` of each;
        every question is a message with an ID of its own."""
        return self._put([(name, rdtype, *where) for where in self._everywhere] * repeat)

    def ask_all(self, questions: Iterable[tuple[str, str]]) -> list[Answer]:
        """Answers of every server over UDP and TCP to many questions, each a name and a type."""
        return self._put([(*question, *where) for question in questions for where in self._everywhere])

    @property
    def _everywhere(self) -> list[tuple[Server, Transport]]:
        return [(server, transport) for server in self.servers for transport in Transport]

    def _put(self, asked: Sequence[_Asked]) -> list[Answer]:
        return [
            answer
            for first in range(0, len(asked), BATCH)
            for answer in self._put_batch(asked[first : first + BATCH])
        ]

    def _put_batch(self, asked: Sequence[_Asked]) -> list[Answer]:
        queries = [_query(name, rdtype) for name, rdtype, _, _ in asked]
        ids = [secrets.token_bytes(ID_BYTES) for _ in asked]
        jobs = [
            {
                "do": "relay",
                "wire": base64.b64encode(own + query.wire).decode(),
                "server": server.address,
                "port": server.port_over(transport),
                "transport": transport.value,
                "timeout": JOB_SECONDS,
            }
            for own, query, (_, _, server, transport) in zip(ids, queries, asked, strict=True)
        ]
        results = self.asker.do(jobs)
        return [
            _answer(query.message, own, Answer(*one, None), result)
            for own, query, one, result in zip(ids, queries, asked, results, strict=True)
        ]

    def require(
        self, name: str, rdtype: str, check: AnswerCheck, *, within: float | None = None, repeat: int = 1
    ) -> Convergence:
        """Wait until every server passes `check` over UDP and TCP; a Mismatch names server, transport and
        answer.

        From then on no wrong answer is forgiven: with `repeat`, so many more of each server over each
        transport must come and pass. Where a server is silent because it is gone, those that there are now
        are asked from the beginning; ObservationError when there is no end to that.
        """
        __tracebackhide__ = True
        for _ in range(LOOK_UPS if self.look_up else 0):
            try:
                return self._require(name, rdtype, check, within, repeat)
            except _ServerGoneError:
                self.servers = self.look_up() if self.look_up else self.servers
        return self._require(name, rdtype, check, within, repeat)

    def _require(
        self, name: str, rdtype: str, check: AnswerCheck, within: float | None, repeat: int
    ) -> Convergence:
        __tracebackhide__ = True
        last: list[Answer] = []
        often: list[Answer] = []
        right_since: float | None = None
        bound = self.at_rest_timeout(name) if within is None else within

        def look() -> Convergence:
            nonlocal right_since
            last[:] = self.ask(name, rdtype)
            asked = time.monotonic()
            try:
                for answer in last:
                    check(answer)
                require_cut_for_length(last)
            except Mismatch:
                right_since = None
                raise
            right_since = right_since or asked
            return Convergence(list(last), right_since)

        question = f"{rdtype} {name}"
        with allure.step(f"ask {question} at {len(self.servers)} servers over UDP and TCP"):
            try:
                seen = eventually(look, expecting=f"{question} to be right at every DNS server", within=bound)
                if repeat > 1:
                    often += self._ask_often(name, rdtype, repeat)
                    _require_all(often, check)
                return seen
            except Mismatch:
                lost = {answer.server for answer in [*last, *often] if answer.lost}
                if gone := [
                    server for server in self.servers if server in lost and not self.is_there(server)
                ]:
                    raise _ServerGoneError(f"{gone[0]} went away while it was asked for {question}") from None
                raise
            finally:
                allure.attach("\n".join(map(str, last)), question, allure.attachment_type.TEXT)

    def require_absent(self, name: str, *, within: float | None = None, repeat: int = 1) -> None:
        """Wait until no DNS server knows a name, whichever address family is asked for."""
        for rdtype in ("A", "AAAA"):
            self.require(name, rdtype, must_be_nxdomain, within=within, repeat=repeat)

    def _ask_often(self, name: str, rdtype: str, times: int) -> list[Answer]:
        """That many answers of each server over each transport; what stays lost,
        though others came when asked again, too."""
        answers = self.ask(name, rdtype, times)
        for _ in range(_ROUNDS):
            if not (lost := [answer for answer in answers if answer.lost]):
                break
            again = self._put([(name, rdtype, answer.server, answer.transport) for answer in lost])
            answers = [answer for answer in answers if not answer.lost] + again
            if all(answer.lost for answer in again):
                break
        return answers


def _require_all(answers: Sequence[Answer], check: AnswerCheck) -> None:
    """Every one of these answers passes; they came after enough right ones in a row."""
    __tracebackhide__ = True
    for number, answer in enumerate(answers, start=1):
        try:
            check(answer)
        except Mismatch as error:
            seen = error.observation
            place = f"answer {number} of {len(answers)} after {SUCCESSES_IN_A_ROW} right ones in a row"
            raise type(error)(replace(seen, details=f"{place}: {seen.details}")) from None


class _Query(NamedTuple):
    """A question, and as it is sent after its ID."""

    message: dns.message.Message
    wire: bytes


@lru_cache(maxsize=_READ_ONCE)
def _query(name: str, rdtype: str) -> _Query:
    message = dns.message.make_query(dns.name.from_text(name), rdtype, use_edns=0, payload=UDP_BYTES, id=0)
    return _Query(message, message.to_wire()[ID_BYTES:])


def _answer(query: dns.message.Message, own: bytes, none: Answer, result: dict[str, Any]) -> Answer:
    """What came for the question with this ID, in the place of no answer."""
    if "problem" in result:
        return replace(none, problem=result["problem"], lost=True)
    wire = base64.b64decode(result["wire"])
    try:
        message = _read(wire[ID_BYTES:])
    except dns.exception.DNSException as error:
        return replace(none, problem=f"not a DNS message: {' '.join(str(error).split())}")
    if wire[:ID_BYTES] != own or not query.is_response(message):
        return replace(none, problem="an answer to another question")
    return replace(none, message=message, size=len(wire))


@lru_cache(maxsize=_READ_ONCE)
def _read(body: bytes) -> dns.message.Message:
    """A message by what follows its ID, which is 0 then: of many answers, most differ in nothing else."""
    return dns.message.from_wire(bytes(ID_BYTES) + body, one_rr_per_rrset=True)
