"""What the specification says about one question: the records that must and may be in the answer, or the
denial."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from headless_conformance.core.levels import Level
from headless_conformance.records.names import ClusterDomain, canonical, canonical_address
from headless_conformance.records.rules import level_of


class Presence(StrEnum):
    """The three classes of record sets."""

    DEMANDED = "demanded"
    """The set must be there, exactly."""
    FORBIDDEN = "forbidden"
    """The name must not exist, or must not have a record of the type."""
    LEFT_OPEN = "left open"
    """A server may answer or not (R20), within bounds where the expectation is `bounded`."""


class Denial(StrEnum):
    """The two ways of saying no (RFC 2308)."""

    NXDOMAIN = "NXDOMAIN"
    NODATA = "NODATA"


class UnreadableRecordError(ValueError):
    """Record data that is not what its type prescribes."""


@dataclass(frozen=True)
class Question:
    """A name and a type. Names of any case are one question (R3)."""

    name: str
    rdtype: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", canonical(self.name))
        object.__setattr__(self, "rdtype", self.rdtype.upper())

    def __str__(self) -> str:
        return f"{self.name} IN {self.rdtype}"


@dataclass(frozen=True)
class Record:
    """Type and data of a record as far as anything prescribes them: SRV without priority and weight."""

    rdtype: str
    value: str
    """An address, or the target in canonical form."""
    port: int | None = None

    @classmethod
    def read(cls, rdtype: str, rdata: str) -> Record:
        """From rdata text (RFC 1035, 5.1). Raises UnreadableRecordError."""
        try:
            if rdtype in ("A", "AAAA"):
                return cls(rdtype, canonical_address(rdata))
            if rdtype == "SRV":
                _priority, _weight, port, target = rdata.split()
                return cls(rdtype, canonical(target), int(port))
        except ValueError as error:
            raise UnreadableRecordError(f"{rdtype} {rdata}: {error}") from None
        return cls(rdtype, canonical(rdata) if rdtype in ("PTR", "CNAME") else rdata)

    @property
    def first_label(self) -> str:
        return self.value.partition(".")[0]

    @property
    def parent(self) -> str:
        """The target without its first label."""
        return self.value.partition(".")[2]

    def line(self, owner: str) -> str:
        """As a line of a zone; SRV with 0 for what is not prescribed, and no TTL."""
        data = self.value if self.port is None else f"0 0 {self.port} {self.value}"
        return f"{owner} IN {self.rdtype} {data}"


@dataclass(frozen=True)
class ServerLabelledRecords:
    """Records whose target has a first label of the server's choice, because endpoints have no hostname
    (R1)."""

    rdtype: str
    below: str
    """The Service's name, which follows the label."""
    least: int
    most: int | None
    """None for any number."""
    port: int | None = None
    taken: frozenset[str] = frozenset()
    """Labels that are hostnames of other endpoints, so that no identifier may be one of them."""

    def matches(self, record: Record) -> bool:
        """Whether a record can be one of these."""
        alike = (record.rdtype, record.port, record.parent) == (self.rdtype, self.port, self.below)
        return alike and record.first_label not in self.taken

    def line(self, owner: str) -> str:
        """As a line of a zone with `<label>` for what the server chooses."""
        return Record(self.rdtype, f"<label>.{self.below}", self.port).line(owner)


@dataclass(frozen=True)
class OpenTargets:
    """Targets of PTR records about which the objects at hand say nothing."""

    domain: ClusterDomain
    namespaces: frozenset[str] | None
    """Those whose Services are known; None when all are."""
    outside: bool
    """Whether names outside the cluster domain are open: reverse zones are not the cluster's alone."""

    def covers(self, record: Record) -> bool:
        """Whether a record has such a target."""
        parsed = self.domain.parse(record.value)
        if parsed is None:
            return self.outside
        return self.namespaces is not None and parsed.namespace not in self.namespaces


@dataclass(frozen=True)
class Expectation:
    """What must come for a question, whichever server is asked and over whatever transport."""

    question: Question
    presence: Presence
    rules: tuple[str, ...]
    records: frozenset[Record] = frozenset()
    """Each must be in the answer."""
    permitted: frozenset[Record] = frozenset()
    """Each may be in the answer."""
    assigned: tuple[ServerLabelledRecords, ...] = ()
    open_targets: OpenTargets | None = None
    denial: Denial | None = None
    """How absence must be said; None where either way will do."""
    bounded: bool = True
    """Whether a record that is named nowhere here is wrong."""
    subjects: frozenset[str] = frozenset()
    """The Services that it is about, as `namespace/name`."""

    @property
    def level(self) -> Level:
        return level_of(self.rules)

    @property
    def can_be_contradicted(self) -> bool:
        """Whether any answer could differ from it."""
        return self.presence is not Presence.LEFT_OPEN or self.bounded

    @property
    def may_come_to_exist(self) -> bool:
        """Whether the name does not exist now: a server that keeps answers would keep its denial.

        A missing type of a name that exists is asked for by every client anyway.
        """
        if self.presence is Presence.LEFT_OPEN:
            return not self.permitted and not self.assigned
        return self.presence is Presence.FORBIDDEN and self.denial is not Denial.NODATA

    def allows(self, record: Record) -> bool:
        """Whether this record may be in the answer, other than as one of too many."""
        if not self.bounded or record in self.records or record in self.permitted:
            return True
        if any(assigned.matches(record) for assigned in self.assigned):
            return True
        return self.open_targets is not None and self.open_targets.covers(record)
