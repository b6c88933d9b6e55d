"""What an answer of a DNS server must be: exact sets of records, NXDOMAIN and NODATA.

An answer that is cut over UDP has a part of the set; the whole is demanded of the one over TCP.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import dns.name

from headless_conformance.cluster.dns_answer import RECORDS_SHOWN, Answer, Transport, records_of, type_of
from headless_conformance.core.mismatch import items_of

AnswerCheck = Callable[[Answer], None]
"""Raises a Mismatch when one answer is not as it must be."""

SMALLEST_LIMIT = 512
"""Bytes of an answer over UDP that no server may cut (RFC 1035, 4.2.1)."""


def must_be(expected: Iterable[str]) -> AnswerCheck:
    """NOERROR, and exactly these records of the type asked for, owned by the name asked for, each once."""
    wanted = sorted(expected)

    def check(answer: Answer) -> None:
        asked = dns.name.from_text(answer.name)
        owned = all(rrset.name == asked for rrset in answer.rrsets())
        if answer.rcode != "NOERROR" or not _holds(answer, answer.values(), wanted) or not owned:
            raise answer.mismatch(*_difference(wanted, answer))

    return check


def must_be_srv(targets: Mapping[str, str], port: int) -> AnswerCheck:
    """Exactly one SRV record for each target, with this port; in the additional section, each target's
    address.

    A server may leave that section out (RFC 2782).
    """
    records = [f"{target} {port}" for target in targets]
    right = must_be(records)

    def check(answer: Answer) -> None:
        right(answer)
        sections = answer.rrsets("additional")
        found = [(str(rrset.name).lower(), str(rdata)) for rrset in sections for rdata in rrset]
        if found and not _holds(answer, found, targets.items()):
            expected = f"{items_of(records)} with additional {items_of(targets.items())}"
            raise answer.mismatch(expected, f"{answer.summary()} with additional {items_of(found)}")

    return check


def must_include(value: str) -> AnswerCheck:
    """NOERROR, and this is among the records, or may be among those that were cut off:
    every Service that selects a Pod gives its address one more name."""

    def check(answer: Answer) -> None:
        included = answer.cut or value in answer.values()
        answer.require(answer.rcode == "NOERROR" and included, f"at least {{{value}}}")

    return check


def must_be_nxdomain(answer: Answer) -> None:
    """NXDOMAIN and no record."""
    answer.require(answer.rcode == "NXDOMAIN" and not answer.rrsets(), "NXDOMAIN")


def must_be_nodata(answer: Answer) -> None:
    """The name exists, has no record of the type asked for,
    and one SOA record says for how long (RFC 2308, NODATA)."""
    answer.require(answer.rcode == "NOERROR" and not answer.rrsets(), "NODATA")
    require_soa(answer, [type_of(rrset) for rrset in answer.rrsets("authority")] == ["SOA"])


def require_soa(answer: Answer, holds: bool) -> None:
    """A negative answer has the one SOA record that limits for how long it may be kept (RFC 2308)."""
    if not holds:
        raise answer.mismatch(f"{answer.summary()} with SOA", f"{answer.summary()} without SOA")


def require_cut_for_length(answers: Sequence[Answer]) -> None:
    """No answer over UDP is cut whose whole, as the server gives it over TCP, any UDP message can hold."""
    whole = {
        (answer.name, answer.rdtype, answer.server): answer
        for answer in answers
        if answer.transport is Transport.TCP and answer.message is not None
    }
    for answer in answers:
        other = whole.get((answer.name, answer.rdtype, answer.server))
        if answer.cut and other is not None and other.size <= SMALLEST_LIMIT:
            raise answer.mismatch(other.summary(), f"{answer.summary()} with flag TC")


def _holds(answer: Answer, found: Iterable[object], wanted: Iterable[object]) -> bool:
    """Whether an answer has exactly what it must have; one that is cut, nothing else."""
    seen, demanded = Counter(found), Counter(wanted)
    return seen <= demanded if answer.cut else seen == demanded


def _difference(wanted: Sequence[str], answer: Answer) -> tuple[str, str]:
    """What was expected and what came; for more than RECORDS_SHOWN records, what the two do not share."""
    if len(wanted) <= RECORDS_SHOWN:
        return records_of(wanted), answer.summary()
    expected, came = Counter(wanted), Counter(answer.values())
    missing, additional = sorted((expected - came).elements()), sorted((came - expected).elements())
    difference = f"{came.total()} records: missing {records_of(missing)}, additional {records_of(additional)}"
    return f"{len(wanted)} records", difference if came else answer.summary()
