"""The same questions from inside a Pod: over UDP at the addresses in its
resolv.conf, and through its C library.

What can be asked depends on the Pod's image: `dig` asks over UDP, `getent` asks the C library. One script
asks everything, because each command costs a stream to the Pod.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from headless_conformance.audit.access import Access
from headless_conformance.audit.errors import InspectionError
from headless_conformance.audit.execute import execute
from headless_conformance.records import (
    AnswerData,
    Presence,
    Question,
    RecordDifference,
    ResourceRecord,
    Zone,
    judge,
)

RUN_SECONDS = 60.0
NAMES = 40
"""How many questions are asked from inside: each costs the Pod a process."""
LIBRARY = "the C library"
TYPES = ("A", "AAAA", "SRV", "PTR")
MARK = "=#= "
STATUS = re.compile(r"^;; ->>HEADER<<- .*status: (?P<rcode>[A-Z]+)", re.MULTILINE)
FLAGS = re.compile(r"^;; flags: (?P<flags>[a-z ]+);", re.MULTILINE)
RECORD = re.compile(r"^(?P<name>\S+)\s+\d+\s+IN\s+(?P<type>[A-Z]+)\s+(?P<data>.+)$", re.MULTILINE)
SCRIPT = """
tool() {{ command -v "$1" >/dev/null 2>&1; }}
servers=$(sed -n 's/^nameserver  *//p' /etc/resolv.conf)
tool dig && echo '{mark}has dig'
tool getent && echo '{mark}has getent'
{lines}
true
"""
UDP_LINE = (
    "if tool dig; then for s in $servers; do echo '{mark}udp {name} {rdtype}' \"$s\"; "
    "dig +notcp +ignore +noall +comments +answer +time=2 +tries=2 @$s {name} {rdtype} 2>&1; done; fi"
)
LIBRARY_LINE = "if tool getent; then echo '{mark}library {name}'; getent ahosts {name} 2>&1; fi"


@dataclass(frozen=True)
class InsideDifference:
    """One question that gets another answer inside the Pod than the zone demands."""

    question: Question
    way: str
    """`UDP at 192.0.2.10` or `the C library`."""
    expected: str
    seen: str


@dataclass(frozen=True)
class InsideView:
    """What a Pod sees."""

    pod: str
    tools: tuple[str, ...]
    asked: int
    differences: tuple[InsideDifference, ...]


def look_from(
    access: Access, namespace: str, pod: str, zone: Zone, questions: Iterable[Question]
) -> InsideView:
    """Ask from a Pod's first container.

    Raises InspectionError when the Pod has no shell or neither of the tools.
    """
    chosen = existing_names(zone, questions)
    result = execute(access, namespace, pod, "", ["sh", "-c", script(chosen)], RUN_SECONDS)
    blocks = list(_blocks(result.stdout))
    tools = tuple(words[1] for words, _ in blocks if words[0] == "has")
    if not tools:
        raise InspectionError(f"the image of Pod {namespace}/{pod} has neither dig nor getent")
    asked = [(words, text) for words, text in blocks if words[0] != "has"]
    differences = [found for words, text in asked for found in _judge(zone, words, text)]
    return InsideView(f"{namespace}/{pod}", tools, len(asked), tuple(differences))


def existing_names(zone: Zone, questions: Iterable[Question]) -> list[Question]:
    """Questions whose names exist: what does not exist is not asked for through anybody's cache."""
    demanded = [
        q for q in questions if zone.expectation(q).presence is Presence.DEMANDED and q.rdtype in TYPES
    ]
    return demanded[:NAMES]


def script(questions: Sequence[Question]) -> str:
    """A shell script that asks everything.

    Names are letters, digits, `-`, `_` and dots, as Kubernetes allows.
    """
    lines = [UDP_LINE.format(mark=MARK, name=found.name, rdtype=found.rdtype) for found in questions]
    names = dict.fromkeys(found.name for found in questions if found.rdtype in ("A", "AAAA"))
    lines += [LIBRARY_LINE.format(mark=MARK, name=name) for name in names]
    return SCRIPT.format(mark=MARK, lines="\n".join(lines))


def _blocks(text: str) -> Iterator[tuple[list[str], str]]:
    for block in f"\n{text}".split(f"\n{MARK}")[1:]:
        head, _, body = block.partition("\n")
        yield head.split(), body


def _judge(zone: Zone, words: Sequence[str], text: str) -> Iterator[InsideDifference]:
    if words[0] == "udp":
        question, way = Question(words[1], words[2]), f"UDP at {words[3]}"
        yield from _judge_udp(zone, question, way, text)
    else:
        yield from _judge_library(zone, words[1], text)


def _judge_udp(zone: Zone, question: Question, way: str, text: str) -> Iterator[InsideDifference]:
    status = STATUS.search(text)
    if status is None:
        said = next((line for line in text.splitlines() if line.strip()), "nothing")
        yield InsideDifference(question, way, "an answer", said)
        return
    flags = FLAGS.search(text)
    records = tuple(ResourceRecord(*found.groups()) for found in RECORD.finditer(text))
    truncated = flags is not None and "tc" in flags["flags"].split()
    answer = AnswerData(status["rcode"], records, truncated=truncated)
    for mismatch in judge(zone, question, answer):
        yield InsideDifference(question, way, mismatch.expected or "no such record", _seen(mismatch))


def _seen(mismatch: RecordDifference) -> str:
    return mismatch.seen or "no such record"


def _judge_library(zone: Zone, name: str, text: str) -> Iterator[InsideDifference]:
    """The addresses of all families together: which of them a C library gives is the
    business of its configuration."""
    expected: dict[str, set[str]] = {
        rdtype: {record.value for record in zone.expectation(Question(name, rdtype)).records}
        for rdtype in ("A", "AAAA")
    }
    seen = set(_addresses(text))
    wanted = expected["A"] | expected["AAAA"]
    families: Mapping[int, set[str]] = {4: expected["A"], 6: expected["AAAA"]}
    of_some_family = any(seen == addresses for addresses in families.values() if addresses)
    if seen != wanted and not of_some_family:
        question = Question(name, "A")
        found = ", ".join(sorted(seen)) or next(iter(text.splitlines()), "no address")
        yield InsideDifference(question, LIBRARY, ", ".join(sorted(wanted)), found)


def _addresses(text: str) -> Iterator[str]:
    for line in text.splitlines():
        word = line.partition(" ")[0].strip()
        try:
            yield str(ipaddress.ip_address(word))
        except ValueError:
            continue
