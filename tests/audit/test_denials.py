"""Whether DNS servers keep denials is seen by a TTL that counts down; what cannot be told counts as kept."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator
from typing import Any

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from headless_conformance.audit import denials
from headless_conformance.audit.denials import keeps_denials
from headless_conformance.cluster.agent_program import ID_BYTES
from headless_conformance.cluster.dns_answer import Server
from headless_conformance.cluster.dns_client import Dns


class Denying:
    """Two servers that deny everything, with the TTLs that follow one another at each of them."""

    def __init__(self, **ttls: Iterator[int | None]) -> None:
        self._ttls = ttls
        self.asked: set[tuple[str, str]] = set()

    def do(self, jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            {"answers": [[[self._denied(job, body), 1]] for body in job["questions"]], "problems": [[]]}
            for job in jobs
        ]

    def _denied(self, job: dict[str, Any], body: str) -> str:
        query = dns.message.from_wire(bytes(ID_BYTES) + base64.b64decode(body))
        self.asked.add((str(query.question[0].name), dns.rdatatype.to_text(query.question[0].rdtype)))
        response = dns.message.make_response(query)
        response.set_rcode(dns.rcode.NXDOMAIN)
        ttl = next(self._ttls[job["server"]])
        if ttl is not None:
            soa = "ns.dns. hostmaster. 1 7200 1800 86400 30"
            response.authority.append(dns.rrset.from_text("cluster.local.", ttl, "IN", "SOA", soa))
        return base64.b64encode(response.to_wire()[ID_BYTES:]).decode()


@pytest.mark.parametrize(
    ("second", "kept"),
    [
        (itertools.repeat(30), False),
        (itertools.chain([30, 30], itertools.repeat(29)), True),
        (itertools.repeat(None), True),
    ],
    ids=["new each time", "counts down", "does not tell"],
)
def test_one_server_that_keeps_a_denial_is_enough(
    second: Iterator[int | None], monkeypatch: pytest.MonkeyPatch, *, kept: bool
) -> None:
    monkeypatch.setattr(denials, "COUNTDOWN_SECONDS", 0.3)
    asker = Denying(one=itertools.repeat(30), two=second)
    dns_servers = Dns(asker, (Server("one", "one"), Server("two", "two")))
    assert keeps_denials(dns_servers, "db-3.db-peers.shop.svc.cluster.local.") is kept


@pytest.mark.parametrize(
    ("name", "beside", "rdtype"),
    [
        ("db-3.db-peers.shop.svc.cluster.local.", ".db-peers.shop.svc.cluster.local.", "A"),
        ("9.2.1.10.in-addr.arpa.", ".2.1.10.in-addr.arpa.", "PTR"),
    ],
)
def test_asked_is_a_name_beside_that_nobody_has(
    name: str, beside: str, rdtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(denials, "COUNTDOWN_SECONDS", 0.1)
    asker = Denying(one=itertools.repeat(30))
    assert not keeps_denials(Dns(asker, (Server("one", "one"),)), name)
    ((asked, asked_type),) = asker.asked
    assert asked.startswith("never-")
    assert asked.removeprefix(asked.partition(".")[0]) == beside
    assert asked_type == rdtype
