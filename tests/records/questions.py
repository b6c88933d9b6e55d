"""What is asked about generated namespaces: everything that the zone can tell beforehand, and names that
must not exist."""

from __future__ import annotations

import random
from collections.abc import Iterable

from headless_conformance.records import Presence, Question, Zone
from headless_conformance.records.objects import ServiceKind

ABSENT = "absent"
UNUSED_ADDRESS = "254.254.254.10.in-addr.arpa."
ADDRESS_TYPES = ("A", "AAAA")


def questions(zone: Zone, namespaces: Iterable[str]) -> list[Question]:
    """Each question once, in a stable order."""
    asked: dict[Question, None] = {Question(UNUSED_ADDRESS, "PTR"): None}
    for namespace in namespaces:
        asked |= {expectation.question: None for expectation in zone.of(namespace)}
        asked |= {Question(zone.domain.service(namespace, ABSENT), rdtype): None for rdtype in ADDRESS_TYPES}
        asked[Question(zone.domain.port(namespace, ABSENT, "http", "tcp"), "SRV")] = None
    chosen = set(namespaces)
    for names in zone.services.values():
        if names.service.namespace not in chosen:
            continue
        asked |= {Question(f"{ABSENT}.{names.name}", rdtype): None for rdtype in ADDRESS_TYPES}
        asked[Question(names.name, "SRV")] = None
        if names.service.kind is ServiceKind.EXTERNAL_NAME:
            asked |= {Question(names.name, rdtype): None for rdtype in ADDRESS_TYPES}
            continue
        asked[Question(names.port_name(ABSENT, "tcp"), "SRV")] = None
        for port, protocol in names.service.named_ports:
            other = "udp" if protocol == "TCP" else "tcp"
            asked[Question(names.port_name(port, other), "SRV")] = None
    return list(asked)


def is_judged(zone: Zone, question: Question) -> bool:
    """Whether any answer to it could be wrong."""
    expectation = zone.expectation(question)
    return expectation.presence is not Presence.LEFT_OPEN or expectation.bounded


def mixed_case(name: str, source: random.Random) -> str:
    """The same name with letters of random case (R3)."""
    return "".join(source.choice((letter.lower(), letter.upper())) for letter in name)
