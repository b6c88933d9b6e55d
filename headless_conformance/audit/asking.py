"""Many questions on one connection to one DNS server (RFC 7766), with an end to every wait.

Each connection begins with a question that every server answers: so a server that says nothing is told within
seconds from one that leaves a single question unanswered.
"""

from __future__ import annotations

import random
import struct
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rdatatype

from headless_conformance.audit.channels import LENGTH, Channel
from headless_conformance.audit.errors import (
    DeadlineError,
    DnsConnectionError,
    InspectionError,
    SilentServerError,
    UnansweredQuestionsError,
)
from headless_conformance.cluster.dns_answer import data_of
from headless_conformance.records import AnswerData, Question

_SILENCE_SECONDS = 4.0
"""How long a server may say nothing while questions are open. With the connection's own bound it is told
within 10 s."""
WINDOW = 64
"""Most questions that are under way at once: neither side has to wait, and no buffer fills up."""
ATTEMPTS = 2
UNANSWERED = 6
"""After so many questions without an answer the rest is not asked, which says nothing about it: each costs
its time."""
_READ_ONCE = 8192


@dataclass(frozen=True)
class Reply:
    """An answer with the times that it may be kept, in seconds."""

    answer: AnswerData
    ttl: int | None = None
    """The longest TTL of the records of the name that was asked for; None where it has none."""
    negative_ttl: int | None = None
    """How long a denial may be kept (RFC 2308); None where it denies nothing or does not say."""

    @property
    def is_bare_denial(self) -> bool:
        """Whether it denies a name or a type without saying for how long."""
        denies = self.answer.rcode in ("NOERROR", "NXDOMAIN") and not self.answer.answer
        return denies and self.negative_ttl is None and not self.answer.truncated

    @property
    def kept(self) -> int:
        """How long a cache may go on giving this answer."""
        return max(self.ttl or 0, self.negative_ttl or 0)


@dataclass
class Replies:
    """What one server said."""

    answered: dict[Question, Reply] = field(default_factory=dict)
    unanswered: dict[Question, str] = field(default_factory=dict)
    """Why there is no answer to a question that was asked, though the server answered others."""
    counts: dict[Question, Counter[AnswerData]] = field(default_factory=dict)
    """How often each answer came."""
    problem: InspectionError | None = None
    """What ended the asking before its time."""

    def merge(self, later: Replies) -> None:
        """Take what came later in the place of what came before."""
        for question in later.unanswered:
            self.answered.pop(question, None)
        for question in later.answered:
            self.unanswered.pop(question, None)
        self.answered |= later.answered
        self.unanswered |= later.unanswered
        self.problem = later.problem


def ask(
    connect: Callable[[], Channel],
    first: Question,
    questions: Iterable[Question],
    until: float,
    times: int = 1,
) -> Replies:
    """Ask everything so many times, until that moment (monotonic) at the latest. `first` is what each
    connection begins with; it is not in the result.

    Never raises because of the server: why nothing more came is in the result.
    """
    replies = Replies()
    asked = [question for question in dict.fromkeys(questions) if _can_be_sent(question, replies)]
    waiting = deque(asked * times)
    attempts: Counter[Question] = Counter()
    pace = _Pace()
    while waiting and replies.problem is None:
        if time.monotonic() >= until:
            replies.problem = DeadlineError()
            break
        try:
            with _Connection(connect(), until, pace) as connection:
                if pace.greets:
                    connection.greet(first)
                if not connection.exchange(waiting, replies, attempts):
                    _give_up(waiting, replies, attempts)
        except InspectionError as error:
            replies.problem = error
    return replies


def _can_be_sent(question: Question, replies: Replies) -> bool:
    """Whether there is a message for it: a name may be too long for one."""
    try:
        _query(question)
    except dns.exception.DNSException as error:
        replies.unanswered[question] = f"it cannot be asked: {error}"
        return False
    return True


def _give_up(waiting: deque[Question], replies: Replies, attempts: Counter[Question]) -> None:
    """Leave out what was asked often enough; stop altogether when it is too much."""
    for question in {question for question in waiting if attempts[question] >= ATTEMPTS}:
        while question in waiting:
            waiting.remove(question)
        replies.unanswered[question] = (
            f"no answer, asked {ATTEMPTS} times ({_SILENCE_SECONDS:.0f} s each at most)"
        )
    if waiting and len(replies.unanswered) >= UNANSWERED:
        left = len(set(waiting))
        replies.problem = UnansweredQuestionsError(
            f"{left} questions were not asked, since it left {len(replies.unanswered)} others unanswered"
        )


@dataclass
class _Pace:
    """How a server is asked that may close a connection whenever it likes (RFC 7766, 6.2.4)."""

    window: int = WINDOW
    """Questions that are under way at once: no more than a server answered before it closed, since what it
    has not read then may cost the answers that are under way."""
    greets: bool = True
    """Whether a connection begins with a question that every server answers."""

    @property
    def is_slowest(self) -> bool:
        """One question on each connection."""
        return self.window == 1 and not self.greets

    def slow_down(self, answers: int) -> None:
        """After a connection that was closed when so many answers had come."""
        self.window = max(1, min(self.window, answers))
        self.greets = self.greets and answers > 0

    def speed_up(self) -> None:
        """After an answer."""
        self.window = min(WINDOW, self.window + 1)


class _Connection:
    """One connection and what is under way on it."""

    def __init__(self, channel: Channel, until: float, pace: _Pace) -> None:
        self._channel = channel
        self._until = until
        self._pace = pace
        self._buffer = bytearray()
        self._open: dict[int, Question] = {}

    def __enter__(self) -> _Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()

    def greet(self, first: Question) -> None:
        """Ask what every server answers. Raises DnsConnectionError with what it means when nothing comes."""
        self._send([first])
        try:
            self._receive_one()
        except SilentServerError:
            if time.monotonic() >= self._until:
                raise DeadlineError() from None
            raise SilentServerError(
                f"it accepts a connection and sends nothing for {_SILENCE_SECONDS:.0f} s"
            ) from None

    def exchange(self, waiting: deque[Question], replies: Replies, attempts: Counter[Question]) -> bool:
        """Ask and read until nothing waits. False when the server went silent or closed the connection: what
        was under way is in `waiting` again then. It is one attempt older where the server was silent, or
        closed a connection on which nothing else was asked."""
        answers = 0
        try:
            while waiting or self._open:
                room = min(self._pace.window - len(self._open), len(waiting))
                if room > self._pace.window // 2 or not self._open:
                    self._send([waiting.popleft() for _ in range(room)])
                question, outcome = self._receive_one()
                answers += 1
                self._pace.speed_up()
                if isinstance(outcome, Reply):
                    replies.answered[question] = outcome
                    replies.counts.setdefault(question, Counter())[outcome.answer] += 1
                    del attempts[question]
                else:
                    replies.unanswered[question] = outcome
        except SilentServerError:
            if time.monotonic() < self._until:
                attempts.update(set(self._open.values()))
            waiting.extend(self._open.values())
            return False
        except DnsConnectionError:
            if not answers and self._pace.is_slowest:
                attempts.update(set(self._open.values()))
                waiting.extend(self._open.values())
            else:
                waiting.extendleft(self._open.values())
            self._pace.slow_down(answers)
            return False
        return True

    def _send(self, questions: list[Question]) -> None:
        frames = bytearray()
        for question in questions:
            number = self._unused_id()
            wire = _query(question)
            self._open[number] = question
            frames += LENGTH.pack(len(wire) + 2) + LENGTH.pack(number) + wire
        self._channel.send(bytes(frames))

    def _unused_id(self) -> int:
        """A random one, so that nothing about a question repeats itself when it is asked again."""
        while (number := random.randrange(1 << 16)) in self._open:
            pass
        return number

    def _receive_one(self) -> tuple[Question, Reply | str]:
        """The next answer to an open question; anything else is passed over."""
        end = min(time.monotonic() + _SILENCE_SECONDS, self._until)
        while True:
            wire = self._message(end)
            question = self._open.get(LENGTH.unpack(wire[:2])[0]) if len(wire) >= 12 else None
            if question is None:
                continue
            outcome = _read(wire[2:], question)
            if outcome is not None:
                del self._open[LENGTH.unpack(wire[:2])[0]]
                return question, outcome

    def _message(self, end: float) -> bytes:
        while len(self._buffer) < 2 or len(self._buffer) < 2 + LENGTH.unpack(self._buffer[:2])[0]:
            if time.monotonic() >= end:
                raise SilentServerError("nothing whole came")
            self._buffer += self._channel.receive(end)
        size = LENGTH.unpack(self._buffer[:2])[0]
        wire = bytes(self._buffer[2 : 2 + size])
        del self._buffer[: 2 + size]
        return wire


@lru_cache(maxsize=_READ_ONCE)
def _query(question: Question) -> bytes:
    """A question as it is sent, without its ID."""
    return dns.message.make_query(dns.name.from_text(question.name), question.rdtype, id=0).to_wire()[2:]


@lru_cache(maxsize=_READ_ONCE)
def _read(body: bytes, question: Question) -> Reply | str | None:
    """A message without its ID: the answer, why it is none, or None when it is about something else.

    Answers of several servers are often the same to the byte and are read once.
    """
    try:
        message = dns.message.from_wire(bytes(2) + body, one_rr_per_rrset=True)
    except (dns.exception.DNSException, ValueError, struct.error) as error:
        return f"what came is no DNS message ({type(error).__name__})"
    if not message.flags & dns.flags.QR:
        return None
    asked = message.question[0] if message.question else None
    if asked is not None and Question(str(asked.name), dns.rdatatype.to_text(asked.rdtype)) != question:
        return None
    return reply_of(message)


def reply_of(message: dns.message.Message) -> Reply:
    """A DNS message as plain data."""
    # What an alias leads to is somebody else's, and so is its TTL.
    asked = message.question[0].name if message.question else None
    ttl = max((rrset.ttl for rrset in message.answer if rrset.name == asked), default=None)
    # RFC 2308, 5: the smaller one of the SOA record's own TTL and its last field.
    denials = [
        min(rrset.ttl, rrset[0].minimum) for rrset in message.authority if rrset.rdtype == dns.rdatatype.SOA
    ]
    denies = not any(rrset.rdtype != dns.rdatatype.CNAME for rrset in message.answer)
    return Reply(data_of(message), ttl, denials[0] if denies and denials else None)
