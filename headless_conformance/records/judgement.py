"""Holding one DNS answer against a zone: each difference is a line that the one has and the other has not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from headless_conformance.core.levels import Level
from headless_conformance.records.expectation import (
    Denial,
    Expectation,
    Presence,
    Question,
    Record,
    UnreadableRecordError,
)
from headless_conformance.records.names import canonical
from headless_conformance.records.rules import level_of
from headless_conformance.records.zone import Zone

NOERROR, NXDOMAIN = "NOERROR", "NXDOMAIN"


@dataclass(frozen=True)
class ResourceRecord:
    """A record of an answer as text: owner name, type and data."""

    name: str
    rdtype: str
    rdata: str

    @property
    def owner(self) -> str:
        return canonical(self.name)

    @property
    def line(self) -> str:
        return f"{self.owner} IN {self.rdtype} {self.rdata}"


@dataclass(frozen=True)
class AnswerData:
    """What a server said, however it was asked."""

    rcode: str
    answer: tuple[ResourceRecord, ...] = ()
    additional: tuple[ResourceRecord, ...] = ()
    truncated: bool = False
    """With TC set, what is missing proves nothing: ask again over TCP."""


class DifferenceKind(StrEnum):
    """How an answer differs."""

    MISSING = "missing"
    SURPLUS = "surplus"
    DUPLICATE = "more than once"
    RCODE = "response code"
    OWNER = "other owner name"
    ADDITIONAL = "additional section"
    LABEL = "label of the server's choice"


@dataclass(frozen=True)
class RecordDifference:
    """One difference. `expected` and `seen` are lines of zones: the model's, and the answer's."""

    kind: DifferenceKind
    question: Question
    rules: tuple[str, ...]
    expected: str = ""
    seen: str = ""
    record: Record | None = None
    """The record that is missing or too much, where it is one."""

    @property
    def level(self) -> Level:
        return level_of(self.rules)

    def __str__(self) -> str:
        lines = [f"-{self.expected}"] if self.expected else []
        lines += [f"+{self.seen}"] if self.seen else []
        return "\n".join(f"{line}  ; {self.kind}, {' '.join(self.rules)}" for line in lines)


def judge(zone: Zone, question: Question, answer: AnswerData) -> list[RecordDifference]:
    """All differences between an answer and what the zone says about the question; none when it is right."""
    return [
        *_judge(zone, question, answer, frozenset((question.name,))),
        *_additional(zone, question, answer),
    ]


def denial_line(question: Question, denial: str) -> str:
    """A denial as a comment of a zone."""
    return f"; {question.name} IN {'ANY' if denial == NXDOMAIN else question.rdtype} {denial}"


def _judge(
    zone: Zone, question: Question, answer: AnswerData, followed: frozenset[str]
) -> Iterator[RecordDifference]:
    expectation = zone.expectation(question)
    if expectation.presence is Presence.LEFT_OPEN and not expectation.bounded:
        return
    own = [found for found in answer.answer if found.owner == question.name]
    chain = tuple(found for found in answer.answer if found.owner != question.name)
    records, unreadable = _read(own)
    alias = _alias(records) if question.rdtype != "CNAME" else None
    for found in unreadable:
        yield RecordDifference(DifferenceKind.SURPLUS, question, expectation.rules, seen=found.line)
    for record, count in Counter(records).items():
        if count > 1:
            line = f"{record.line(question.name)} ({count} times)"
            yield RecordDifference(
                DifferenceKind.DUPLICATE, question, ("RFC2181",), record.line(question.name), line, record
            )
    if alias is None or not expectation.allows(alias):
        for found in chain:
            yield RecordDifference(DifferenceKind.OWNER, question, expectation.rules, seen=found.line)
    yield from _rcode(expectation, answer, records, alias)
    yield from _records(expectation, frozenset(records), answer.truncated)
    if alias and expectation.allows(alias) and alias.value not in followed:
        rest = replace(answer, answer=chain)
        yield from _judge(zone, Question(alias.value, question.rdtype), rest, followed | {alias.value})


def _read(found: Iterable[ResourceRecord]) -> tuple[list[Record], list[ResourceRecord]]:
    records: list[Record] = []
    unreadable: list[ResourceRecord] = []
    for one in found:
        try:
            records.append(Record.read(one.rdtype, one.rdata))
        except UnreadableRecordError:
            unreadable.append(one)
    return records, unreadable


def _alias(records: Iterable[Record]) -> Record | None:
    """The CNAME record that the rest of an answer follows."""
    return next((record for record in records if record.rdtype == "CNAME"), None)


def _rcode(
    expectation: Expectation, answer: AnswerData, records: list[Record], alias: Record | None
) -> Iterator[RecordDifference]:
    """The response code, unless records that are too much or too few say it already."""
    question = expectation.question
    if alias and expectation.allows(alias) and answer.rcode in (NOERROR, NXDOMAIN):
        return
    if expectation.presence is Presence.DEMANDED:
        right, wanted = answer.rcode == NOERROR, NOERROR
    elif expectation.denial is Denial.NXDOMAIN:
        right, wanted = answer.rcode == NXDOMAIN or (bool(records) and answer.rcode == NOERROR), NXDOMAIN
    elif expectation.denial is Denial.NODATA:
        right, wanted = answer.rcode == NOERROR, Denial.NODATA.value
    else:
        right, wanted = answer.rcode in (NOERROR, NXDOMAIN), "NOERROR or NXDOMAIN"
    if not right:
        seen = Denial.NODATA.value if answer.rcode == NOERROR and not records else answer.rcode
        expected = denial_line(question, wanted) if wanted != NOERROR else ""
        yield RecordDifference(
            DifferenceKind.RCODE, question, expectation.rules, expected, denial_line(question, seen)
        )


def _records(
    expectation: Expectation, seen: frozenset[Record], truncated: bool
) -> Iterator[RecordDifference]:
    question, rules = expectation.question, expectation.rules
    for record in _sorted(expectation.records - seen) if not truncated else ():
        yield RecordDifference(
            DifferenceKind.MISSING, question, rules, expected=record.line(question.name), record=record
        )
    for record in _sorted(record for record in seen if not expectation.allows(record)):
        yield RecordDifference(
            DifferenceKind.SURPLUS, question, rules, seen=record.line(question.name), record=record
        )
    others = seen - expectation.records - expectation.permitted
    for assigned in expectation.assigned:
        matching = [record for record in others if assigned.matches(record)]
        for _ in range(assigned.least - len(matching) if not truncated else 0):
            line = assigned.line(question.name)
            yield RecordDifference(DifferenceKind.MISSING, question, ("R1", *rules), expected=line)
        if assigned.most is not None:
            for record in _sorted(matching)[assigned.most :]:
                yield RecordDifference(
                    DifferenceKind.SURPLUS,
                    question,
                    ("R1", *rules),
                    seen=record.line(question.name),
                    record=record,
                )


def _additional(zone: Zone, question: Question, answer: AnswerData) -> Iterator[RecordDifference]:
    """Addresses beside the answer are optional (R16), and wrong ones are as bad as in the answer."""
    for found in answer.additional:
        if found.rdtype not in ("A", "AAAA"):
            continue
        expectation = zone.expectation(Question(found.name, found.rdtype))
        records, unreadable = _read([found])
        if unreadable or not expectation.allows(records[0]):
            yield RecordDifference(
                DifferenceKind.ADDITIONAL, question, ("R16", *expectation.rules), seen=found.line
            )


def _sorted(records: Iterable[Record]) -> list[Record]:
    return sorted(records, key=lambda record: record.line(""))
