"""What one DNS server said, and where that differs from what it must say."""

from __future__ import annotations

from dataclasses import dataclass, field

from headless_conformance.audit.asking import Replies, Reply
from headless_conformance.audit.servers import DnsServer
from headless_conformance.records import Question, RecordDifference


@dataclass(frozen=True)
class Difference:
    """One question that one server answers wrong, or not at all."""

    server: DnsServer
    question: Question
    mismatches: tuple[RecordDifference, ...]
    reply: Reply | None = None
    silence: str = ""
    """Why there is no answer."""
    stale_until: float = 0.0
    """Monotonic time until which the server keeps this answer, where its TTL was seen to count down."""
    often: str = ""
    """Which part of the answers is wrong, such as "3 of 30 answers"; empty when all are."""


@dataclass
class ServerState:
    """What is known of one server."""

    replies: Replies = field(default_factory=Replies)
    keeps_denials: dict[Question, bool] = field(default_factory=dict)
    """Whether it keeps the denial of a name that nobody will ever have, where that was found out."""
    history: dict[Question, tuple[Reply, float]] = field(default_factory=dict)
    """Wrong answers, each with the time (monotonic) until which it is kept; 0 where no TTL was seen to count
    down."""
