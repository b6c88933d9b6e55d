"""The first words with every DNS server: who answers, and who knows the cluster domain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from headless_conformance.audit.asking import Replies, ask
from headless_conformance.audit.dialogue import Connect
from headless_conformance.audit.discovery import DiscoveredServers
from headless_conformance.audit.errors import InspectionError
from headless_conformance.audit.parallel import side_by_side
from headless_conformance.audit.servers import DnsServer
from headless_conformance.records import Question


@dataclass
class Greeting:
    """Who answers."""

    servers: list[DnsServer] = field(default_factory=list)
    """Those that are asked further."""
    silent: dict[DnsServer, InspectionError] = field(default_factory=dict)
    """Those that could not be asked, and why."""
    notes: list[str] = field(default_factory=list)


def first_question(domain: str) -> Question:
    """What every DNS server of a cluster answers, one way or the other."""
    return Question(f"kubernetes.default.svc.{domain}", "A")


def greet(connect: Connect, found: DiscoveredServers, domain: str, until: float) -> Greeting:
    """Ask all servers side by side for names that every cluster has. InspectionError when none of them
    knows the
    domain."""
    questions = [first_question(domain), Question(f"dns-version.{domain}", "TXT")]
    tasks = {server: partial(_ask_one, connect, server, questions, until) for server in found.servers}
    greeting = Greeting()
    knowing: list[DnsServer] = []
    for server, replies in side_by_side(tasks, until).items():
        if isinstance(replies, Exception):
            problem = (
                replies
                if isinstance(replies, InspectionError)
                else InspectionError(f"asking it failed: {replies!r}")
            )
            greeting.silent[server] = problem
        elif replies.problem is not None and not replies.answered:
            greeting.silent[server] = replies.problem
        else:
            greeting.servers.append(server)
            if any(reply.answer.answer for reply in replies.answered.values()):
                knowing.append(server)
    if greeting.servers and not knowing:
        names = " nor ".join(question.name for question in questions)
        raise InspectionError(
            f"no DNS server knows the cluster domain {domain}, neither {names}; see --cluster-domain"
        )
    strangers = [server for server in greeting.servers if server not in knowing]
    if found.behind_a_cache and strangers:
        greeting.servers = knowing
        listed = ", ".join(map(str, strangers))
        greeting.notes.append(f"not asked, since they do not know {domain}: {listed}")
    return greeting


def _ask_one(connect: Connect, server: DnsServer, questions: Sequence[Question], until: float) -> Replies:
    return ask(lambda: connect(server), questions[0], questions, until)
