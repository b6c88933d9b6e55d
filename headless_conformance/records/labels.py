"""Labels that a server chooses for endpoints without hostname must be the same in A, AAAA, SRV and PTR
records (R1).

One answer alone cannot show that. `follow_ups` tells which names to ask for after the first answers, and
`judge_labels` holds the answers of one server against each other. Questions that were not asked are not
judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from headless_conformance.records.expectation import Question, Record, UnreadableRecordError
from headless_conformance.records.judgement import AnswerData, DifferenceKind, RecordDifference
from headless_conformance.records.names import reverse_name
from headless_conformance.records.objects import ServiceKind
from headless_conformance.records.services import RECORD_TYPE, ServiceNames
from headless_conformance.records.zone import Zone

Answers = Mapping[Question, AnswerData]


@dataclass(frozen=True)
class _Chosen:
    """A name that the server gave to an address in a PTR record."""

    address: str
    rdtype: str
    name: str


def follow_ups(zone: Zone, answers: Answers) -> list[Question]:
    """The questions of type A and AAAA for each label of the server's choice in these answers, and not
    asked yet."""
    questions: dict[Question, None] = {}
    for service in _with_nameless(zone):
        names = {chosen.name for chosen in _chosen(service, answers)} | _targets(service, answers)
        for name in sorted(names):
            questions |= {Question(name, rdtype): None for rdtype in RECORD_TYPE.values()}
    return [question for question in questions if question not in answers]


def judge_labels(zone: Zone, answers: Answers) -> list[RecordDifference]:
    """Where the answers of one server name an endpoint differently, or several endpoints alike."""
    return [mismatch for service in _with_nameless(zone) for mismatch in _judge(service, answers)]


def _with_nameless(zone: Zone) -> Iterator[ServiceNames]:
    for service in zone.services.values():
        if service.service.kind is ServiceKind.HEADLESS and service.nameless:
            yield service


def _judge(service: ServiceNames, answers: Answers) -> Iterator[RecordDifference]:
    chosen = list(_chosen(service, answers))
    expected: dict[Question, set[str]] = {}
    for found in chosen:
        expected.setdefault(Question(found.name, found.rdtype), set()).add(found.address)
    for question, addresses in expected.items():
        yield from _unique(question, addresses)
        if question in answers:
            yield from _compare(
                question, {Record(question.rdtype, address) for address in addresses}, answers
            )
    nameless = {entry.address for entry in service.nameless}
    if nameless <= {found.address for found in chosen}:
        names = {found.name for found in chosen}
        for question in _srv_questions(service, answers):
            for record in _own(service, question, answers):
                if record.value not in names:
                    yield RecordDifference(
                        DifferenceKind.LABEL,
                        question,
                        ("R1", "R14"),
                        seen=record.line(question.name),
                        record=record,
                    )


def _unique(question: Question, addresses: set[str]) -> Iterator[RecordDifference]:
    """An identifier names one endpoint."""
    if len(addresses) > 1:
        for address in sorted(addresses):
            line = Record("PTR", question.name).line(reverse_name(address))
            yield RecordDifference(
                DifferenceKind.LABEL, Question(reverse_name(address), "PTR"), ("R1",), seen=line
            )


def _compare(question: Question, expected: set[Record], answers: Answers) -> Iterator[RecordDifference]:
    """The addresses of a name are those whose PTR records have it."""
    seen = set(_records(question, answers))
    for record in sorted(expected - seen, key=str):
        yield RecordDifference(
            DifferenceKind.LABEL, question, ("R1",), expected=record.line(question.name), record=record
        )
    for record in sorted(seen - expected, key=str):
        if Question(reverse_name(record.value), "PTR") not in answers:
            continue
        yield RecordDifference(
            DifferenceKind.LABEL, question, ("R1",), seen=record.line(question.name), record=record
        )


def _chosen(service: ServiceNames, answers: Answers) -> Iterator[_Chosen]:
    for entry in sorted({(entry.address, entry.family) for entry in service.nameless}):
        address, family = entry
        for record in _own(service, Question(reverse_name(address), "PTR"), answers):
            yield _Chosen(address, RECORD_TYPE[family], record.value)


def _targets(service: ServiceNames, answers: Answers) -> set[str]:
    return {
        record.value
        for question in _srv_questions(service, answers)
        for record in _own(service, question, answers)
    }


def _srv_questions(service: ServiceNames, answers: Answers) -> list[Question]:
    names = (service.port_name(port, protocol) for port, protocol in sorted(service.service.named_ports))
    return [question for name in names if (question := Question(name, "SRV")) in answers]


def _own(service: ServiceNames, question: Question, answers: Answers) -> Iterator[Record]:
    """Records whose target is a label of the server's choice below this Service."""
    for record in _records(question, answers):
        if record.parent == service.name and record.first_label not in service.hostnames:
            yield record


def _records(question: Question, answers: Answers) -> Iterator[Record]:
    answer = answers.get(question)
    for found in answer.answer if answer else ():
        if found.owner == question.name and found.rdtype == question.rdtype:
            try:
                yield Record.read(found.rdtype, found.rdata)
            except UnreadableRecordError:
                continue
