"""Where CoreDNS and the specification differ. The specification decides in the model; here stands what
CoreDNS does instead.

Each row can tell whether it explains a difference, so that a test can ask for what is not written down here.
The rows were read in CoreDNS' kubernetes plugin and seen on real servers.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from headless_conformance.records.expectation import Question
from headless_conformance.records.judgement import DifferenceKind, RecordDifference
from headless_conformance.records.names import address_of
from headless_conformance.records.objects import ServiceKind
from headless_conformance.records.services import RECORD_TYPE, ServiceNames
from headless_conformance.records.zone import Zone


@dataclass(frozen=True)
class KnownDifference:
    """One row of the table."""

    id: str
    rules: tuple[str, ...]
    specification: str
    coredns: str
    explains: Callable[[Zone, RecordDifference], bool]


def known_difference(zone: Zone, mismatch: RecordDifference) -> KnownDifference | None:
    """The row that explains a difference, or None when CoreDNS is not known for it."""
    return next((row for row in KNOWN_DIFFERENCES if row.explains(zone, mismatch)), None)


def unexplained(zone: Zone, mismatches: Iterable[RecordDifference]) -> list[RecordDifference]:
    """The differences that no row explains."""
    return [mismatch for mismatch in mismatches if known_difference(zone, mismatch) is None]


def _service(zone: Zone, question: Question) -> ServiceNames | None:
    parsed = zone.domain.parse(question.name)
    return zone.services.get(f"{parsed.namespace}/{parsed.service}") if parsed else None


def _is_cluster_ip_first(zone: Zone, mismatch: RecordDifference) -> bool:
    """A PTR record of an endpoint is missing at the address of a Service."""
    if mismatch.kind is not DifferenceKind.MISSING or mismatch.question.rdtype != "PTR":
        return False
    records = zone.expectation(mismatch.question).records
    names = {found.name for found in zone.services.values() if found.service.kind is ServiceKind.CLUSTER_IP}
    of_service = any(record.value in names for record in records)
    return of_service and (mismatch.record is None or mismatch.record.value not in names)


def _is_label_collision(zone: Zone, mismatch: RecordDifference) -> bool:
    """Two endpoints share a name: the label that CoreDNS makes of an address is the hostname of another
    endpoint."""
    question = mismatch.question
    if question.rdtype == "PTR":
        address = address_of(question.name)
        return any(address in _colliding(service) for service in zone.services.values())
    service = _service(zone, question)
    colliding = _colliding(service) if service else frozenset()
    if mismatch.record is None:
        return bool(colliding) and ("R1" in mismatch.rules or mismatch.kind is DifferenceKind.ADDITIONAL)
    return mismatch.kind is DifferenceKind.SURPLUS and mismatch.record.value in colliding


def _colliding(service: ServiceNames) -> frozenset[str]:
    """Addresses of endpoints without hostname whose label is another one's hostname."""
    if service.service.kind is not ServiceKind.HEADLESS or not service.hostnames:
        return frozenset()
    return frozenset(
        entry.address for entry in service.nameless if dashed(entry.address) in service.hostnames
    )


def _is_alias_left_out(zone: Zone, mismatch: RecordDifference) -> bool:
    """A CNAME record is missing where its target is in the cluster domain, or the type is no address type."""
    if not _lacks_alias(mismatch) or mismatch.question.rdtype == "CNAME" or mismatch.record is None:
        return False
    inside = mismatch.record.value.endswith(f".{zone.domain.name}")
    return inside or mismatch.question.rdtype not in RECORD_TYPE.values()


def _is_numeric_alias(zone: Zone, mismatch: RecordDifference) -> bool:
    """Nothing is said about an ExternalName Service whose external name reads like an address."""
    service = _service(zone, mismatch.question)
    if service is None or not (_lacks_alias(mismatch) or mismatch.kind is DifferenceKind.RCODE):
        return False
    try:
        ipaddress.ip_address(service.service.external_name)
    except ValueError:
        return False
    return True


def _lacks_alias(mismatch: RecordDifference) -> bool:
    """A CNAME record of an ExternalName Service is missing."""
    record = mismatch.record
    return mismatch.kind is DifferenceKind.MISSING and record is not None and record.rdtype == "CNAME"


def _is_pointer_without_service(zone: Zone, mismatch: RecordDifference) -> bool:
    """A PTR record names a Service that does not exist, or that is an ExternalName, and an EndpointSlice
    gives it this address."""
    if (
        mismatch.kind is not DifferenceKind.SURPLUS
        or mismatch.question.rdtype != "PTR"
        or mismatch.record is None
    ):
        return False
    parsed = zone.domain.parse(mismatch.record.value)
    if parsed is None or len(parsed.labels) != 1:
        return False
    key = f"{parsed.namespace}/{parsed.service}"
    return (key, address_of(mismatch.question.name)) in zone.without_service


def _is_any_port(_zone: Zone, mismatch: RecordDifference) -> bool:
    """The name of a port has a label that is an underscore alone."""
    return mismatch.kind is DifferenceKind.SURPLUS and "_" in mismatch.question.name.split(".")[:2]


def dashed(address: str) -> str:
    """The label that CoreDNS gives to an endpoint without hostname."""
    label = address.replace(".", "-").replace(":", "-")
    return f"{label}0" if label.endswith("-") else label


KNOWN_DIFFERENCES: tuple[KnownDifference, ...] = (
    KnownDifference(
        "cluster-ip-hides-endpoints",
        ("R17", "R18"),
        "The address of a ready endpoint has its PTR record, whatever else has the address.",
        "An address that is a Service's cluster IP has that Service's PTR record and no other.",
        _is_cluster_ip_first,
    ),
    KnownDifference(
        "label-is-a-hostname",
        ("R1",),
        "The identifier of an endpoint without hostname is unique in its Service.",
        "It is made of the address; an endpoint that has it as its hostname shares the name then.",
        _is_label_collision,
    ),
    KnownDifference(
        "numeric-external-name",
        ("R19",),
        "An ExternalName Service has a CNAME record, also where the name reads like an address.",
        "NXDOMAIN: an external name that can be read as an address is passed over.",
        _is_numeric_alias,
    ),
    KnownDifference(
        "alias-left-out",
        ("R19", "RFC1034"),
        "A question of any type is answered with the CNAME record.",
        "It is left out for types other than A, AAAA and CNAME, and for A and AAAA where the target is a name"
        " of the cluster without such a record.",
        _is_alias_left_out,
    ),
    KnownDifference(
        "pointer-without-service",
        ("R17", "R18"),
        "PTR records are those of endpoints of headless Services.",
        (
            "EndpointSlices of a Service that does not exist, or is an ExternalName, give PTR "
            "records to names that do not exist."
        ),
        _is_pointer_without_service,
    ),
    KnownDifference(
        "underscore-is-any-port",
        ("R6", "R14"),
        "An SRV record belongs to a named port and its protocol.",
        "A label that is an underscore alone stands for every port or every protocol.",
        _is_any_port,
    ),
)
"""Rows in the order in which they are asked."""
