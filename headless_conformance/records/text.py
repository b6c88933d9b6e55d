"""Zones and their differences as text.

A zone is printed so that it can be loaded as a master file (RFC 1035, 5): what a server must have stands in
records, and everything else in comments. The specification leaves the TTL open, and priority and weight of
SRV: a TTL of 5 and zeros stand for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from headless_conformance.records.expectation import Expectation, Presence
from headless_conformance.records.judgement import RecordDifference, denial_line

HEADER = (
    "; Demanded records. The TTL, and priority and weight of SRV, are the server's choice.",
    "$TTL 5",
)


def zone_text(expectations: Iterable[Expectation]) -> str:
    """A zone, or a part of it, with the rule behind each line."""
    lines = list(HEADER)
    for expectation in sorted(expectations, key=_order):
        lines += _lines(expectation)
    return "\n".join(lines) + "\n"


def zone_difference(mismatches: Iterable[RecordDifference]) -> str:
    """What the model has (-) and the answers have instead (+), grouped by question; empty when nothing
    differs."""
    by_question: dict[str, list[RecordDifference]] = {}
    for mismatch in mismatches:
        by_question.setdefault(str(mismatch.question), []).append(mismatch)
    lines: list[str] = []
    for question in sorted(by_question):
        lines.append(f"@@ {question}")
        lines += [str(mismatch) for mismatch in by_question[question]]
    return "\n".join(lines) + "\n" if lines else ""


def _order(expectation: Expectation) -> tuple[list[str], str]:
    """Names below one name stand together."""
    labels = expectation.question.name.rstrip(".").split(".")
    return labels[::-1], expectation.question.rdtype


def _lines(expectation: Expectation) -> Iterator[str]:
    owner, because = expectation.question.name, " ".join(expectation.rules)
    if expectation.presence is Presence.FORBIDDEN:
        denial = expectation.denial or "no name in the cluster domain"
        yield f"{denial_line(expectation.question, denial)}  ; {because}"
        return
    for record in sorted(expectation.records, key=lambda record: record.line(owner)):
        yield f"{record.line(owner)}  ; {because}"
    for assigned in expectation.assigned:
        count = _count(assigned.least, assigned.most)
        yield f"; {assigned.line(owner)}  ; {count}, {because}, label: R1"
    for record in sorted(expectation.permitted, key=lambda record: record.line(owner)):
        yield f"; {record.line(owner)}  ; may be there"
    if expectation.presence is Presence.LEFT_OPEN and not expectation.bounded:
        yield f"; {expectation.question}  ; left open, {because}"


def _count(least: int, most: int | None) -> str:
    if most is None:
        return f"{least} or more"
    return str(least) if least == most else f"{least} to {most}"
