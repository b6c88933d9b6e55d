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
from headless_conformance.audit.plan import Plan
from headless_conformance.audit.servers import DnsServer
from headless_conformance.records import Question

BROKEN = frozenset({"SERVFAIL", "REFUSED"})
"""What a server says that can, or will, look nothing up."""


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


def greet(
    connect: Connect, found: DiscoveredServers, domain: str, plan: Plan, until: float, *, given: bool
) -> Greeting:
    """Ask all servers side by side for names that every cluster has. `given` is whether the domain, or the
    servers, are what the person says, and not what the cluster's Pods are told.

    Raises InspectionError when none of them knows the domain and that need not be their fault: the domain may
    be another, or the servers those of somebody else.
    """
    questions = [first_question(domain), Question(f"dns-version.{domain}", "TXT")]
    # What a server answers whatever the domain is.
    reverse = next((question for question in plan.always if question.rdtype == "PTR"), None)
    asked = [*questions, *([reverse] if reverse else [])]
    tasks = {server: partial(_ask_one, connect, server, asked, until) for server in found.servers}
    greeting = Greeting()
    knowing: list[DnsServer] = []
    rcodes: set[str] = set()
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
            rcodes |= {reply.answer.rcode for reply in replies.answered.values()}
            if any(replies.answered[q].answer.answer for q in questions if q in replies.answered):
                knowing.append(server)
    at_fault = not given or (reverse is not None and rcodes <= BROKEN)
    if greeting.servers and not knowing and (found.caches or not at_fault):
        names = " nor ".join(question.name for question in questions)
        raise InspectionError(
            f"no DNS server knows the cluster domain {domain}, neither {names}; see --cluster-domain"
        )
    strangers = [server for server in greeting.servers if server not in knowing]
    if found.caches and strangers:
        greeting.servers = knowing
        listed = ", ".join(map(str, strangers))
        greeting.notes.append(f"not asked, since they do not know {domain}: {listed}")
    return greeting


def _ask_one(connect: Connect, server: DnsServer, questions: Sequence[Question], until: float) -> Replies:
    return ask(lambda: connect(server), questions[0], questions, until)
