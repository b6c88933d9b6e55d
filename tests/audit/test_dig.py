"""Output of dig of BIND 9.18.49 (Debian 12), recorded: a server of this machine answered for a healthy set.

Asked was `script` of the audit, word for word. The server left out the answer for db-1 (too long for UDP),
failed for db-2, and said nothing for db-0.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headless_conformance.audit.inside import (
    InsideDifference,
    Way,
    blocks,
    judge_output,
    over_udp,
    says_nothing,
    way_of,
)
from headless_conformance.records import Question, Zone, zone_of
from tests.audit.world import DOMAIN, World

RECORDED = Path(__file__).parent / "dig_9_18_49.txt"
WAY = over_udp("127.0.7.53")
SERVICE = "db-peers.shop.svc.cluster.local."
Output = tuple[Question, Way, str]


@pytest.fixture(scope="module")
def outputs() -> dict[Question, Output]:
    found = [(*way_of(words), body) for words, body in blocks(RECORDED.read_text())]
    return {question: (question, way, body) for question, way, body in found}


def differences(world: World, output: Output) -> Iterator[InsideDifference]:
    zone: Zone = zone_of(world.objects["Service"], world.objects["EndpointSlice"], domain=DOMAIN)
    yield from judge_output(zone, *output)


@pytest.mark.parametrize(
    ("name", "rdtype"),
    [
        (SERVICE, "A"),
        (SERVICE, "AAAA"),
        (f"_data._tcp.{SERVICE}", "SRV"),
        ("1.0.1.10.in-addr.arpa.", "PTR"),
        (f"db-1.{SERVICE}", "A"),
    ],
    ids=["addresses", "no data", "ports", "no such name", "truncated"],
)
def test_an_answer_is_read(world: World, outputs: dict[Question, Output], name: str, rdtype: str) -> None:
    output = outputs[Question(name, rdtype)]
    assert output[1] == WAY
    assert not says_nothing(WAY, output[2])
    assert list(differences(world, output)) == []


def test_a_record_that_is_missing_is_seen(world: World, outputs: dict[Question, Output]) -> None:
    for rdtype, name in (("A", SERVICE), ("SRV", f"_data._tcp.{SERVICE}")):
        question, way, body = outputs[Question(name, rdtype)]
        lines = body.splitlines()
        lines.remove(next(line for line in lines if line.startswith(name) and rdtype in line.split()))
        (found,) = differences(world, (question, way, "\n".join(lines)))
        assert (found.seen, found.is_silence, found.ttl) == ("no such record", False, 30)


def test_a_failure_of_the_server_is_an_answer_and_silence_is_none(
    world: World, outputs: dict[Question, Output]
) -> None:
    failed, silent = (outputs[Question(f"{name}.{SERVICE}", "A")] for name in ("db-2", "db-0"))
    assert "SERVFAIL" in next(differences(world, failed)).seen
    assert not says_nothing(WAY, failed[2])
    (found,) = differences(world, silent)
    assert (found.is_silence, found.seen) == (True, ";; communications error to 127.0.7.53#53: timed out")
    assert says_nothing(WAY, silent[2])
