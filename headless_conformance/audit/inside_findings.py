"""From what a Pod sees to findings: one for each way in which it asked."""

from __future__ import annotations

from collections.abc import Sequence

from headless_conformance.audit.checks import Check
from headless_conformance.audit.findings import BlamedComponent, Finding, FindingKind
from headless_conformance.audit.inside import LIBRARY, InsideDifference, Way
from headless_conformance.audit.inside_dialogue import InsideDialogue
from headless_conformance.audit.judging import JudgedTarget
from headless_conformance.audit.plan import Plan
from headless_conformance.results.verdict import Outcome


def inside_findings(
    dialogue: InsideDialogue, plan: Plan, judged: Sequence[JudgedTarget], known: Sequence[Finding]
) -> list[Finding]:
    """What a Pod gets otherwise than the DNS servers say when they are asked by
    themselves, by the way it asked."""
    by_way: dict[Way, list[InsideDifference]] = {}
    for difference in dialogue.differences:
        by_way.setdefault(difference.way, []).append(difference)
    found = [_of_way(dialogue, way, differences, plan, known) for way, differences in by_way.items()]
    for one in judged:
        own = [finding for finding in found if one.target in finding.targets]
        for finding in own:
            one.sheet.write(Check.INSIDE, finding.outcome, finding.summary)
        if own:
            continue
        if dialogue.is_looked_at(plan, one.target):
            one.sheet.passed(Check.INSIDE)
        else:
            reason = f"of its names not all ways from inside were asked: {', '.join(dialogue.pod.ways)}"
            one.sheet.write(Check.INSIDE, Outcome.NOT_JUDGED, reason)
    return found


def _of_way(
    dialogue: InsideDialogue,
    way: Way,
    differences: Sequence[InsideDifference],
    plan: Plan,
    known: Sequence[Finding],
) -> Finding:
    first, pod = differences[0], dialogue.pod
    servers = any(
        finding.component in (BlamedComponent.ALL_SERVERS, BlamedComponent.ONE_SERVER) for finding in known
    )
    is_library, is_silent = way == LIBRARY, way in dialogue.silent_ways
    elsewhere = BlamedComponent.RESOLVER if is_library else BlamedComponent.WAY
    tool = (
        f"getent ahosts {first.question.name}"
        if is_library
        else (f"dig +notcp @{way.rpartition(' ')[2]} {first.question.name} {first.question.rdtype}")
    )
    where = f"Pod {pod.namespace}/{pod.name}"
    what = "no answer" if is_silent else f"{len(differences)} wrong answers"
    late = (
        "" if dialogue.waited else f"; old answers may be kept for at most {dialogue.seconds_left:.0f} s more"
    )
    owners = frozenset(target for one in differences for target, _ in plan.owners(one.question))
    return Finding(
        BlamedComponent.ALL_SERVERS if servers else elsewhere,
        where,
        f"{where} gets {what} over {way}, first {first.question}{late}",
        Check.INSIDE,
        kind=FindingKind.WRONG_ANSWER_INSIDE,
        facts={"question": str(first.question)},
        expected=first.expected,
        seen=first.seen,
        remedy=(
            "see the findings about the DNS servers first"
            if servers
            else (
                "see /etc/resolv.conf of the Pod, kube-proxy and NetworkPolicies on its node, and "
                "any cache there"
            )
        ),
        command=f"kubectl -n {pod.namespace} exec {pod.name} -c {pod.container} -- {tool}",
        outcome=Outcome.FAILED if dialogue.waited else Outcome.NOT_JUDGED,
        targets=frozenset(dialogue.targets) if is_silent else owners,
        consequences=tuple(
            f"{one.question}: expected {one.expected}, seen {one.seen}" for one in differences[1:10]
        ),
    )
