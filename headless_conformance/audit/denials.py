"""Whether the DNS servers of a cluster keep denials, so that a name that comes to exist stays hidden for a
while once it was asked for."""

from __future__ import annotations

import secrets

from headless_conformance.audit.asking import reply_of
from headless_conformance.audit.dialogue import COUNTDOWN_SECONDS
from headless_conformance.cluster.dns_client import Dns
from headless_conformance.cluster.waiting import consistently
from headless_conformance.core.mismatch import Mismatch, Where
from headless_conformance.records.names import is_reverse


def keeps_denials(dns: Dns, name: str) -> bool:
    """Ask all servers for a name beside this one that nobody will ever have, for as long as a TTL takes to
    count down.

    A cache is configured by zones, and may keep nothing of the cluster domain and everything of the reverse
    zones, as kubeadm's does: so whether a denial is kept is a question about a name. True as soon as one of
    the servers shows that it keeps the denial, or does not tell.
    """
    rdtype = "PTR" if is_reverse(name) else "A"
    never = f"never-{secrets.token_hex(6)}.{name.partition('.')[2]}"
    first: dict[Where, int] = {}

    def check() -> None:
        for answer in dns.ask(never, rdtype):
            ttl = reply_of(answer.message).negative_ttl if answer.message else None
            answer.require(ttl is not None and first.setdefault(answer.where, ttl) == ttl, "a new denial")

    try:
        consistently(check, expecting="every denial to be a new one", during=COUNTDOWN_SECONDS)
    except Mismatch:
        return True
    return False
