"""What is asked from inside a Pod, and what its output says: over UDP at the addresses in its resolv.conf,
and through its C library.

What can be asked depends on the image: `dig` asks over UDP, `getent` asks the C library. One script asks
everything, because each command costs a stream to the Pod.
"""

from __future__ import annotations

import ipaddress
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from headless_conformance.audit.plan import Plan
from headless_conformance.audit.targets import AuditTarget
from headless_conformance.records import (
    AnswerData,
    Presence,
    Question,
    ResourceRecord,
    Zone,
    judge,
)

NAMES = 40
"""How many questions are asked from inside, at the most: each costs the Pod a process."""
LIBRARY = "the C library"
LOOKUP_TOOLS = ("dig", "getent")
TYPES = ("A", "AAAA", "SRV", "PTR")
MARK = "=#= "
_STATUS = re.compile(r"^;; ->>HEADER<<- .*status: (?P<rcode>[A-Z]+)", re.MULTILINE)
FLAGS = re.compile(r"^;; flags: (?P<flags>[a-z ]+);", re.MULTILINE)
RECORD = re.compile(r"^(\S+)\s+(\d+)\s+IN\s+([A-Z]+)\s+(.+)$", re.MULTILINE)
END = f"echo; echo '{MARK}end'"
"""A file need not end with the end of a line."""
TOOLS_SCRIPT = "\n".join(
    [
        *(f"command -v {tool} >/dev/null 2>&1 && echo '{MARK}has {tool}'" for tool in LOOKUP_TOOLS),
        f"echo '{MARK}conf'; cat /etc/resolv.conf",
        END,
    ]
)
UDP_LINE = (
    "echo '{mark}udp {name} {rdtype} {address}'; "
    "dig +notcp +ignore +noall +comments +answer +time=2 +tries=2 @{address} {name} {rdtype} 2>&1"
)
LIBRARY_LINE = "echo '{mark}library {name} {rdtype}'; getent ahosts {name} 2>&1"

Way = str
"""`UDP at 192.0.2.10` or LIBRARY."""


@dataclass(frozen=True)
class InsideDifference:
    """One question that gets another answer inside the Pod than the zone demands."""

    question: Question
    way: Way
    expected: str
    seen: str
    ttl: int | None = None
    """Seconds for which the wrong answer may still be kept; None where nothing tells."""
    is_silence: bool = False


def over_udp(address: str) -> Way:
    """The way to one name server."""
    return f"UDP at {address}"


def shared_questions(plan: Plan, targets: Iterable[AuditTarget]) -> list[Question]:
    """Questions of all targets in turn, as many as are asked from inside.

    Their names exist: what does not exist is not asked for through anybody's cache. The first is one for an
    address where there is one, since every tool can ask it.
    """
    own = {target: deque[Question]() for target in targets}
    for question in plan.always:
        if is_demanded(plan.zone, question):
            for target, _ in plan.owners(question):
                if target in own:
                    own[target].append(question)
    chosen: dict[Question, None] = {}
    while any(own.values()) and len(chosen) < NAMES:
        for left in own.values():
            if left and len(chosen) < NAMES:
                chosen[left.popleft()] = None
    return sorted(chosen, key=lambda question: question.rdtype != "A")


def is_demanded(zone: Zone, question: Question) -> bool:
    """Whether a question may be asked through other people's caches: its name exists."""
    return question.rdtype in TYPES and zone.expectation(question).presence is Presence.DEMANDED


def script(asked: Iterable[tuple[Question, Way]]) -> str:
    """A shell script that asks everything.

    Names are letters, digits, `-`, `_` and dots, as Kubernetes allows.
    """
    lines = []
    for question, way in asked:
        line = LIBRARY_LINE if way == LIBRARY else UDP_LINE
        address = way.rpartition(" ")[2]
        lines.append(line.format(mark=MARK, name=question.name, rdtype=question.rdtype, address=address))
    return "\n".join([*lines, END])


def blocks(text: str) -> Iterator[tuple[list[str], str]]:
    """The words of each mark with what was printed after it; one that was cut off is left out."""
    found = f"\n{text}".split(f"\n{MARK}")[1:]
    for block in found[:-1]:
        head, _, body = block.partition("\n")
        yield head.split(), body


def way_of(words: Sequence[str]) -> tuple[Question, Way]:
    """What a mark is about."""
    return Question(words[1], words[2]), over_udp(words[3]) if words[0] == "udp" else LIBRARY


def judge_output(zone: Zone, question: Question, way: Way, text: str) -> Iterator[InsideDifference]:
    """What a tool printed against the zone."""
    if way == LIBRARY:
        yield from _judge_library(zone, question, text)
    else:
        yield from _judge_udp(zone, question, way, text)


def says_nothing(way: Way, text: str) -> bool:
    """Whether no server answered, as far as the output of the tool tells."""
    return not any(_addresses(text)) if way == LIBRARY else _STATUS.search(text) is None


def _judge_udp(zone: Zone, question: Question, way: Way, text: str) -> Iterator[InsideDifference]:
    status = _STATUS.search(text)
    if status is None:
        said = next((line for line in text.splitlines() if line.strip()), "nothing")
        yield InsideDifference(question, way, "an answer", said, is_silence=True)
        return
    flags = FLAGS.search(text)
    found = [record.groups() for record in RECORD.finditer(text)]
    ttl = max((int(seconds) for _, seconds, _, _ in found), default=None)
    records = tuple(ResourceRecord(name, rdtype, data) for name, _, rdtype, data in found)
    truncated = flags is not None and "tc" in flags["flags"].split()
    answer = AnswerData(status["rcode"], records, truncated=truncated)
    for mismatch in judge(zone, question, answer):
        expected, seen = mismatch.expected or "no such record", mismatch.seen or "no such record"
        yield InsideDifference(question, way, expected, seen, ttl)


def _judge_library(zone: Zone, question: Question, text: str) -> Iterator[InsideDifference]:
    """The addresses of all families together: which of them a C library gives is the
    business of its configuration."""
    expected: dict[str, set[str]] = {
        rdtype: {record.value for record in zone.expectation(Question(question.name, rdtype)).records}
        for rdtype in ("A", "AAAA")
    }
    seen = set(_addresses(text))
    wanted = expected["A"] | expected["AAAA"]
    families: Mapping[int, set[str]] = {4: expected["A"], 6: expected["AAAA"]}
    of_some_family = any(seen == addresses for addresses in families.values() if addresses)
    if seen != wanted and not of_some_family:
        found = ", ".join(sorted(seen)) or next(iter(text.splitlines()), "no address")
        yield InsideDifference(question, LIBRARY, ", ".join(sorted(wanted)), found)


def _addresses(text: str) -> Iterator[str]:
    for line in text.splitlines():
        word = line.partition(" ")[0].strip()
        try:
            yield str(ipaddress.ip_address(word))
        except ValueError:
            continue
