"""DNS servers and their answers, as tests compare them and as a person reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.reversename
import dns.rrset

from headless_conformance.core.mismatch import NOWHERE, Mismatch, Observation, Where
from headless_conformance.records import AnswerData, ResourceRecord

PORT = 53
UDP_BYTES = 1232
"""Largest answer that questions usually offer to take over UDP (RFC 6891), so that long names do not cut
it."""
PLAIN_BYTES = 512
"""Largest message over UDP without EDNS (RFC 1035, 4.2.1)."""
STREAM_BYTES = 65535
"""Largest message over TCP (RFC 1035, 4.2.2)."""
RECORDS_SHOWN = 10
"""How many records of a set the fields of a mismatch list."""
LISTED = 30
"""How many records of an answer the details of a mismatch list; of longer answers none."""
SECTIONS = ("answer", "authority", "additional")


class Transport(StrEnum):
    UDP = "udp"
    TCP = "tcp"


@dataclass(frozen=True)
class Form:
    """How a question is written and sent."""

    transport: Transport
    payload: int | None = UDP_BYTES
    """Largest answer over UDP that it offers to take by EDNS; None without EDNS."""
    mixed_case: bool = False

    def __str__(self) -> str:
        edns = "without EDNS" if self.payload is None else f"with EDNS for {self.payload} bytes"
        return f"{edns}, in mixed case" if self.mixed_case else edns

    @property
    def most_bytes(self) -> int:
        """Of a message that answers it."""
        over_udp = PLAIN_BYTES if self.payload is None else max(self.payload, PLAIN_BYTES)
        return over_udp if self.transport is Transport.UDP else STREAM_BYTES


USUAL_FORMS = tuple(Form(transport) for transport in Transport)
"""In which questions are asked that are not asked often."""


@dataclass(frozen=True)
class Server:
    """One DNS server as reachable from where questions are asked."""

    name: str
    address: str
    port: int = PORT
    tcp_port: int = 0
    """Where it listens over TCP; 0 where that is its one port."""

    def port_over(self, transport: Transport) -> int:
        """Where it listens."""
        return (transport is Transport.TCP and self.tcp_port) or self.port

    def __str__(self) -> str:
        return f"{self.name} ({self.address}:{self.port})"


def on_this_host(addresses: Sequence[tuple[str, int]]) -> tuple[Server, ...]:
    """DNS servers that the host itself reaches, numbered from 1 as their logs and configurations are."""
    return tuple(Server(f"CoreDNS {number}", *where) for number, where in enumerate(addresses, start=1))


@dataclass(frozen=True)
class Answer:
    """What one server said over one transport; `message` is None when it said nothing,
    or nothing that can be read."""

    name: str
    rdtype: str
    server: Server
    form: Form
    message: dns.message.Message | None
    problem: str = ""
    lost: bool = False
    """Nothing came at all."""
    size: int = 0
    """Bytes of the message."""
    asked_in: Where = NOWHERE
    """The Pod and node where it was asked, where that is not always the same."""

    @property
    def cut(self) -> bool:
        """Whether the server says over UDP that there is more, which has to be asked for over TCP (flag TC,
        RFC 7766)."""
        flags = self.message.flags if self.message else 0
        return self.transport is Transport.UDP and bool(flags & dns.flags.TC)

    @property
    def rcode(self) -> str:
        return dns.rcode.to_text(self.message.rcode()) if self.message else f"no answer: {self.problem}"

    def rrsets(self, section: str = "answer") -> list[dns.rrset.RRset]:
        return list(getattr(self.message, section)) if self.message else []

    def values(self) -> list[str]:
        """Every record of the type asked for, as a person writes it; SRV without priority and weight."""
        return sorted(
            _value(rdata) for rrset in self.rrsets() if type_of(rrset) == self.rdtype for rdata in rrset
        )

    def summary(self) -> str:
        """Response code and records in a few words, in the form that the fields of a mismatch have."""
        others = [
            f"{type_of(rrset)} {_value(rdata)}"
            for rrset in self.rrsets()
            for rdata in rrset
            if type_of(rrset) != self.rdtype
        ]
        # Names are compared without case (RFC 4343), and a question may be in any.
        owners = sorted({str(rrset.name).lower() for rrset in self.rrsets()} - {self.name.lower()})
        records = " and ".join([*([records_of(self.values())] if self.values() else []), *others])
        if owners:
            records += f" of {', '.join(owners)}"
        if self.rcode != "NOERROR":
            return f"{self.rcode} with {records}" if records else self.rcode
        return records or "NODATA"

    @property
    def transport(self) -> Transport:
        return self.form.transport

    @property
    def subject(self) -> str:
        """What was asked, as the subject of a mismatch."""
        return f"{self.rdtype} {self.name}"

    @property
    def where(self) -> Where:
        """Which server answered, over which transport, and where it was asked."""
        address = f"{self.server.address}:{self.server.port_over(self.transport)}"
        return replace(
            self.asked_in, server=self.server.name, address=address, transport=self.transport.value
        )

    def require(self, holds: bool, expected: str) -> None:
        """Raise a Mismatch with the whole answer unless a condition on it holds."""
        __tracebackhide__ = True
        if not holds:
            raise self.mismatch(expected)

    def mismatch(self, expected: str, observed: str = "", more: str = "") -> Mismatch:
        """That this answer is not as expected; what was observed is its summary unless said. `more` stands
        before the answer in the details."""
        records = sum(len(self.rrsets(section)) for section in SECTIONS)
        text = self.text()
        details = text if records <= LISTED else text.partition("\n")[0]
        asked = "" if self.form in USUAL_FORMS else f"asked {self.form}\n"
        details = f"{asked}{more}{details}"
        return Mismatch(Observation(self.subject, expected, observed or self.summary(), self.where, details))

    def text(self) -> str:
        """The whole answer: response code, flags and the records of each section."""
        if self.message is None:
            return self.rcode
        lines = [f"{self.rcode}, flags {dns.flags.to_text(self.message.flags)}"]
        for section in SECTIONS:
            lines += [
                f"  {section}: {line}"
                for rrset in self.rrsets(section)
                for line in rrset.to_text().splitlines()
            ]
        return "\n".join(lines)

    def __str__(self) -> str:
        return f"{self.subject} {self.where}: {self.text()}"


def data_of(message: dns.message.Message) -> AnswerData:
    """A DNS message as the reference model judges it."""
    return AnswerData(
        rcode=dns.rcode.to_text(message.rcode()),
        answer=tuple(_records(message.answer)),
        additional=tuple(_records(message.additional)),
        truncated=bool(message.flags & dns.flags.TC),
    )


def _records(section: Iterable[dns.rrset.RRset]) -> Iterator[ResourceRecord]:
    for rrset in section:
        for rdata in rrset:
            yield ResourceRecord(str(rrset.name), type_of(rrset), str(rdata))


def type_of(rrset: dns.rrset.RRset) -> str:
    return dns.rdatatype.to_text(rrset.rdtype)


def _value(rdata: Any) -> str:
    if rdata.rdtype == dns.rdatatype.SRV:
        return f"{rdata.target} {rdata.port}".lower()
    return str(rdata).lower() if rdata.rdtype in (dns.rdatatype.PTR, dns.rdatatype.CNAME) else str(rdata)


def records_of(values: Sequence[str]) -> str:
    """Records as text, the first RECORDS_SHOWN of them."""
    more = [f"and {len(values) - RECORDS_SHOWN} more"] if len(values) > RECORDS_SHOWN else []
    return "{" + ", ".join([*values[:RECORDS_SHOWN], *more]) + "}"
