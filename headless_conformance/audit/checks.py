"""What is checked on each target, the rules behind each check, and the requirements of documents that it
verifies.

Which requirements these are stands beside each register, in `suites/<document>/audit.yaml`: the package knows
no document.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

import yaml

from headless_conformance.core.errors import UserError
from headless_conformance.core.levels import Level
from headless_conformance.core.paths import SUITES
from headless_conformance.records import RULES
from headless_conformance.records.rules import SPECIFICATION

FILE = "audit.yaml"


class Check(StrEnum):
    """One thing that is looked at. The values are identifiers in reports."""

    GOVERNING_SERVICE = "governing-service"
    SELECTOR = "selector"
    PORTS = "ports"
    POD_NAMES = "pod-names"
    HOST_NAMES = "host-names"
    VOLUMES = "volumes"
    ENDPOINTS = "endpoints"
    SERVICE_RECORDS = "service-records"
    MEMBER_RECORDS = "member-records"
    SRV_RECORDS = "srv-records"
    POINTER_RECORDS = "pointer-records"
    ABSENT_NAMES = "absent-names"
    TTL = "ttl"
    DNS_SERVERS = "dns-servers"
    INSIDE = "inside"

    @property
    def description(self) -> str:
        return DESCRIPTIONS[self]

    @property
    def level(self) -> Level:
        """How binding it is where no rule says otherwise."""
        return Level.SHOULD if self is Check.TTL else Level.MUST


DESCRIPTIONS: Mapping[Check, str] = {
    Check.GOVERNING_SERVICE: "the governing Service exists and is headless",
    Check.SELECTOR: "the governing Service selects the members",
    Check.PORTS: "each named port leads to a port of the Pods",
    Check.POD_NAMES: "Pods, host names, subdomains and labels follow the ordinals",
    Check.HOST_NAMES: "a member sees its own Pod name as its host name",
    Check.VOLUMES: "each ordinal has its PersistentVolumeClaims",
    Check.ENDPOINTS: "EndpointSlices agree with Services and Pods",
    Check.SERVICE_RECORDS: "the Service's name has exactly its addresses",
    Check.MEMBER_RECORDS: "each member's name leads to its Pod",
    Check.SRV_RECORDS: "each named port has its SRV records",
    Check.POINTER_RECORDS: "each address leads back to its name",
    Check.ABSENT_NAMES: "names that must not exist do not",
    Check.TTL: "answers and denials are kept for 60 s at the most",
    Check.DNS_SERVERS: "each DNS server answers over TCP",
    Check.INSIDE: "a Pod gets the same answers",
}
RULES_OF: Mapping[Check, tuple[str, ...]] = {
    Check.PORTS: ("R14",),
    Check.SERVICE_RECORDS: ("R5", "R8", "R11", "R19"),
    Check.MEMBER_RECORDS: ("R10", "R13"),
    Check.SRV_RECORDS: ("R6", "R14", "R15"),
    Check.POINTER_RECORDS: ("R7", "R17", "R18"),
    Check.ABSENT_NAMES: ("R9", "R10"),
}
STATEFUL_SET_PAGE = "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset"
LINKS: Mapping[Check, str] = {
    Check.GOVERNING_SERVICE: f"{STATEFUL_SET_PAGE}/#limitations",
    Check.SELECTOR: f"{STATEFUL_SET_PAGE}/#limitations",
    Check.POD_NAMES: f"{STATEFUL_SET_PAGE}/#stable-network-id",
    Check.HOST_NAMES: f"{STATEFUL_SET_PAGE}/#stable-network-id",
    Check.VOLUMES: f"{STATEFUL_SET_PAGE}/#stable-storage",
    Check.ENDPOINTS: "https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/",
    Check.TTL: f"{STATEFUL_SET_PAGE}/#stable-network-id",
    Check.DNS_SERVERS: "https://www.rfc-editor.org/rfc/rfc7766#section-5",
    Check.INSIDE: "https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/",
}
ANCHORS: Mapping[str, str] = {
    "2.1": "21---definitions",
    "2.3": "23---records-for-a-service-with-clusterip",
    "2.4": "24---records-for-a-headless-service",
    "2.5": "25---records-for-external-name-services",
    "3": "3---schema-extensions",
}
"""Sections of the DNS specification and their anchors, as GitHub derives them from the headings."""
OF_RECORDS = (
    Check.SERVICE_RECORDS,
    Check.MEMBER_RECORDS,
    Check.SRV_RECORDS,
    Check.POINTER_RECORDS,
    Check.ABSENT_NAMES,
)
"""Those that judge which records DNS servers answer with: without one of them no requirement is verified."""
OF_ANSWERS = (*OF_RECORDS, Check.TTL)
"""Those that judge what DNS servers answer."""
OF_DNS = (*OF_ANSWERS, Check.DNS_SERVERS)
"""Those for which DNS servers are asked."""
OF_SERVICE = (Check.PORTS, Check.ENDPOINTS, *OF_DNS)
"""The checks of a Service that is judged by its records."""
OF_STATEFUL_SET = (
    Check.GOVERNING_SERVICE,
    Check.SELECTOR,
    Check.PORTS,
    Check.POD_NAMES,
    Check.HOST_NAMES,
    Check.VOLUMES,
    *OF_SERVICE[1:],
)


def link(check: Check, rules: tuple[str, ...] = ()) -> str:
    """Where the sentence stands that is broken: that of the first rule, else that of the check."""
    for rule in rules:
        if rule in RULES:
            return _link(rule)
    return LINKS.get(check) or _link(RULES_OF[check][0])


def _link(rule: str) -> str:
    """The section of the page that a rule stands in, where the page's anchors are known."""
    found = RULES[rule]
    if found.source != SPECIFICATION:
        return found.source
    return f"{SPECIFICATION}#{ANCHORS[found.section[:3]]}" if found.section[:3] in ANCHORS else SPECIFICATION


@lru_cache(maxsize=1)
def requirements_by_check() -> Mapping[Check, tuple[str, ...]]:
    """The IDs of the requirements that each check verifies, from all documents. UserError names a wrong
    file."""
    found: dict[Check, tuple[str, ...]] = dict.fromkeys(Check, ())
    for path in sorted(SUITES.glob(f"*/{FILE}")):
        for check, ids in read_checks(path).items():
            found[check] += ids
    return found


def read_checks(path: Path) -> Mapping[Check, tuple[str, ...]]:
    """One document's file: checks and the IDs that they verify. UserError when a check is not known."""
    known = {check.value for check in Check}
    rows = yaml.safe_load(path.read_text()) or {}
    for name in rows:
        if name not in known:
            raise UserError(f"{path}: {name} is no check of the audit; there are {', '.join(sorted(known))}.")
    return {Check(name): tuple(ids) for name, ids in rows.items()}
