"""DNS questions by a shell: what it sends and reads is a message, whatever bytes are in it."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from headless_conformance.cluster import shell_asker
from headless_conformance.cluster.dns_exchange import Place, look
from headless_conformance.cluster.kube import CommandResult
from headless_conformance.cluster.shell_asker import ShellAsker
from tests.cluster.dns_stand_in import NAME, RIGHT, query_of, reply, serving

TEN_LETTERS = f"aaaaaaaaaa.{NAME}"
"""A label of ten bytes is written with the byte of a line's end before it."""


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    """This machine's shell in the place of a Pod's."""

    def run(_set: object, _ordinal: int, *words: str) -> CommandResult:
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=20)
        return CommandResult("bash", done.returncode, done.stdout, done.stderr)

    monkeypatch.setattr(shell_asker, "run_in_pod", run)
    monkeypatch.setattr(shell_asker, "SHELL_SECONDS", 1)
    headless_set: Any = None
    return Place(ShellAsker(headless_set, 0))


def test_questions_of_both_transports_are_answered(place: Place) -> None:
    asked = set[str]()

    def noting(query: Any) -> bytes:
        asked.add(str(query.question[0].name))
        return reply(*RIGHT)(query)

    with serving(noting, noting) as server:
        answers = look(place, [server], [(NAME, "A"), (TEN_LETTERS, "A")])
    assert asked == {NAME, TEN_LETTERS}
    assert [answer.values() for answer in answers] == [RIGHT] * 4


def test_silence_and_refusal_say_so(place: Place) -> None:
    with serving(None, None) as server:
        answers = look(place, [server], [(NAME, "A")])
    assert [answer.lost for answer in answers] == [True, True]
    answers = look(place, [server], [(NAME, "A")])
    assert [answer.lost for answer in answers] == [True, True]
    assert "refused" in answers[1].problem


def test_an_answer_with_another_id_is_none(place: Place) -> None:
    def stranger(query: Any) -> bytes:
        query.id ^= 1
        return reply(*RIGHT)(query_of(query.to_wire()))

    with serving(stranger, stranger) as server:
        answers = look(place, [server], [(NAME, "A")])
    assert [answer.message for answer in answers] == [None, None]
