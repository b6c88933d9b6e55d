"""From answers to the outcomes of each target's checks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from headless_conformance.audit.blame import Explanation, dig
from headless_conformance.audit.checks import OF_DNS, Check
from headless_conformance.audit.dialogue import Dialogue
from headless_conformance.audit.findings import (
    BlamedComponent,
    Finding,
    FindingKind,
    Note,
    NoteKind,
    TargetResult,
    of_target,
)
from headless_conformance.audit.judging import JudgedTarget
from headless_conformance.audit.plan import Plan
from headless_conformance.results.verdict import Outcome

_KEPT = (
    "DNS servers keep denials, so that asking for a name that does not exist could hide a later member; "
    "see --ask-absent"
)


def write_dns_outcomes(
    judged: JudgedTarget,
    dialogue: Dialogue,
    plan: Plan,
    blamed: Sequence[Explanation],
    long: Sequence[Finding],
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
    _write_unanswered(judged, dialogue, plan)


def _write_unanswered(judged: JudgedTarget, dialogue: Dialogue, plan: Plan) -> None:
    """What no server was asked, because asking ended before its time."""
    open_by_check: dict[Check, int] = {}
    for question, known in (*plan.always.items(), *plan.never.items()):
        if not any(dialogue.reply(server, question) for server in dialogue.servers):
            for check in {check for owner, check in known if owner == judged.target}:
                open_by_check[check] = open_by_check.get(check, 0) + 1
    for check, number in open_by_check.items():
        judged.sheet.write(check, Outcome.ERROR, f"{number} questions have no answer of any DNS server")


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
    withheld = {
        server: [q for q in own if dialogue.withholds(plan, server, q)] for server in dialogue.servers
    }
    keeping = [server for server, questions in withheld.items() if questions]
    if keeping:
        names = f"{len(withheld[keeping[0]])} of {len(own)} questions, first {withheld[keeping[0]][0]}"
        where = "" if len(keeping) == len(dialogue.servers) else f", at {', '.join(map(str, keeping))}"
        sheet.write(Check.ABSENT_NAMES, Outcome.NOT_SUPPORTED, f"{_KEPT} (not asked: {names}{where})")
        return
    unasked = [q for q in own if not any(dialogue.reply(server, q) for server in dialogue.servers)]
    if unasked:
        what = f"{len(unasked)} of {len(own)} questions, first {unasked[0]}"
        sheet.write(Check.ABSENT_NAMES, Outcome.NOT_JUDGED, f"no DNS server was asked for {what}")


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
                    kind=FindingKind.KNOWN_DEVIATION,
                    facts={"deviation": known.id},
                    expected=known.specification,
                    seen=f"{known.coredns} ({question})",
                    remedy="none is needed where no client relies on it",
                    command=dig(next(iter(servers)), question),
                    outcome=Outcome.KNOWN_DEVIATION,
                    rules=known.rules,
                    targets=frozenset((judged.target,)),
                )


def target_results(
    judged: Iterable[JudgedTarget], findings: Sequence[Finding], reason: str
) -> list[TargetResult]:
    """The sheets as far as they got, completed; `reason` is why the rest was not judged."""
    of_servers = [found for found in findings if found.check is Check.DNS_SERVERS]
    results = []
    for one in judged:
        sheet = one.sheet
        for finding in of_target(of_servers, one.target):
            sheet.write(finding.check, finding.outcome, finding.summary, finding.level)
        sheet.complete(reason)
        notes = (
            *(
                Note(NoteKind.MEMBER_NOT_JUDGED, member.partition(" ")[0], f"not judged: {member}")
                for member in one.state.unready
            ),
            *sheet.notes,
        )
        results.append(TargetResult(one.target, one.state.text, sheet.results(), notes, one.is_idle))
    return results


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
