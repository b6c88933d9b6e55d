"""Asking DNS servers and comparing what they say with exact sets. The wire format is read here, never in the pod that asks."""

from __future__ import annotations

import base64
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import Any, ClassVar, Protocol

import allure
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.reversename
import dns.rrset

from headless_conformance.cluster import agent_program
from headless_conformance.cluster.agent import JOB_SECONDS
from headless_conformance.cluster.waiting import AT_REST_TIMEOUT, SUCCESSES_IN_A_ROW, Unobserved, eventually

PORT = 53
WORKERS = 16
"""Questions that the host asks side by side, so that silent servers do not add up."""
REPEATS = 20
"""How many answers of each server over each transport must be right where a name is said to have one set of records."""
ROUNDS = 3
"""How often lost questions are asked again then: a lost packet breaks no promise, a server that falls silent does."""
UDP_BYTES = 1232
"""Largest answer that a question offers to take over UDP (RFC 6891), so that long names do not cut it."""
ID_BYTES = 2
"""A message begins with its ID (RFC 1035, 4.1.1)."""
READ_ONCE = 256
"""How many answers are remembered as they were read."""
SHOWN = 10
"""How many records of a set a message lists."""


class Transport(StrEnum):
    UDP = "udp"
    TCP = "tcp"


@dataclass(frozen=True)
class Server:
    """One DNS server as reachable from where questions are asked."""

    name: str
    address: str
    port: int = PORT

    def __str__(self) -> str:
        return f"{self.name} ({self.address}:{self.port})"


def on_this_host(addresses: Sequence[tuple[str, int]]) -> tuple[Server, ...]:
    """DNS servers that the host itself reaches, numbered from 1 as their logs and configurations are."""
    return tuple(Server(f"CoreDNS {number}", *where) for number, where in enumerate(addresses, start=1))


@dataclass(frozen=True)
class Answer:
    """What one server said over one transport; `message` is None when it said nothing, or nothing that can be read."""

    name: str
    rdtype: str
    server: Server
    transport: Transport
    message: dns.message.Message | None
    problem: str = ""
    lost: bool = False
    """Nothing came at all."""

    @property
    def rcode(self) -> str:
        return dns.rcode.to_text(self.message.rcode()) if self.message else f"no answer ({self.problem})"

    def rrsets(self, section: str = "answer") -> list[dns.rrset.RRset]:
        return list(getattr(self.message, section)) if self.message else []

    def values(self) -> list[str]:
        """Every record of the type asked for, as a person writes it; SRV without priority and weight, which nothing promises."""
        return sorted(_value(rdata) for rrset in self._of_type() for rdata in rrset)

    def _of_type(self) -> list[dns.rrset.RRset]:
        return [rrset for rrset in self.rrsets() if dns.rdatatype.to_text(rrset.rdtype) == self.rdtype]

    def __str__(self) -> str:
        head = f"{self.name} {self.rdtype} at {self.server} over {self.transport}: {self.rcode}"
        if self.message is None:
            return head
        flags = dns.flags.to_text(self.message.flags)
        lines = [f"{head}, flags {flags}"]
        for section in ("answer", "authority", "additional"):
            lines += [
                f"  {section}: {line}"
                for rrset in self.rrsets(section)
                for line in rrset.to_text().splitlines()
            ]
        return "\n".join(lines)


def _value(rdata: Any) -> str:
    return f"{rdata.target} {rdata.port}" if rdata.rdtype == dns.rdatatype.SRV else str(rdata)


class Asker(Protocol):
    """Carries DNS messages to servers: jobs as the agent's `relay` takes them."""

    def do(self, jobs: list[dict[str, Any]]) -> list[dict[str, Any]]: ...


class HostAsker:
    """Asks from this process, for clusters whose DNS servers the host can reach."""

    pool: ClassVar = ThreadPoolExecutor(max_workers=WORKERS)

    def do(self, jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return list(self.pool.map(agent_program.result_of, jobs))


Check = Callable[[Answer], None]
"""Raises AssertionError when one answer is not as it must be."""


def must_be(expected: Iterable[str]) -> Check:
    """NOERROR, and exactly these records of the type asked for, owned by the name asked for, each once."""
    wanted = sorted(expected)

    def check(answer: Answer) -> None:
        asked = dns.name.from_text(answer.name)
        foreign = [str(rrset.name) for rrset in answer.rrsets() if rrset.name != asked]
        assert answer.rcode == "NOERROR", f"expected {_shown(wanted)}, came {answer}"
        assert answer.values() == wanted, _difference(wanted, answer)
        assert not foreign, f"expected records of {answer.name} only, came {answer}"

    return check


def must_be_srv(targets: Mapping[str, str], port: int) -> Check:
    """Exactly one SRV record for each target, with this port; what is in the additional section is each target's address.

    A server may leave that section out (RFC 2782).
    """
    records = must_be(f"{target} {port}" for target in targets)

    def check(answer: Answer) -> None:
        records(answer)
        additional = sorted(
            (str(rrset.name), str(rdata)) for rrset in answer.rrsets("additional") for rdata in rrset
        )
        assert not additional or additional == sorted(targets.items()), (
            f"expected each target's address in addition, {targets}, came {answer}"
        )

    return check


def must_include(value: str) -> Check:
    """NOERROR, and this is among the records: every Service that selects a pod gives its address one more name."""

    def check(answer: Answer) -> None:
        assert answer.rcode == "NOERROR", f"expected {value}, came {answer}"
        assert value in answer.values(), f"expected {value}, came {answer}"

    return check


def must_not_exist(answer: Answer) -> None:
    """NXDOMAIN and no record."""
    assert answer.rcode == "NXDOMAIN", f"expected NXDOMAIN, came {answer}"
    assert not answer.rrsets(), f"expected no record, came {answer}"


def must_have_no_data(answer: Answer) -> None:
    """The name exists, has no record of the type asked for, and one SOA record says for how long (RFC 2308, NODATA)."""
    assert answer.rcode == "NOERROR", f"expected NOERROR without records, came {answer}"
    assert not answer.rrsets(), f"expected NOERROR without records, came {answer}"
    types = [rrset.rdtype for rrset in answer.rrsets("authority")]
    assert types == [dns.rdatatype.SOA], f"expected one SOA record in the authority section, came {answer}"


def _difference(wanted: Sequence[str], answer: Answer) -> str:
    """What was expected and what came; for more than SHOWN records, what the two do not share."""
    if len(wanted) <= SHOWN:
        return f"expected {_shown(wanted)}, came {answer}"
    expected, came = Counter(wanted), Counter(answer.values())
    missing, additional = sorted((expected - came).elements()), sorted((came - expected).elements())
    head = str(answer).partition("\n")[0]
    return (
        f"expected {len(wanted)} records, came {came.total()}: "
        f"missing {_shown(missing)}, not expected or more than once {_shown(additional)}: {head}"
    )


def _shown(values: Sequence[str]) -> str:
    more = [f"and {len(values) - SHOWN} more"] if len(values) > SHOWN else []
    return "{" + ", ".join([*values[:SHOWN], *more]) + "}"


def reverse_name(address: str) -> str:
    """The name that PTR records of an address are kept under."""
    return str(dns.reversename.from_address(address))


@dataclass(frozen=True)
class Observation:
    """The answers that passed, and since when (monotonic seconds) all of them did."""

    answers: list[Answer]
    right_since: float


@dataclass(frozen=True)
class Dns:
    """Every server that answers for a cluster: each replica by itself, and the DNS Service's address where pods can ask it."""

    asker: Asker
    servers: tuple[Server, ...]
    is_there: Callable[[Server], bool] = lambda server: True
    """Whether a server that was silent is still one to be asked: the silence of a replica that is gone breaks no promise."""
    at_rest_timeout: Callable[[str], float] = lambda name: AT_REST_TIMEOUT
    """Seconds to wait where none are said, for a name that is at rest."""

    def ask(self, name: str, rdtype: str, repeat: int = 1) -> list[Answer]:
        """Answers of every server over UDP and TCP, `repeat` of each; every question is a message with an ID of its own."""
        return self._put(
            name, rdtype, [(server, transport) for server in self.servers for transport in Transport] * repeat
        )

    def _put(self, name: str, rdtype: str, asked: Sequence[tuple[Server, Transport]]) -> list[Answer]:
        query = dns.message.make_query(dns.name.from_text(name), rdtype, use_edns=0, payload=UDP_BYTES, id=0)
        body = query.to_wire()[ID_BYTES:]
        ids = [secrets.token_bytes(ID_BYTES) for _ in asked]
        jobs = [
            {
                "do": "relay",
                "wire": base64.b64encode(own + body).decode(),
                "server": server.address,
                "port": server.port,
                "transport": transport.value,
                "timeout": JOB_SECONDS,
            }
            for own, (server, transport) in zip(ids, asked, strict=True)
        ]
        results = self.asker.do(jobs)
        return [
            _answer(query, own, Answer(name, rdtype, server, transport, None), result)
            for own, (server, transport), result in zip(ids, asked, results, strict=True)
        ]

    def require(
        self, name: str, rdtype: str, check: Check, *, within: float | None = None, repeat: int = 1
    ) -> Observation:
        """Wait until every server passes `check` over UDP and TCP; AssertionError names server, transport and answer.

        From then on no wrong answer is forgiven: with `repeat`, so many more of each server over each transport must come and
        pass. Raises Unobserved when a server is silent because it is no longer there.
        """
        last: list[Answer] = []
        often: list[Answer] = []
        right_since: float | None = None
        bound = self.at_rest_timeout(name) if within is None else within

        def look() -> Observation:
            nonlocal right_since
            last[:] = self.ask(name, rdtype)
            asked = time.monotonic()
            try:
                for answer in last:
                    check(answer)
            except AssertionError:
                right_since = None
                raise
            right_since = right_since or asked
            return Observation(list(last), right_since)

        with allure.step(f"ask {name} {rdtype} at {len(self.servers)} servers over UDP and TCP"):
            try:
                seen = eventually(
                    look, expecting=f"{name} {rdtype} to be right at every DNS server", within=bound
                )
                if repeat > 1:
                    often += self._ask_often(name, rdtype, repeat)
                    _must_stay_right(name, rdtype, check, often)
                return seen
            except AssertionError:
                lost = {answer.server for answer in [*last, *often] if answer.lost}
                if gone := [
                    server for server in self.servers if server in lost and not self.is_there(server)
                ]:
                    raise Unobserved(f"{gone[0]} went away while it was asked for {name} {rdtype}") from None
                raise
            finally:
                allure.attach(
                    "\n".join(map(str, last)),
                    name=f"{name} {rdtype}",
                    attachment_type=allure.attachment_type.TEXT,
                )

    def require_absent(self, name: str, *, within: float | None = None, repeat: int = 1) -> None:
        """Wait until no DNS server knows a name, whichever address family is asked for."""
        for rdtype in ("A", "AAAA"):
            self.require(name, rdtype, must_not_exist, within=within, repeat=repeat)

    def _ask_often(self, name: str, rdtype: str, times: int) -> list[Answer]:
        """That many answers of each server over each transport; what stays lost, though others came when asked again, too."""
        answers = self.ask(name, rdtype, times)
        for _ in range(ROUNDS):
            if not (lost := [answer for answer in answers if answer.lost]):
                break
            again = self._put(name, rdtype, [(answer.server, answer.transport) for answer in lost])
            answers = [answer for answer in answers if not answer.lost] + again
            if all(answer.lost for answer in again):
                break
        return answers


def _must_stay_right(name: str, rdtype: str, check: Check, answers: Sequence[Answer]) -> None:
    for number, answer in enumerate(answers, start=1):
        try:
            check(answer)
        except AssertionError as error:
            raise AssertionError(
                f"expected {name} {rdtype} to stay right at every DNS server\nlast seen: {error}\n"
                f"(answer {number} of {len(answers)}, after {SUCCESSES_IN_A_ROW} right ones in a row)"
            ) from None


def _answer(query: dns.message.Message, own: bytes, none: Answer, result: dict[str, Any]) -> Answer:
    """What came for the question with this ID, in the place of no answer."""
    if "problem" in result:
        return replace(none, problem=result["problem"], lost=True)
    wire = base64.b64decode(result["wire"])
    try:
        message = _read(wire[ID_BYTES:])
    except dns.exception.DNSException as error:
        return replace(none, problem=f"not a DNS message: {error}")
    if wire[:ID_BYTES] != own or not query.is_response(message):
        return replace(none, problem="an answer to another question")
    return replace(none, message=message)


@lru_cache(maxsize=READ_ONCE)
def _read(body: bytes) -> dns.message.Message:
    """A message by what follows its ID, which is 0 then: of many answers, most differ in nothing else."""
    return dns.message.from_wire(bytes(ID_BYTES) + body, one_rr_per_rrset=True)
