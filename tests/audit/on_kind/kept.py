"""DNS servers that keep answers: a member that was replaced, and one that comes to exist."""

from __future__ import annotations

import time
from collections.abc import Iterator

from headless_conformance.audit.dialogue import BOUND_SECONDS
from tests.audit.on_kind.cluster import PREFIX, KindTrials, service, sleeper, stateful_set
from tests.audit.on_kind.platforms import Platform, address_of, create_dns, remove_dns

CACHING = Platform(
    "caching",
    f"{PREFIX}caching",
    "caching-dns",
    ("k8s-app", "caching-dns"),
    53,
    ("dns", "dns-tcp"),
    ttl=30,
    more="    cache 30\n    log\n",
)


def kept(kind: KindTrials) -> Iterator[str]:
    """Answers and denials are kept for 30 s: an old one is waited for, and the audit leaves no denial behind
    of a name that may come to exist, unless it is told to."""
    try:
        create_dns(kind, CACHING)
        address = address_of(kind, CACHING.namespace, CACHING.service)
        given = ("--nameserver", address, "--cluster-domain", CACHING.zone)
        namespace = kind.namespace(
            "kept", service("db", {"app": "db"}), stateful_set("db", sleeper(kind.image), 3)
        )
        kind.wait_until_ready(namespace)
        begun = time.monotonic()
        yield from _passes(kind, namespace, "at rest", *given)
        kind.kubectl("-n", namespace, "delete", "pod", "db-1", "--wait=true")
        kind.wait_until_ready(namespace)
        yield from _passes(kind, namespace, "a member replaced", *given)
        if time.monotonic() - begun < CACHING.ttl:
            yield "no server kept the address of the former member"
        if "db-3" in (asked := _members_asked_for(kind, namespace)) or "db-2" not in asked:
            yield f"asked for was {sorted(asked)}"
        kind.kubectl("-n", namespace, "scale", "statefulset", "db", "--replicas=4")
        kind.wait_until_ready(namespace)
        yield from _passes(kind, namespace, "a member more", *given)
        told = kind.audit(f"{namespace}/db", "--ask-absent", *given)
        kind.said(f"  --ask-absent: {told.figures}")
        if told.outcomes["absent-names"] != "passed" or "db-4" not in _members_asked_for(kind, namespace):
            yield f"--ask-absent: {told.outcomes}, {told.reasons}"
        kind.remove(namespace)
    finally:
        remove_dns(kind, CACHING)


def _passes(kind: KindTrials, namespace: str, what: str, *given: str) -> Iterator[str]:
    """Everything but the absent names, which are not asked for, passes within the time that anything may be
    kept."""
    run = kind.audit(f"{namespace}/db", *given)
    kind.said(f"  {what}: {run.figures}; {run.reasons}")
    others = {outcome for check, outcome in run.outcomes.items() if check != "absent-names"}
    if run.status or others != {"passed"} or run.outcomes["absent-names"] != "not_supported":
        yield f"{what}: exit status {run.status}, {run.outcomes}, {run.summaries}, {run.reasons}"
    if run.result["seconds"] > BOUND_SECONDS:
        yield f"{what}: after {run.result['seconds']} s"


def _members_asked_for(kind: KindTrials, namespace: str) -> set[str]:
    """The names below the Service that stand in the servers' logs, as far as they are those of members."""
    words = ("-n", CACHING.namespace, "logs", "-l", f"k8s-app={CACHING.service}", "--tail=-1")
    lines = kind.kubectl(*words).splitlines()
    names = {name.partition(".")[0] for line in lines for name in line.split() if f".db.{namespace}." in name}
    return {name for name in names if name.startswith("db-")}
