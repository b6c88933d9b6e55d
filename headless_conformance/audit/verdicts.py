"""From answers to the outcomes of each target's checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from headless_conformance.audit.blame import Explanation, dig
from headless_conformance.audit.checks import OF_DNS, Check
from headless_conformance.audit.dialogue import Dialogue
from headless_conformance.audit.errors import InspectionError, MissingRightError
from headless_conformance.audit.findings import BlamedComponent, Finding
from headless_conformance.audit.judging import JudgedTarget
from headless_conformance.audit.plan import Plan
from headless_conformance.audit.servers import DnsServer
from headless_conformance.results.verdict import Outcome

KEPT = (
    "DNS servers keep denials, so that asking for a name that does not exist could hide a later member; "
    "see --ask-absent"
)


def write_dns_outcomes(
    judged: JudgedTarget,
    dialogue: Dialogue,
    plan: Plan,
    blamed: Sequence[Explanation],
    long: Sequence[Finding],
    silent: Mapping[DnsServer, InspectionError],
) -> None:
    """Every check for which DNS servers were asked, with what they said about this target."""
    sheet, target = judged.sheet, judged.target
    for finding, differences in blamed:
        for difference in differences:
            for owner, check in plan.owners(difference.question):
                if owner == target:
                    sheet.write(check, finding.outcome, finding.summary, finding.level)
    for finding in long:
        if target in finding.targets:
            sheet.write(Check.TTL, finding.outcome, finding.summary, finding.level)
    for finding in _deviations(judged, dialogue, plan):
        sheet.deviations.append(finding)
        sheet.write(finding.check, finding.outcome, finding.summary)
    _write_truncated(judged, dialogue, plan)
    counts = _counts(judged, dialogue, plan)
    for check in OF_DNS:
        if counts.get(check):
            sheet.passed(check)
        elif check in (Check.SRV_RECORDS, Check.POINTER_RECORDS, Check.MEMBER_RECORDS) and not _is_asked(
            judged, plan, check
        ):
            _nothing_to_ask(judged, check)
    _write_absent(judged, dialogue, plan)
    for server, problem in silent.items():
        outcome = Outcome.NOT_SUPPORTED if isinstance(problem, MissingRightError) else Outcome.ERROR
        sheet.write(Check.DNS_SERVERS, outcome, f"DNS server {server} could not be asked: {problem.reason}")


def _write_truncated(judged: JudgedTarget, dialogue: Dialogue, plan: Plan) -> None:
    """Of an answer that does not fit into a DNS message, what is missing says nothing."""
    for question, known in plan.always.items():
        checks = [check for owner, check in known if owner == judged.target]
        demanded = len(plan.zone.expectation(question).records) if checks else 0
        for server in dialogue.servers if checks else ():
            reply = dialogue.reply(server, question)
            if reply is not None and reply.answer.truncated and len(reply.answer.answer) < demanded:
                reason = (
                    f"{len(reply.answer.answer)} of {demanded} records of {question} fit into an answer; "
                    "the others were not looked at"
                )
                for check in checks:
                    judged.sheet.write(check, Outcome.NOT_JUDGED, reason)


def _counts(judged: JudgedTarget, dialogue: Dialogue, plan: Plan) -> dict[Check, int]:
    """How many answers there are for each check; each counts for the TTL too."""
    counts: dict[Check, int] = {}
    for owners in (plan.always, plan.never, plan.absent):
        for question, known in owners.items():
            checks = [check for owner, check in known if owner == judged.target]
            answers = (
                sum(dialogue.reply(server, question) is not None for server in dialogue.servers)
                if checks
                else 0
            )
            for check in checks:
                counts[check] = counts.get(check, 0) + answers
                counts[Check.TTL] = counts.get(Check.TTL, 0) + answers
                counts[Check.DNS_SERVERS] = counts.get(Check.DNS_SERVERS, 0) + answers
    return counts


def _is_asked(judged: JudgedTarget, plan: Plan, check: Check) -> bool:
    return any((judged.target, check) in known for known in plan.always.values())


def _nothing_to_ask(judged: JudgedTarget, check: Check) -> None:
    """A Service without named ports has no SRV records, one without hostnames no members' names."""
    if check not in judged.sheet.outcomes:
        judged.sheet.leave_out(check)


def _write_absent(judged: JudgedTarget, dialogue: Dialogue, plan: Plan) -> None:
    sheet = judged.sheet
    own = [q for q, known in plan.absent.items() if any(owner == judged.target for owner, _ in known)]
    if not own:
        if not judged.state.settled:
            sheet.write(Check.ABSENT_NAMES, Outcome.NOT_JUDGED, f"waits for {judged.state.waits_for}")
        elif Check.ABSENT_NAMES not in sheet.outcomes:
            sheet.leave_out(Check.ABSENT_NAMES)
        return
    keeping = [server for server in dialogue.servers if dialogue.states[server].keeps_denials]
    if keeping and not dialogue.ask_absent:
        where = "" if len(keeping) == len(dialogue.servers) else f" ({', '.join(map(str, keeping))})"
        sheet.write(Check.ABSENT_NAMES, Outcome.NOT_SUPPORTED, f"{KEPT}{where}")
    elif not any(dialogue.reply(server, question) for server in dialogue.servers for question in own):
        sheet.write(Check.ABSENT_NAMES, Outcome.NOT_JUDGED, "no DNS server was asked for them")


def _deviations(judged: JudgedTarget, dialogue: Dialogue, plan: Plan) -> Iterable[Finding]:
    """Where CoreDNS is known to differ from the specification."""
    for (known, question), servers in dialogue.deviations.items():
        for owner, check in plan.owners(question):
            if owner == judged.target:
                yield Finding(
                    BlamedComponent.ALL_SERVERS
                    if servers == set(dialogue.servers)
                    else BlamedComponent.ONE_SERVER,
                    "CoreDNS",
                    f"CoreDNS is known to differ from the specification here: {known.id}",
                    check,
                    expected=known.specification,
                    seen=f"{known.coredns} ({question})",
                    remedy="none is needed where no client relies on it",
                    command=dig(next(iter(servers)), question),
                    outcome=Outcome.KNOWN_DEVIATION,
                    rules=known.rules,
                    targets=frozenset((judged.target,)),
                )


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """Findings that say the same of several targets become one; in the order in which outputs are made,
    failed ones first."""
    found: dict[tuple[object, ...], Finding] = {}
    for finding in findings:
        key = (finding.component, finding.what, finding.summary, finding.outcome)
        known = found.get(key)
        found[key] = replace(known, targets=known.targets | finding.targets) if known else finding
    outcomes, components = list(Outcome), list(BlamedComponent)
    return sorted(
        found.values(),
        key=lambda finding: (
            outcomes.index(finding.outcome),
            components.index(finding.component),
            finding.what,
        ),
    )
