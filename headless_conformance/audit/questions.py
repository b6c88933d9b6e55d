"""Which questions are asked about a target, and which only where a denial is not kept.

A question for a name that may come to exist leaves a denial in a server that keeps answers, and a member that
is added next is then not found by anybody until the denial is forgotten. So names that do not exist are asked
for only at servers that showed that they keep no denials, or when the person says so.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import Any

from headless_conformance.audit.checks import Check
from headless_conformance.records import Presence, Question, Zone
from headless_conformance.records.names import fits, is_reverse

_ORDINALS = 3
"""How many ordinals before the first and after the last one are asked for."""
FAMILIES = ("A", "AAAA")
"""A program asks for both, and takes the one that is there."""
PROTOCOLS = ("TCP", "UDP", "SCTP")


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
        if expectation.can_be_contradicted:
            (absent if expectation.may_come_to_exist else always).append(expectation.question)
    return Questions(tuple(always), tuple(absent))


def absent_ordinals(found: dict[str, Any], zone: Zone, namespace: str, service: str) -> tuple[Question, ...]:
    """Members after the last one and, below `ordinals.start`, those before the first."""
    name, spec = found["metadata"]["name"], found["spec"]
    start = (spec.get("ordinals") or {}).get("start", 0)
    end = start + spec.get("replicas", 1)
    beyond = [*range(end, end + _ORDINALS), *range(max(0, start - _ORDINALS), start)]
    own = zone.domain.service(namespace, service)
    questions = (Question(f"{name}-{ordinal}.{own}", family) for ordinal in beyond for family in FAMILIES)
    return tuple(q for q in questions if fits(q.name))


def other_protocols(zone: Zone, namespace: str, service: str) -> tuple[Question, ...]:
    """The ports of a Service under protocols for which it has no port of that name."""
    found = zone.services[f"{namespace}/{service}"].service
    has = {(port.name, port.protocol) for port in found.ports if port.name}
    own = zone.domain.service(namespace, service)
    questions = (
        Question(f"_{name}._{protocol.lower()}.{own}", "SRV")
        for name in sorted({name for name, _ in has})
        for protocol in PROTOCOLS
        if (name, protocol) not in has
    )
    return _forbidden(zone, questions)


def never_names(zone: Zone, namespace: str, service: str, token: str) -> tuple[Question, ...]:
    """Questions for an endpoint and a port of a Service by random names, where the specification says that
    there is none."""
    own = zone.domain.service(namespace, service)
    questions = (
        *(Question(f"audit-{token}.{own}", family) for family in FAMILIES),
        Question(f"_audit-{token}._tcp.{own}", "SRV"),
    )
    return _forbidden(zone, questions)


def _forbidden(zone: Zone, questions: Iterable[Question]) -> tuple[Question, ...]:
    """Those that can be asked, and of whose names the specification says that there are none."""
    return tuple(q for q in questions if fits(q.name) and zone.expectation(q).presence is Presence.FORBIDDEN)


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
