"""Which questions are asked about a target, and which only where a denial is not kept.

A question for a name that may come to exist leaves a denial in a server that keeps answers, and a member that
is added next is then not found by anybody until the denial is forgotten. So names that do not exist are asked
for only at servers that showed that they keep no denials, or when the person says so.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Any

from headless_conformance.audit.checks import Check
from headless_conformance.records import Denial, Expectation, Presence, Question, Zone
from headless_conformance.records.names import is_reverse

ORDINALS = 2
"""How many ordinals before the first one are asked for."""


@dataclass(frozen=True)
class Questions:
    """Those about one target."""

    always: tuple[Question, ...]
    only_where_denials_are_not_kept: tuple[Question, ...]


def questions_about(zone: Zone, namespace: str, service: str) -> Questions:
    """Everything about a Service that can be told beforehand and that an answer could contradict."""
    always: list[Question] = []
    absent: list[Question] = []
    for expectation in zone.of(namespace, service):
        if expectation.presence is Presence.LEFT_OPEN and not expectation.bounded:
            continue
        (absent if _may_come(expectation) else always).append(expectation.question)
    return Questions(tuple(always), tuple(absent))


def _may_come(expectation: Expectation) -> bool:
    """Whether the name does not exist now. A missing type of a name that exists is asked for by every client
    anyway."""
    if expectation.presence is Presence.LEFT_OPEN:
        return not expectation.permitted and not expectation.assigned
    return expectation.presence is Presence.FORBIDDEN and expectation.denial is not Denial.NODATA


def absent_ordinals(found: dict[str, Any], zone: Zone, namespace: str, service: str) -> tuple[Question, ...]:
    """The member after the last one and, below `ordinals.start`, those before the first."""
    name, spec = found["metadata"]["name"], found["spec"]
    start = (spec.get("ordinals") or {}).get("start", 0)
    beyond = [start + spec.get("replicas", 1), *range(max(0, start - ORDINALS), start)]
    own = zone.domain.service(namespace, service)
    return tuple(Question(f"{name}-{ordinal}.{own}", "A") for ordinal in beyond)


def check_of(question: Question, zone: Zone, absent: Container[Question] = ()) -> Check:
    """The check that a question belongs to."""
    if question in absent:
        return Check.ABSENT_NAMES
    if is_reverse(question.name):
        return Check.POINTER_RECORDS
    if question.rdtype == "SRV":
        return Check.SRV_RECORDS
    parsed = zone.domain.parse(question.name)
    if parsed is not None and parsed.labels:
        return Check.MEMBER_RECORDS
    return Check.SERVICE_RECORDS
