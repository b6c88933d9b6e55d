"""From what a Pod sees to findings: one for each way in which it asked."""

from __future__ import annotations

from collections.abc import Sequence

from headless_conformance.audit.checks import Check
from headless_conformance.audit.findings import BlamedComponent, Finding
from headless_conformance.audit.inside import LIBRARY, InsideDifference, InsideView
from headless_conformance.audit.judging import JudgedTarget
from headless_conformance.audit.plan import Plan


def inside_findings(
    view: InsideView, plan: Plan, judged: Sequence[JudgedTarget], known: Sequence[Finding]
) -> list[Finding]:
    """What a Pod gets otherwise than the DNS servers say when they are asked by
    themselves, by the way it asked."""
    by_way: dict[str, list[InsideDifference]] = {}
    for difference in view.differences:
        by_way.setdefault(difference.way, []).append(difference)
    found = [_of_way(view, way, differences, plan, known) for way, differences in by_way.items()]
    for one in judged:
        own = next((finding for finding in found if one.target in finding.targets), None)
        if own is not None:
            one.sheet.write(Check.INSIDE, own.outcome, own.summary)
        elif view.asked:
            one.sheet.passed(Check.INSIDE)
    return found


def _of_way(
    view: InsideView,
    way: str,
    differences: Sequence[InsideDifference],
    plan: Plan,
    known: Sequence[Finding],
) -> Finding:
    first = differences[0]
    servers = any(
        finding.component in (BlamedComponent.ALL_SERVERS, BlamedComponent.ONE_SERVER) for finding in known
    )
    is_library = way == LIBRARY
    elsewhere = BlamedComponent.RESOLVER if is_library else BlamedComponent.WAY
    tool = (
        f"getent ahosts {first.question.name}"
        if is_library
        else (f"dig +notcp @{way.rpartition(' ')[2]} {first.question.name} {first.question.rdtype}")
    )
    namespace, pod = view.pod.split("/")
    return Finding(
        BlamedComponent.ALL_SERVERS if servers else elsewhere,
        f"Pod {view.pod}",
        f"Pod {view.pod} gets {len(differences)} wrong answers over {way}, first {first.question}",
        Check.INSIDE,
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
        command=f"kubectl -n {namespace} exec {pod} -- {tool}",
        targets=frozenset(target for one in differences for target, _ in plan.owners(one.question)),
        consequences=tuple(
            f"{one.question}: expected {one.expected}, seen {one.seen}" for one in differences[1:10]
        ),
    )
