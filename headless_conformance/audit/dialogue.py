"""Asking all DNS servers side by side, holding their answers against the zone, and looking again where they
differ.

Three things make a right server look wrong for a moment: the API and the server were looked at one after the
other; the server has not heard of a change yet; the server, or a cache in it, keeps an older answer. The
first two pass within seconds. The third is told by a TTL that counts down, and is waited for up to the bound
of 60 s.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from headless_conformance.audit.asking import Replies, Reply, ask
from headless_conformance.audit.channels import Channel
from headless_conformance.audit.errors import DeadlineError, InspectionError
from headless_conformance.audit.parallel import side_by_side
from headless_conformance.audit.plan import Plan
from headless_conformance.audit.server_state import Difference, ServerState
from headless_conformance.audit.servers import DnsServer
from headless_conformance.records import (
    AnswerData,
    KnownDifference,
    Presence,
    Question,
    RecordDifference,
    follow_ups,
    judge,
    judge_labels,
    known_difference,
)

SETTLE_SECONDS = 5.0
"""How long a difference may last where nothing changed lately."""
CHANGE_SECONDS = 20.0
"""The same after a change of the targets."""
ROUNDS = 30
"""How often what was right is asked again: of answers that are wrong once in eight times, two servers show
one in all but three of ten thousand audits."""
MOST_AGAIN = 600
"""How many questions are asked again at one server; with many members there are fewer rounds."""
BOUND_SECONDS = 60.0
"""How long an answer may be kept at the most, so how long anything is waited for."""
COUNTDOWN_SECONDS = 2.1
"""Between two looks at a TTL: one that does not count down in this time is not kept."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 3.0
AUDIT_LOOK_SECONDS = 2.0
"""Time that another look takes: none is begun that could not end before the audit has to."""
PAST_TTL_SECONDS = 1.0
"""TTLs are whole seconds."""

Connect = Callable[[DnsServer], Channel]


@dataclass
class Dialogue:
    """All servers, with what they said so far."""

    servers: Sequence[DnsServer]
    connect: Connect
    first: Question
    """What each connection begins with."""
    ask_absent: bool = False
    """Whether the person says that names that must not exist are asked for everywhere."""
    say: Callable[[str], None] = lambda text: None
    pause: Callable[[float], None] = time.sleep
    asked: int = 0
    """How many questions were asked, at all servers together."""
    states: dict[DnsServer, ServerState] = field(default_factory=dict)
    deviations: dict[tuple[KnownDifference, Question], set[DnsServer]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    """What was not asked again, and why."""

    def run(self, plan: Plan, look_again: Callable[[], Plan], until: float) -> tuple[Plan, list[Difference]]:
        """Ask until every server is right or time is up; the plan that was judged last, and what differs from
        it."""
        self.states = {server: ServerState() for server in self.servers}
        self._each(self.servers, lambda server: self._first_round(server, plan, until), until)
        begun = time.monotonic()
        differences = self._judge(plan)
        interval = FIRST_PAUSE
        while differences and time.monotonic() < begun + self._patience(plan, differences, begun):
            if time.monotonic() + interval + AUDIT_LOOK_SECONDS > until:
                break
            self.say(self._what_is_waited_for(differences))
            self.pause(interval)
            interval = min(interval * 1.5, LONGEST_PAUSE)
            later = look_again()
            again = self._to_ask_again(plan, later, differences)
            plan = later
            self._forget(plan)
            self._ask_again(again, plan, until)
            differences = self._judge(plan)
        return plan, [*differences, *self._now_and_then(plan, look_again, differences, until)]

    def problem(self, server: DnsServer) -> InspectionError | None:
        """Why a server could not be asked, or not everything."""
        return self.states[server].replies.problem

    def reply(self, server: DnsServer, question: Question) -> Reply | None:
        return self.states[server].replies.answered.get(question)

    def reply_count(self, server: DnsServer) -> int:
        """How many answers came from a server."""
        return len(self.states[server].replies.answered)

    def _each(self, servers: Iterable[DnsServer], act: Callable[[DnsServer], None], until: float) -> None:
        tasks = {server: partial(act, server) for server in servers}
        for server, outcome in side_by_side(tasks, until + 1).items():
            if isinstance(outcome, Exception):
                reason = (
                    outcome
                    if isinstance(outcome, InspectionError)
                    else InspectionError(f"asking it failed: {outcome!r}")
                )
                self.states[server].replies.problem = reason

    def _ask_again(self, questions: Mapping[DnsServer, list[Question]], plan: Plan, until: float) -> None:
        self._each(questions, lambda server: self._ask(server, questions[server], plan, until), until)

    def _first_round(self, server: DnsServer, plan: Plan, until: float) -> None:
        state = self.states[server]
        asked = time.monotonic()
        absent = plan.absent if self.ask_absent else ()
        probes = {} if self.ask_absent else dict.fromkeys(filter(None, map(plan.probe_of, plan.absent)))
        self._ask(server, [*plan.always, *plan.never, *absent, *probes], plan, until)
        if not probes or state.replies.problem is not None:
            return
        before = {probe: reply for probe in probes if (reply := state.replies.answered.get(probe))}
        self.pause(max(0.0, asked + COUNTDOWN_SECONDS - time.monotonic()))
        after = self._exchange(server, before, until)
        state.replies.problem = after.problem
        for probe, later in after.answered.items():
            state.keeps_denials[probe] = not _same_denial(before[probe], later)
        if allowed := [q for q in plan.absent if self._may_ask(plan, server, q)]:
            self._ask(server, allowed, plan, until)

    def withholds(self, plan: Plan, server: DnsServer, question: Question) -> bool:
        """Whether a server is not asked for a name of `absent`, because it would keep the denial."""
        probe = plan.probe_of(question)
        return (
            not self.ask_absent and probe is not None and self.states[server].keeps_denials.get(probe, False)
        )

    def _may_ask(self, plan: Plan, server: DnsServer, question: Question) -> bool:
        """Whether asking for a name of `absent` leaves nothing behind that hides a later member."""
        probe = plan.probe_of(question)
        return self.ask_absent or (
            probe is not None and self.states[server].keeps_denials.get(probe) is False
        )

    def _forget(self, plan: Plan) -> None:
        """What was answered about names that have gone since, where they may not be asked for anymore."""
        for server, state in self.states.items():
            for question in plan.absent:
                if not self._may_ask(plan, server, question):
                    state.replies.answered.pop(question, None)
                    state.replies.unanswered.pop(question, None)

    def _ask(self, server: DnsServer, questions: Iterable[Question], plan: Plan, until: float) -> None:
        """Ask, and follow the labels that the server chose for endpoints without hostname."""
        replies = self.states[server].replies
        replies.merge(self._exchange(server, questions, until))
        if replies.problem is None:
            more = follow_ups(
                plan.zone, {question: reply.answer for question, reply in replies.answered.items()}
            )
            if more:
                replies.merge(self._exchange(server, more, until))

    def _exchange(
        self, server: DnsServer, questions: Iterable[Question], until: float, times: int = 1
    ) -> Replies:
        listed = list(questions)
        self.asked += len(listed) * times
        return ask(lambda: self.connect(server), self.first, listed, until, times)

    def _now_and_then(
        self, plan: Plan, look_again: Callable[[], Plan], known: Sequence[Difference], until: float
    ) -> list[Difference]:
        """Ask again and again what was right, and give what was wrong among it by the API both before and
        after."""
        wrong = {(difference.server, difference.question) for difference in known}
        replies: dict[DnsServer, Replies] = {}

        def act(server: DnsServer) -> None:
            answered = self._answered(server)
            again = [q for q in plan.questions if q in answered and (server, q) not in wrong]
            times = min(ROUNDS, MOST_AGAIN // max(len(again), 1))
            chosen = again if times else random.sample(again, MOST_AGAIN)
            replies[server] = said = self._exchange(server, chosen, until, max(times, 1))
            # Each question has its answer already: there is merely no time for more of them.
            if isinstance(said.problem, DeadlineError):
                self.notes.append(
                    f"DNS server {server} was not asked everything again: {said.problem.reason}"
                )
            else:
                self.states[server].replies.problem = said.problem
            if len(chosen) < len(again):
                self.notes.append(
                    f"DNS server {server}: {len(chosen)} of {len(again)} questions, chosen at random, were "
                    "asked a second time; an answer that is wrong now and then may be among the others"
                )

        self._each([server for server in self.servers if self.problem(server) is None], act, until)
        found = list(self._odd(plan, replies))
        return list(self._odd(look_again(), replies, found)) if found else []

    def _odd(
        self, plan: Plan, replies: Mapping[DnsServer, Replies], among: Sequence[Difference] | None = None
    ) -> Iterator[Difference]:
        """Questions with a wrong answer among several, with the first such answer."""
        chosen = None if among is None else {(one.server, one.question) for one in among}
        for server, said in replies.items():
            for question, counts in said.counts.items():
                if chosen is not None and (server, question) not in chosen:
                    continue
                wrong = {answer: self.wrong(plan, server, question, answer) for answer in counts}
                odd = [answer for answer, mismatches in wrong.items() if mismatches]
                if odd:
                    often = f"{sum(counts[answer] for answer in odd)} of {counts.total()} answers"
                    yield Difference(server, question, tuple(wrong[odd[0]]), often=often)
            for question, why in said.unanswered.items():
                if chosen is None or (server, question) in chosen:
                    yield Difference(server, question, (), silence=why, often="some answers")

    def wrong(
        self, plan: Plan, server: DnsServer, question: Question, answer: AnswerData
    ) -> list[RecordDifference]:
        """What an answer has otherwise than the zone, apart from what is known."""
        return [
            mismatch
            for mismatch in judge(plan.zone, question, answer)
            if not self._is_known(plan, server, mismatch)
        ]

    def _judge(self, plan: Plan) -> list[Difference]:
        self.deviations.clear()
        found = [difference for server in self.servers for difference in self._judge_server(server, plan)]
        return sorted(found, key=lambda difference: str(difference.server))

    def _judge_server(self, server: DnsServer, plan: Plan) -> list[Difference]:
        state, now = self.states[server], time.monotonic()
        answers = {question: reply.answer for question, reply in state.replies.answered.items()}
        mismatches: dict[Question, list[RecordDifference]] = {}
        for question in plan.questions:
            if question in answers:
                mismatches[question] = judge(plan.zone, question, answers[question])
        for mismatch in judge_labels(plan.zone, answers):
            mismatches.setdefault(mismatch.question, []).append(mismatch)
        differences: list[Difference] = []
        for question, found in mismatches.items():
            wrong = [mismatch for mismatch in found if not self._is_known(plan, server, mismatch)]
            if not wrong:
                state.history.pop(question, None)
                continue
            reply = state.replies.answered[question]
            stale = self._stale_until(state, question, reply, now)
            differences.append(Difference(server, question, tuple(wrong), reply, stale_until=stale))
        for question, why in state.replies.unanswered.items():
            if question in plan.questions:
                differences.append(Difference(server, question, (), silence=why))
        return differences

    def _is_known(self, plan: Plan, server: DnsServer, mismatch: RecordDifference) -> bool:
        known = known_difference(plan.zone, mismatch)
        if known is not None:
            self.deviations.setdefault((known, mismatch.question), set()).add(server)
        return known is not None

    def _stale_until(self, state: ServerState, question: Question, reply: Reply, now: float) -> float:
        """When the server will have forgotten this answer, if its TTL was seen to go down and not up again
        since."""
        before = state.history.get(question)
        stale_until = 0.0
        if before is not None and _is_same(before[0], reply):
            stale_until = before[1]
            if 0 < reply.kept < before[0].kept:
                stale_until = now + reply.kept + PAST_TTL_SECONDS
            elif reply.kept > before[0].kept:
                stale_until = 0.0
        state.history[question] = (reply, stale_until)
        return stale_until

    def _patience(self, plan: Plan, differences: Iterable[Difference], begun: float) -> float:
        """Seconds from the first answers on."""
        kept = [difference.stale_until - begun for difference in differences if difference.stale_until]
        usual = CHANGE_SECONDS if plan.recent else SETTLE_SECONDS
        if kept and max(kept) > BOUND_SECONDS:
            return usual
        return max([usual, *kept])

    def _to_ask_again(
        self, before: Plan, now: Plan, differences: Iterable[Difference]
    ) -> Mapping[DnsServer, list[Question]]:
        """At each server what it had wrong, and whatever the API has otherwise than before."""
        changed = [
            q
            for q in now.always
            if before.zone.expectation(q) != now.zone.expectation(q) or q not in before.always
        ]
        again: dict[DnsServer, dict[Question, None]] = {}
        for difference in differences:
            if self._may_ask_again(now, difference):
                again.setdefault(difference.server, {})[difference.question] = None
        for server, questions in again.items():
            # What was not reached when asking ended before its time.
            replies = self.states[server].replies
            known = replies.answered.keys() | replies.unanswered.keys()
            questions.update(dict.fromkeys(q for q in (*now.always, *now.never) if q not in known))
        for server in self.servers:
            if self.problem(server) is None and changed:
                again.setdefault(server, {}).update(dict.fromkeys(changed))
        return {server: list(questions) for server, questions in again.items()}

    def _may_ask_again(self, now: Plan, difference: Difference) -> bool:
        """Whether a name that was answered wrong is still there, or asking for it leaves nothing behind."""
        question = difference.question
        if question in now.absent:
            return self._may_ask(now, difference.server, question)
        there = now.zone.expectation(question).presence is not Presence.FORBIDDEN
        return there or question in now.always or question in now.never

    def _answered(self, server: DnsServer) -> Mapping[Question, Reply]:
        return self.states[server].replies.answered

    def _what_is_waited_for(self, differences: Sequence[Difference]) -> str:
        now = time.monotonic()
        kept = [difference.stale_until - now for difference in differences if difference.stale_until > now]
        count = f"{len(differences)} answers differ from the API"
        return f"{count}; kept for {max(kept):.0f} s more" if kept else f"{count}; looking again"


def _same_denial(before: Reply, after: Reply) -> bool:
    """Whether a denial came anew: its time does not count down. One without a time is not kept by anybody
    (RFC 2308, 5)."""
    same = before.negative_ttl == after.negative_ttl
    return same and before.answer.rcode == after.answer.rcode == "NXDOMAIN"


def _is_same(before: Reply, after: Reply) -> bool:
    """Whether two answers say the same, TTL and order apart."""
    lines = [frozenset(record.line for record in reply.answer.answer) for reply in (before, after)]
    return lines[0] == lines[1] and before.answer.rcode == after.answer.rcode
