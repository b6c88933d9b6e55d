"""The rules that the model is made of, by ID: Kubernetes DNS-Based Service Discovery, schema 1.1.0, and
the RFCs behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from headless_conformance.core.levels import Level

SPECIFICATION = "https://github.com/kubernetes/dns/blob/master/docs/specification.md"
_RFC = "https://www.rfc-editor.org/rfc"


@dataclass(frozen=True)
class Rule:
    id: str
    section: str
    says: str
    level: Level = Level.MUST
    source: str = SPECIFICATION


_RULES = (
    Rule(
        "R1",
        "2.1",
        "An endpoint is named by its hostname, else by a unique identifier of the server's choice.",
    ),
    Rule("R2", "2.1", "Only ready endpoints have records; ready is the condition in the EndpointSlice."),
    Rule("R3", "2.1", "Names are compared without case."),
    Rule("R5", "2.3.1", "A Service with a cluster IP has an A or AAAA record for it."),
    Rule(
        "R6",
        "2.3.2",
        "Each named port of it has one SRV record, with the Service's name and the port's number.",
    ),
    Rule("R7", "2.3.3", "Each cluster IP has a PTR record with the Service's name."),
    Rule("R8", "2.4.1", "A headless Service has an A record for each ready IPv4 endpoint."),
    Rule("R9", "2.4.1", "A headless Service without a ready endpoint is NXDOMAIN.", Level.SHOULD),
    Rule("R10", "2.4.1", "The name of a ready endpoint has an A record for each of its IPv4 addresses."),
    Rule("R11", "2.4.1", "A headless Service has an AAAA record for each ready IPv6 endpoint."),
    Rule("R12", "2.4.1", "The same as R9 when AAAA is asked for.", Level.SHOULD),
    Rule("R13", "2.4.1", "The name of a ready endpoint has an AAAA record for each of its IPv6 addresses."),
    Rule("R14", "2.4.2", "A named port of a headless Service has one SRV record for each ready endpoint."),
    Rule("R15", "2.3.2, 2.4.2", "A port without name has no SRV record."),
    Rule("R16", "2.4.2", "The additional section may have the addresses of SRV targets."),
    Rule("R17", "2.4.3", "The IPv4 address of a ready endpoint has a PTR record with the endpoint's name."),
    Rule("R18", "2.4.3", "The IPv6 address of a ready endpoint has a PTR record with the endpoint's name."),
    Rule("R19", "2.5", "An ExternalName Service has a CNAME record."),
    Rule("R20", "3", "A server may add records that the specification does not define."),
    Rule(
        "RFC1034", "3.6.2", "A name with a CNAME record answers every type with it.", source=f"{_RFC}/rfc1034"
    ),
    Rule("RFC2181", "5", "A record is in a set once.", source=f"{_RFC}/rfc2181"),
    Rule(
        "RFC2308",
        "2.2",
        "A name that exists and lacks the type is NOERROR without data.",
        source=f"{_RFC}/rfc2308",
    ),
)
RULES: Mapping[str, Rule] = {rule.id: rule for rule in _RULES}
"""R4 is missing: the schema version belongs to the cluster, and to no Service or namespace."""


def level_of(rules: tuple[str, ...]) -> Level:
    """The weakest wording among these rules: who breaks their sum breaks no more than that."""
    return Level.SHOULD if any(RULES[rule].level is Level.SHOULD for rule in rules) else Level.MUST
