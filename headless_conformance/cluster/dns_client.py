"""Asking DNS servers until they are right, and then often."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import allure

from headless_conformance.cluster import dns_exchange
from headless_conformance.cluster.dns_answer import Answer, Server
from headless_conformance.cluster.dns_checks import AnswerCheck, must_be_nxdomain, require_cut_for_length
from headless_conformance.cluster.dns_exchange import ANSWERS, Asked, Asker, Place
from headless_conformance.cluster.waiting import (
    AT_REST_TIMEOUT,
    SUCCESSES_IN_A_ROW,
    ObservationError,
    eventually,
)
from headless_conformance.core.mismatch import Mismatch

Returned = TypeVar("Returned")

LOOK_UPS = 3
"""How often the servers are looked up again because some are gone."""
MOST_ASKED = 512
"""Questions that are asked often from every place at the most; more of them from fewer places, that a set of
hundreds of members takes no minutes."""
ABSENT_TYPES = ("A", "AAAA", "SRV", "TXT")
"""A name that does not exist has no record of any type (RFC 8020)."""


@dataclass(frozen=True)
class Convergence:
    """The answers that passed, and since when (monotonic seconds) all of them did."""

    answers: list[Answer]
    right_since: float


class _ServerGoneError(ObservationError):
    """A silent server is not one to be asked any more."""


@dataclass
class Dns:
    """Every server that answers for a cluster: each replica,
    and the DNS Service's address where Pods can ask it."""

    asker: Asker
    servers: tuple[Server, ...]
    """As they were looked up last."""
    is_there: Callable[[Server], bool] = lambda server: True
    """Whether a server that was silent is still one to be asked:
    the silence of a replica that is gone breaks no promise."""
    at_rest_timeout: Callable[[str], float] = lambda name: AT_REST_TIMEOUT
    """Seconds to wait where none are said, for a name that is at rest."""
    look_up: Callable[[], tuple[Server, ...]] | None = None
    """The servers that there are now, where they may be replaced."""
    find_places: Callable[[], Sequence[Place]] | None = None
    """Where what is asked often is asked; where nothing is said, by the asker alone."""

    def ask(self, name: str, rdtype: str) -> list[Answer]:
        """Answers of every server over UDP and TCP."""
        return self.ask_all([(name, rdtype)])

    def ask_all(self, questions: Iterable[Asked]) -> list[Answer]:
        """Answers of every server over UDP and TCP to many questions."""
        return dns_exchange.look(Place(self.asker), self.servers, list(questions))

    def ask_often(self, questions: Iterable[Asked], times: int = ANSWERS) -> list[Answer]:
        """The different answers of every server among so many to each question that one which is wrong now
        and then is among them, in every form and from every place (`dns_exchange`).

        Servers that are gone are looked up again; ObservationError when there is no end to that.
        """
        return self._while_servers_go(partial(self._ask_often, list(questions), times))

    def require(
        self, name: str, rdtype: str, check: AnswerCheck, *, within: float | None = None, often: int = 0
    ) -> Convergence:
        """Wait until every server passes `check` over UDP and TCP; a Mismatch names server, transport and
        answer.

        From then on no wrong answer is forgiven: `often` is how many more of each server in each form must
        pass, as `ask_often` has them. Where a server is silent because it is gone, those that there are now
        are asked from the beginning; ObservationError when there is no end to that.
        """
        __tracebackhide__ = True
        return self.require_each({(name, rdtype): check}, within=within, often=often)

    def require_each(
        self, checks: Mapping[Asked, AnswerCheck], *, within: float | None = None, often: int = 0
    ) -> Convergence:
        """The same of several questions, each with its own check, which are asked together."""
        __tracebackhide__ = True
        return self._while_servers_go(partial(self._require, checks, within, often))

    def require_absent(self, *names: str, within: float | None = None, often: int = 0) -> None:
        """Wait until no DNS server knows any of these names, whichever type is asked for."""
        __tracebackhide__ = True
        asked = dict.fromkeys(((name, rdtype) for name in names for rdtype in ABSENT_TYPES), must_be_nxdomain)
        self.require_each(asked, within=within, often=often)

    def _while_servers_go(self, act: Callable[[], Returned]) -> Returned:
        __tracebackhide__ = True
        for _ in range(LOOK_UPS if self.look_up else 0):
            try:
                return act()
            except _ServerGoneError:
                self.servers = self.look_up() if self.look_up else self.servers
        return act()

    def _require(self, checks: Mapping[Asked, AnswerCheck], within: float | None, often: int) -> Convergence:
        __tracebackhide__ = True
        last: list[Answer] = []
        right_since: float | None = None
        name, rdtype = next(iter(checks))
        bound = self.at_rest_timeout(name) if within is None else within

        def look() -> Convergence:
            nonlocal right_since
            last[:] = self.ask_all(checks)
            asked = time.monotonic()
            try:
                for answer in last:
                    checks[answer.name, answer.rdtype](answer)
                require_cut_for_length(last)
            except Mismatch:
                right_since = None
                raise
            right_since = right_since or asked
            return Convergence(list(last), right_since)

        more = f" and {len(checks) - 1} more" if len(checks) > 1 else ""
        question = f"{rdtype} {name}{more}"
        with allure.step(f"ask {question} at {len(self.servers)} servers over UDP and TCP"):
            try:
                seen = eventually(look, expecting=f"{question} to be right at every DNS server", within=bound)
            except Mismatch:
                self._require_servers(last)
                raise
            finally:
                allure.attach("\n".join(map(str, last)), question, allure.attachment_type.TEXT)
            if often:
                _require_all(self._ask_often(list(checks), often), checks, often)
            return seen

    def _ask_often(self, questions: Sequence[Asked], times: int) -> list[Answer]:
        places = self.find_places() if self.find_places else [Place(self.asker)]
        fewer = places[: max(1, MOST_ASKED // max(1, len(questions)))]
        answers = dns_exchange.ask_often(fewer, self.servers, questions, times)
        self._require_servers(answers)
        return answers

    def _require_servers(self, answers: Iterable[Answer]) -> None:
        """Those that said nothing are still there, else it is no broken promise."""
        for server in {answer.server: None for answer in answers if answer.lost}:
            if not self.is_there(server):
                raise _ServerGoneError(f"{server} went away while it was asked") from None


def _require_all(answers: Sequence[Answer], checks: Mapping[Asked, AnswerCheck], often: int) -> None:
    """Every one of these answers passes; they came after enough right ones in a row."""
    __tracebackhide__ = True
    for answer in answers:
        try:
            checks[answer.name, answer.rdtype](answer)
        except Mismatch as error:
            seen = error.observation
            place = f"one of {often} answers after {SUCCESSES_IN_A_ROW} right ones in a row"
            raise type(error)(replace(seen, details=f"{place}: {seen.details}")) from None
    require_cut_for_length(answers)
