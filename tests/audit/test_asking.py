"""Many questions on one connection: every way in which a server can fail ends, and names what happened."""

from __future__ import annotations

import time

import pytest

from headless_conformance.audit.asking import ATTEMPTS, UNANSWERED, Replies, ask
from headless_conformance.audit.errors import (
    DeadlineError,
    DnsConnectionError,
    SilentServerError,
    UnansweredQuestionsError,
)
from headless_conformance.records import AnswerData, Question, ResourceRecord
from tests.audit.dns_servers import FakeDns

FIRST = Question("first.example.", "A")
MANY = [Question(f"name-{number}.example.", "A") for number in range(300)]


def right(question: Question) -> AnswerData:
    return AnswerData("NOERROR", (ResourceRecord(question.name.upper(), "A", "192.0.2.7"),))


def asked(server: FakeDns, questions: list[Question] = MANY, seconds: float = 60.0) -> Replies:
    return ask(server.connect, FIRST, questions, time.monotonic() + seconds)


def test_everything_is_asked_on_one_connection() -> None:
    server = FakeDns(right)
    replies = asked(server)
    assert replies.answered.keys() == set(MANY)
    assert (replies.problem, replies.unanswered, server.connections) == (None, {}, 1)
    assert len(server.asked) == len(MANY) + 1


def test_answers_may_come_in_any_order() -> None:
    replies = asked(FakeDns(right, backwards=True))
    assert {reply.answer.answer[0].owner for reply in replies.answered.values()} == {one.name for one in MANY}


@pytest.mark.parametrize("number", [1, 2, 3, 7, 20, 50, 64, 65, 100, 128])
@pytest.mark.parametrize("times", [1, 3])
def test_a_server_that_closes_connections_is_asked_on_new_ones(number: int, times: int) -> None:
    server = FakeDns(right, closes_after=number)
    replies = ask(server.connect, FIRST, MANY, time.monotonic() + 60, times)
    assert replies.answered.keys() == set(MANY)
    assert (replies.problem, replies.unanswered) == (None, {})
    assert {counts.total() for counts in replies.counts.values()} == {times}
    assert server.connections > 1


def test_a_question_on_which_a_server_closes_every_connection_keeps_no_other_from_its_answer() -> None:
    deadly = MANY[17]
    server = FakeDns(right, closes_on=lambda question: question == deadly)
    replies = asked(server)
    assert replies.answered.keys() == set(MANY) - {deadly}
    assert replies.unanswered.keys() == {deadly}
    assert replies.problem is None


def test_a_name_that_is_too_long_is_left_out_and_said() -> None:
    long = Question(f"_{'x' * 63}._udp.example.", "SRV")
    replies = asked(FakeDns(right), [long, *MANY])
    assert replies.answered.keys() == set(MANY)
    assert "it cannot be asked" in replies.unanswered[long]


def test_a_server_that_refuses_is_named() -> None:
    replies = asked(FakeDns(right, refuses=True))
    assert isinstance(replies.problem, DnsConnectionError)
    assert replies.problem.refused


def test_a_server_that_says_nothing_is_asked_once() -> None:
    server = FakeDns(right, says_nothing=True)
    replies = asked(server)
    assert isinstance(replies.problem, SilentServerError)
    assert "accepts a connection and sends nothing" in replies.problem.reason
    assert server.connections == 1


def test_a_question_that_is_left_unanswered_keeps_no_other_from_its_answer() -> None:
    lost = MANY[17]
    server = FakeDns(right, ignores=lambda question: question == lost)
    replies = asked(server)
    assert replies.answered.keys() == set(MANY) - {lost}
    assert replies.unanswered.keys() == {lost}
    assert server.asked.count(lost) == ATTEMPTS


def test_many_unanswered_questions_end_the_asking() -> None:
    server = FakeDns(right, ignores=lambda question: question != FIRST)
    replies = asked(server)
    assert replies.unanswered.keys() == {one for one in MANY if server.asked.count(one) == ATTEMPTS}
    assert UNANSWERED <= len(replies.unanswered) < len(MANY) / 2
    assert isinstance(replies.problem, UnansweredQuestionsError)
    assert f"{len(MANY) - len(replies.unanswered)} questions were not asked" in replies.problem.reason
    assert server.connections < 6


def test_what_is_no_dns_message_is_said() -> None:
    replies = asked(FakeDns(right, garbage=lambda question: question == MANY[0]))
    assert "no DNS message" in replies.unanswered[MANY[0]]
    assert len(replies.answered) == len(MANY) - 1


def test_nothing_is_asked_when_time_is_over() -> None:
    server = FakeDns(right)
    replies = asked(server, seconds=-1.0)
    assert isinstance(replies.problem, DeadlineError)
    assert server.connections == 0


def test_ttl_and_negative_ttl_are_read() -> None:
    server = FakeDns(
        lambda question: right(question) if question.rdtype == "A" else AnswerData("NOERROR"), ttl=17
    )
    replies = asked(server, [Question("a.example.", "A"), Question("a.example.", "AAAA")])
    times = [(reply.ttl, reply.negative_ttl, reply.kept) for reply in replies.answered.values()]
    assert times == [(17, None, 17), (None, 17, 17)]


def test_the_ttl_of_what_an_alias_leads_to_does_not_count() -> None:
    chain = AnswerData("NOERROR", (ResourceRecord("b.example.", "A", "192.0.2.1"),))
    replies = asked(FakeDns(lambda question: chain, ttl=3600), [Question("a.example.", "A")])
    assert [reply.ttl for reply in replies.answered.values()] == [None]
