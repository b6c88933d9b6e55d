"""How DNS questions are put: over which transport, with or without EDNS, in which spelling, from where, and
how often. The wire format is read here, never in the Pod that asks."""

from __future__ import annotations

import base64
import math
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple, Protocol

import dns.exception
import dns.message
import dns.name

from headless_conformance.cluster import agent_program
from headless_conformance.cluster.agent import JOB_SECONDS
from headless_conformance.cluster.dns_answer import UDP_BYTES, USUAL_FORMS, Answer, Form, Server, Transport
from headless_conformance.core.mismatch import NOWHERE, Where

ONE_WRONG_IN = 16
"""An answer that is wrong one time in so many, at random, is to be found."""
CERTAINTY = 0.999
"""With this probability."""
PAYLOADS = (512, UDP_BYTES, 4096)
"""Those that resolvers offer: the least, what DNS Flag Day 2020 advises, and what was usual before."""
SIDE_BY_SIDE = 32
"""Ports and connections in use at once: where a server says nothing, they end in the time that one does."""
ROUNDS_FOR_LOST = 3
"""How often questions without an answer are asked again where many are asked: a lost packet breaks no
promise, a server that falls silent does."""
_WORKERS = 16
"""Of the host: so that silent servers do not add up."""
_READ_ONCE = 4096
"""How many answers are remembered as they were read, and questions as they are written."""

Asked = tuple[str, str]
"""A name and a type."""


def answers_to_find(one_wrong_in: int, certainty: float) -> int:
    """How many answers have to be seen to meet, with this probability, one that is wrong one time in so
    many."""
    return math.ceil(math.log(1 - certainty) / math.log(1 - 1 / one_wrong_in))


ANSWERS = answers_to_find(ONE_WRONG_IN, CERTAINTY)
"""How many answers of each server to a name and a type must be right, over each transport and with each
choice of EDNS, where they are said to be always the same."""


class Asker(Protocol):
    """Carries DNS messages to servers: jobs as the agent's `ask` takes them."""

    def do(self, jobs: list[dict[str, Any]]) -> list[dict[str, Any]]: ...


class HostAsker:
    """Asks from this process, for clusters whose DNS servers the host can reach."""

    pool: ClassVar = ThreadPoolExecutor(max_workers=_WORKERS)

    def do(self, jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return list(self.pool.map(agent_program.result_of, jobs))


@dataclass(frozen=True)
class Place:
    """Where questions are asked from."""

    asker: Asker
    where: Where = NOWHERE
    """Its Pod and node, where there are several."""


CHOICES: tuple[tuple[Transport, tuple[int | None, ...]], ...] = (
    (Transport.UDP, (None,)),
    (Transport.UDP, PAYLOADS),
    (Transport.TCP, (None,)),
    (Transport.TCP, PAYLOADS[-1:]),
)
"""Transports, each without and with EDNS, whose sizes share what is asked; over TCP they mean nothing (RFC
6891, 6.2.3)."""


@dataclass(frozen=True)
class Exchange:
    """Questions that one place puts to one server in one form, so many times."""

    place: Place
    server: Server
    form: Form
    questions: tuple[Asked, ...]
    times: int = 1

    def job(self) -> dict[str, Any]:
        """As the agent's `ask` takes it."""
        bodies = (_query(*asked, self.form).body for asked in self.questions)
        return {
            "do": "ask",
            "server": self.server.address,
            "port": self.server.port_over(self.form.transport),
            "transport": self.form.transport.value,
            "timeout": JOB_SECONDS,
            "times": self.times,
            "questions": [base64.b64encode(body).decode() for body in bodies],
        }

    def answers(self, result: dict[str, Any]) -> Iterator[Answer]:
        """Each different answer that came, once; and of what did not come, one that says why."""
        for asked, came, missing in zip(self.questions, *self._came(result), strict=True):
            none = Answer(*asked, self.server, self.form, None, asked_in=self.place.where)
            query = _query(*asked, self.form).message
            for text, _ in came:
                yield _answer(query, none, base64.b64decode(text))
            for problem, _ in missing:
                yield replace(none, problem=problem, lost=problem != agent_program.OTHER_ID)

    def again(self, result: dict[str, Any]) -> Exchange | None:
        """For what did not come, as often as that was so; None when everything came."""
        _, missing = self._came(result)
        lost = {
            asked: sum(count for problem, count in problems if problem != agent_program.OTHER_ID)
            for asked, problems in zip(self.questions, missing, strict=True)
        }
        questions = tuple(asked for asked, count in lost.items() if count)
        return replace(self, questions=questions, times=max(lost.values())) if questions else None

    def _came(self, result: dict[str, Any]) -> tuple[list[Any], list[Any]]:
        if "problem" in result:
            nothing: list[Any] = [[] for _ in self.questions]
            return nothing, [[[result["problem"], 1]] for _ in self.questions]
        return result["answers"], result["problems"]


def look(place: Place, servers: Sequence[Server], questions: Sequence[Asked]) -> list[Answer]:
    """What every server says over UDP and TCP, to each question once."""
    exchanges = _usual(place, servers, questions)
    both = zip(exchanges, _put(exchanges), strict=True)
    return [answer for one, result in both for answer in one.answers(result)]


def look_persistently(place: Place, servers: Sequence[Server], questions: Sequence[Asked]) -> list[Answer]:
    """The same, where what is without an answer is asked again."""
    return list(_persistent(_usual(place, servers, questions)))


def ask_often(
    places: Sequence[Place], servers: Sequence[Server], questions: Sequence[Asked], times: int
) -> list[Answer]:
    """The different answers of every server among `times` to each question, over each transport and with
    each choice of EDNS; the places, the spellings and the sizes of EDNS share them. What stays without an
    answer when asked again is among them as lost."""
    shares = [
        (Form(transport, payload, mixed), math.ceil(times / (len(places) * len(payloads) * 2)))
        for transport, payloads in CHOICES
        for payload in payloads
        for mixed in (False, True)
    ]
    answers: list[Answer] = []
    for place in places:
        exchanges = [
            Exchange(place, server, form, together, share)
            for together in _together(questions)
            for server in servers
            for form, share in shares
        ]
        answers += _persistent(exchanges)
    return _with_edns(answers)


def _usual(place: Place, servers: Sequence[Server], questions: Sequence[Asked]) -> list[Exchange]:
    return [
        Exchange(place, server, form, together)
        for together in _together(questions)
        for server in servers
        for form in USUAL_FORMS
    ]


def _persistent(exchanges: Sequence[Exchange]) -> Iterator[Answer]:
    """What comes, and what is lost again and again."""
    answers: list[Answer] = []
    for _ in range(ROUNDS_FOR_LOST + 1):
        results = _put(exchanges)
        both = list(zip(exchanges, results, strict=True))
        answers = [answer for one, result in both for answer in one.answers(result)]
        came = [answer for answer in answers if not answer.lost]
        yield from came
        exchanges = [again for one, result in both if (again := one.again(result))]
        if not exchanges or not came:
            break
    yield from (answer for answer in answers if answer.lost)


def _together(questions: Sequence[Asked]) -> Iterator[tuple[Asked, ...]]:
    for first in range(0, len(questions), agent_program.AT_ONCE):
        yield tuple(questions[first : first + agent_program.AT_ONCE])


def _put(exchanges: Sequence[Exchange]) -> list[dict[str, Any]]:
    """Results of exchanges of one place."""
    return [
        result
        for first in range(0, len(exchanges), SIDE_BY_SIDE)
        for result in exchanges[first].place.asker.do(
            [one.job() for one in exchanges[first : first + SIDE_BY_SIDE]]
        )
    ]


class _Query(NamedTuple):
    """A question, and as it is sent after its ID."""

    message: dns.message.Message
    body: bytes


@lru_cache(maxsize=_READ_ONCE)
def _query(name: str, rdtype: str, form: Form) -> _Query:
    written = _in_mixed_case(name) if form.mixed_case else name
    message = dns.message.make_query(
        dns.name.from_text(written), rdtype, use_edns=form.payload is not None, payload=form.payload, id=0
    )
    return _Query(message, message.to_wire()[agent_program.ID_BYTES :])


@lru_cache(maxsize=_READ_ONCE)
def _in_mixed_case(name: str) -> str:
    """In letters of either case, as resolvers write names that mistrust answers."""
    return "".join(random.choice((letter.lower(), letter.upper())) for letter in name)


def _answer(query: dns.message.Message, none: Answer, body: bytes) -> Answer:
    """What came for a question, in the place of no answer; a message that nobody who asks so can use is
    none."""
    size, most = agent_program.ID_BYTES + len(body), none.form.most_bytes
    if size > most:
        return replace(none, problem=f"{size} bytes, where {most} are the most")
    try:
        message = _read(body)
    except dns.exception.DNSException as error:
        return replace(none, problem=f"not a DNS message: {' '.join(str(error).split())}")
    if not query.is_response(message):
        return replace(none, problem=agent_program.OTHER_ID)
    if message.edns >= 0 and none.form.payload is None:
        # RFC 6891, 7: never where the question has none.
        return replace(none, problem="an OPT record")
    return replace(none, message=message, size=size)


def _with_edns(answers: Sequence[Answer]) -> list[Answer]:
    """The same, where what has no OPT record, though the question has one and this server gives one to
    others, is no answer (RFC 6891, 6.1.1). One that never does is of the time before EDNS."""
    able = {answer.server for answer in answers if answer.message is not None and answer.message.edns >= 0}
    return [
        replace(answer, message=None, problem="no OPT record")
        if answer.form.payload is not None
        and answer.message is not None
        and answer.message.edns < 0
        and answer.server in able
        else answer
        for answer in answers
    ]


@lru_cache(maxsize=_READ_ONCE)
def _read(body: bytes) -> dns.message.Message:
    """A message by what follows its ID, which is 0 then: of many answers, most differ in nothing else."""
    return dns.message.from_wire(bytes(agent_program.ID_BYTES) + body, one_rr_per_rrset=True)
