"""From differences at servers to findings: one for each server that is wrong alone, and one for what all have
wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from headless_conformance.audit.checks import OF_ANSWERS, Check
from headless_conformance.audit.dialogue import BOUND_SECONDS, Dialogue
from headless_conformance.audit.errors import DnsConnectionError, InspectionError, MissingRightError
from headless_conformance.audit.findings import BlamedComponent, Finding, FindingKind
from headless_conformance.audit.plan import Plan
from headless_conformance.audit.server_state import Difference
from headless_conformance.audit.servers import DnsServer
from headless_conformance.audit.targets import AuditTarget
from headless_conformance.core.levels import Level
from headless_conformance.core.mismatch import text_of
from headless_conformance.records import Question
from headless_conformance.records.names import is_reverse
from headless_conformance.results.verdict import Outcome

_SHOWN = 20
LOCAL_PORT = 5300
Seen = TypeVar("Seen")

Explanation = tuple[Finding, Sequence[Difference]]
"""A finding with the differences that it explains."""


def findings_of(
    dialogue: Dialogue, plan: Plan, differences: Sequence[Difference], over: str = ""
) -> list[Explanation]:
    """Everything that the servers do not answer as the zone demands; `over` is ` over UDP` where that is how
    they were asked."""
    asked = [server for server in dialogue.servers if dialogue.reply_count(server)]
    everywhere, alone = _split(differences, asked)
    found: list[Explanation] = []
    if everywhere:
        what = f"{_all(asked)}{over}"
        found.append((_finding(BlamedComponent.ALL_SERVERS, what, everywhere, plan, over), everywhere))
    for server, own in alone.items():
        what = f"DNS server {server}{over}"
        found.append((_finding(BlamedComponent.ONE_SERVER, what, own, plan, over), own))
    return found


def _split(
    differences: Iterable[Difference], asked: Sequence[DnsServer]
) -> tuple[list[Difference], Mapping[DnsServer, list[Difference]]]:
    """What every server has wrong in the same way, and the rest by server."""
    by_question: dict[tuple[Question, str], dict[DnsServer, Difference]] = {}
    for difference in differences:
        by_question.setdefault((difference.question, _nature(difference)), {})[difference.server] = difference
    everywhere: list[Difference] = []
    alone: dict[DnsServer, list[Difference]] = {}
    for by_server in by_question.values():
        if set(asked) <= by_server.keys():
            everywhere.append(next(iter(by_server.values())))
        else:
            for server, difference in by_server.items():
                alone.setdefault(server, []).append(difference)
    return everywhere, alone


def _nature(difference: Difference) -> str:
    """What is wrong, in words that are the same at two servers exactly when their answers are wrong alike."""
    return difference.silence or "\n".join(sorted(str(mismatch) for mismatch in difference.mismatches))


def _all(servers: Sequence[DnsServer]) -> str:
    return "all DNS servers" if len(servers) > 1 else f"DNS server {servers[0]}, the only one"


def _finding(
    component: BlamedComponent, what: str, differences: Sequence[Difference], plan: Plan, over: str
) -> Finding:
    ordered = sorted(differences, key=lambda difference: _order(difference, plan))
    first = ordered[0]
    owners = [owner for difference in ordered for owner in plan.owners(difference.question)]
    stale = max(difference.stale_until for difference in ordered) - time.monotonic()
    is_stale = 0 < stale <= BOUND_SECONDS and all(difference.stale_until for difference in ordered)
    differing = f"{len(ordered)} answers differ" if len(ordered) > 1 else "an answer differs"
    summary = f"{what}: {differing} from what the API demands, first {first.question}"
    if is_stale:
        summary = f"{what}: stale, at most {stale:.0f} s more, first {first.question}"
    levels = {mismatch.level for difference in ordered for mismatch in difference.mismatches}
    must = Level.MUST in levels or any(difference.silence for difference in ordered)
    rules = dict.fromkeys(rule for mismatch in first.mismatches for rule in mismatch.rules)
    check = owners[0][1] if owners else Check.SERVICE_RECORDS
    return Finding(
        component,
        what,
        summary,
        check,
        kind=FindingKind.WRONG_ANSWER,
        facts=_facts(first),
        expected=_lines(first, "expected") or "no such record",
        seen=_seen(first),
        remedy=_remedy(component, first, is_stale=is_stale),
        command=dig(first.server, first.question, "+notcp" if over else "+tcp"),
        outcome=Outcome.NOT_JUDGED if is_stale else Outcome.FAILED,
        level=Level.MUST if must else Level.SHOULD,
        rules=tuple(rules),
        targets=frozenset(target for target, _ in owners),
        consequences=_consequences(ordered[1:]),
        others=frozenset(check for _, check in owners),
    )


def _order(difference: Difference, plan: Plan) -> tuple[int, str]:
    checks = [OF_ANSWERS.index(check) for _, check in plan.owners(difference.question) if check in OF_ANSWERS]
    return min(checks, default=len(OF_ANSWERS)), str(difference.question)


def _lines(difference: Difference, side: str) -> str:
    lines = [str(getattr(mismatch, side)) for mismatch in difference.mismatches if getattr(mismatch, side)]
    more = [f"… and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return "\n".join([*lines[:_SHOWN], *more])


def _seen(difference: Difference) -> str:
    often = f"  ({difference.often})" if difference.often else ""
    return (difference.silence or _lines(difference, "seen") or "no such record") + often


def _facts(difference: Difference) -> Mapping[str, str]:
    """The question, what is missing and what is too much of the answer, and how many answers are so."""
    return {
        "question": str(difference.question),
        "missing": text_of(_values(difference, "expected")),
        "surplus": text_of(_values(difference, "seen")),
        "often": difference.often.removesuffix(" answers"),
    }


def _values(difference: Difference, side: str) -> list[str]:
    """Data of the first records, or the denial, without the question that stands before it anyway."""
    question = difference.question
    values = []
    for mismatch in difference.mismatches[:_SHOWN]:
        line = str(getattr(mismatch, side)).removeprefix("; ")
        for rdtype in ("ANY", question.rdtype):
            line = line.removeprefix(f"{question.name} IN {rdtype} ")
        values += [line] if line else []
    return values


def _consequences(rest: Sequence[Difference]) -> tuple[str, ...]:
    """The other questions, each in one line."""
    lines = []
    for difference in rest[:_SHOWN]:
        if difference.silence:
            lines.append(f"{difference.question}: {difference.silence}")
            continue
        wanted, seen = (
            next(iter(_values(difference, side)), "no such record") for side in ("expected", "seen")
        )
        lines.append(f"{difference.question}: expected {wanted}, seen {seen}")
    return (*lines, *([f"and {len(rest) - _SHOWN} more questions"] if len(rest) > _SHOWN else []))


def _remedy(component: BlamedComponent, first: Difference, *, is_stale: bool) -> str:
    if is_stale:
        return "wait until the server has forgotten the answer, and audit again"
    if component is BlamedComponent.ALL_SERVERS:
        return "see the DNS servers' configuration and log: they agree with each other and not with the API"
    if first.server.pod:
        return (
            f"see the log of this server (kubectl -n {first.server.namespace} logs {first.server.pod}), "
            "then delete its Pod so that it starts anew"
        )
    return "see the log of this server, and start it anew"


def dig(server: DnsServer, question: Question, transport: str = "+tcp") -> str:
    """The command line that asks a server the same question."""
    if not server.pod:
        return f"dig {transport} -p {server.port} @{server.address} {question.name} {question.rdtype}"
    return (
        f"kubectl -n {server.namespace} port-forward pod/{server.pod} {LOCAL_PORT}:{server.port} & sleep 3; "
        f"dig +tcp -p {LOCAL_PORT} @127.0.0.1 {question.name} {question.rdtype}; kill $!"
    )


def ttl_findings(dialogue: Dialogue, plan: Plan) -> list[Finding]:
    """Answers and denials that a cache may keep for longer than 60 s, or nobody says for how long."""
    long: dict[DnsServer, dict[Question, int]] = {}
    for server in dialogue.servers:
        for question in plan.questions:
            reply = dialogue.reply(server, question)
            if reply is None:
                continue
            # Who denies a reverse name may be anybody.
            kept = reply.ttl or 0 if is_reverse(question.name) else reply.kept
            if kept > BOUND_SECONDS:
                long.setdefault(server, {})[question] = kept
    return _by_server(dialogue, long, partial(_long, plan=plan))


def denial_findings(dialogue: Dialogue, plan: Plan, differences: Iterable[Difference]) -> list[Finding]:
    """Denials without the SOA record that says how long they may be kept; of names with a wrong answer
    nothing more is said. Reverse zones are not the cluster's alone: who denies there may be anybody."""
    wrong = {(difference.server, difference.question.name) for difference in differences}
    bare: dict[DnsServer, list[Question]] = {}
    for server in dialogue.servers:
        for question in plan.questions:
            reply = dialogue.reply(server, question)
            if is_reverse(question.name) or (server, question.name) in wrong:
                continue
            if reply is not None and reply.is_bare_denial:
                bare.setdefault(server, []).append(question)
    return _by_server(dialogue, bare, partial(_bare, plan=plan))


def _by_server(
    dialogue: Dialogue,
    found: Mapping[DnsServer, Seen],
    finding: Callable[[BlamedComponent, str, DnsServer, Seen], Finding],
) -> list[Finding]:
    """One finding where every server that answers has what was found, else one about each that has it."""
    asked = [server for server in dialogue.servers if dialogue.reply_count(server)]
    if found and set(asked) <= found.keys():
        first = next(iter(found))
        return [finding(BlamedComponent.ALL_SERVERS, _all(asked), first, found[first])]
    return [
        finding(BlamedComponent.ONE_SERVER, f"DNS server {server}", server, own)
        for server, own in found.items()
    ]


def _bare(
    component: BlamedComponent, what: str, server: DnsServer, own: Sequence[Question], plan: Plan
) -> Finding:
    return Finding(
        component,
        what,
        f"{what}: {len(own)} denials have no SOA record, first {own[0]}",
        Check.TTL,
        kind=FindingKind.DENIAL_WITHOUT_SOA,
        facts={"question": str(own[0])},
        expected="the SOA record of the zone in the authority section of each denial",
        seen=f"a denial of {own[0]} without one",
        remedy="see which plugin of CoreDNS answers these names before `kubernetes` does",
        command=dig(server, own[0]),
        rules=("RFC2308",),
        targets=frozenset(target for question in own for target, _ in plan.owners(question)),
        consequences=("a resolver does not know for how long it may keep the denial",),
    )


def _long(
    component: BlamedComponent, what: str, server: DnsServer, own: Mapping[Question, int], plan: Plan
) -> Finding:
    first = next(iter(own))
    return Finding(
        component,
        what,
        f"{what}: {len(own)} answers may be kept for up to {max(own.values())} s",
        Check.TTL,
        kind=FindingKind.LONG_TTL,
        facts={"question": str(first), "seconds": str(own[first])},
        expected=f"a TTL, and a negative TTL, of {BOUND_SECONDS:.0f} s at the most",
        seen=f"{first} may be kept for {own[first]} s",
        remedy="lower `ttl` of CoreDNS' kubernetes plugin, or the limits of its cache plugin",
        command=dig(server, first),
        level=Level.SHOULD,
        targets=frozenset(target for question in own for target, _ in plan.owners(question)),
        consequences=("a client may use the address of a member that was replaced for that long",),
    )


def server_findings(
    silent: Mapping[DnsServer, InspectionError],
    without_tcp: Sequence[str],
    first: Question,
    targets: frozenset[AuditTarget],
    *,
    everyone: bool = False,
) -> list[Finding]:
    """Servers that could not be asked, or not everything, and DNS Services that offer no TCP; each about all
    the targets for which they were to be asked."""
    found: list[Finding] = []
    for server, problem in silent.items():
        refused = isinstance(problem, DnsConnectionError) and problem.refused and not server.pod
        outcome = Outcome.FAILED if refused else Outcome.ERROR
        found.append(
            Finding(
                BlamedComponent.WAY if everyone else BlamedComponent.ONE_SERVER,
                f"DNS server {server}",
                f"DNS server {server} could not be asked: {problem.reason}",
                Check.DNS_SERVERS,
                kind=FindingKind.NOT_ASKED,
                expected="an answer over TCP",
                seen=problem.reason,
                remedy=_way_remedy(server),
                command=dig(server, first),
                outcome=Outcome.NOT_SUPPORTED if isinstance(problem, MissingRightError) else outcome,
                targets=targets,
            )
        )
    for service in without_tcp:
        namespace, name = service.split("/")
        found.append(
            Finding(
                BlamedComponent.MANIFEST,
                f"Service {service}",
                f"the DNS Service {service} has no TCP port 53",
                Check.DNS_SERVERS,
                kind=FindingKind.NO_TCP_PORT,
                expected="port 53 over UDP and TCP",
                seen="port 53 over UDP only",
                remedy=(
                    "add a port 53 with the protocol TCP: answers that do not fit into a UDP message "
                    "come over it"
                ),
                command=f"kubectl -n {namespace} get service {name} -o jsonpath='{{.spec.ports}}'",
                targets=targets,
            )
        )
    return found


def _way_remedy(server: DnsServer) -> str:
    if not server.pod:
        return "see whether the server runs and listens over TCP"
    return (
        f"see kubectl -n {server.namespace} describe pod {server.pod}, its log, and whether its node answers"
    )
