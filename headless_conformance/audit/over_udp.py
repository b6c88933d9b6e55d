"""The same questions over UDP, at servers that this machine can ask itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from headless_conformance.audit.asking import Replies, ask
from headless_conformance.audit.blame import Explanation, findings_of
from headless_conformance.audit.channels import UdpChannel
from headless_conformance.audit.dialogue import Dialogue
from headless_conformance.audit.parallel import side_by_side
from headless_conformance.audit.plan import Plan
from headless_conformance.audit.server_state import Difference
from headless_conformance.audit.servers import DnsServer
from headless_conformance.records import Question


def blamed_over_udp(
    dialogue: Dialogue, plan: Plan, known: Sequence[Difference], until: float
) -> tuple[list[Explanation], int]:
    """What servers have right over TCP and wrong over UDP, and how many questions were asked.

    An answer that does not fit is cut, and says nothing of what is missing in it.
    """
    wrong = {(difference.server, difference.question) for difference in known}
    able = [s for s in dialogue.servers if not s.pod and dialogue.problem(s) is None]
    questions = {
        server: [q for q in plan.always if dialogue.reply(server, q) and (server, q) not in wrong]
        for server in able
    }
    tasks = {server: partial(_ask, server, dialogue, asked, until) for server, asked in questions.items()}
    differences: list[Difference] = []
    for server, replies in side_by_side(tasks, until).items():
        if isinstance(replies, Replies):
            differences += _differences(dialogue, plan, server, replies, questions[server])
    return findings_of(dialogue, plan, differences, over=" over UDP"), sum(map(len, questions.values()))


def _ask(server: DnsServer, dialogue: Dialogue, questions: Iterable[Question], until: float) -> Replies:
    connect = partial(UdpChannel, server.address, server.port)
    return ask(connect, dialogue.first, questions, until)


def _differences(
    dialogue: Dialogue, plan: Plan, server: DnsServer, replies: Replies, asked: Sequence[Question]
) -> Iterable[Difference]:
    problem = replies.problem.reason if replies.problem else ""
    for question in asked:
        reply = replies.answered.get(question)
        if reply is not None:
            if mismatches := dialogue.wrong(plan, server, question, reply.answer):
                yield Difference(server, question, tuple(mismatches), reply)
        elif why := replies.unanswered.get(question, problem):
            yield Difference(server, question, (), silence=why)
