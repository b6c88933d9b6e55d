"""Typing into a program on a terminal, and what is left of it afterwards."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from headless_conformance.cluster.terminal import on_terminal

SHELL = [
    "sh",
    "-c",
    'printf "hint\\n$ "; while read -r line; do [ "$line" = exit ] && exit 7; echo "got $line"; printf "$ "; done',
]


def test_a_line_is_typed_and_its_answer_read() -> None:
    with on_terminal(SHELL, os.environ) as terminal:
        assert terminal.read_until("hint", 10)
        before = len(terminal.text)
        terminal.type("hello")
        assert terminal.read_until("got hello\n$ ", 10, after=before)
        terminal.type("exit")
        assert terminal.read_to_end(10) == 7
    assert "\r" not in terminal.text


def test_the_program_sees_a_terminal() -> None:
    with on_terminal(
        [sys.executable, "-c", "import sys; print(sys.stdin.isatty(), sys.stdout.isatty())"], os.environ
    ) as terminal:
        assert terminal.read_to_end(10) == 0
    assert "True True" in terminal.text


def test_what_is_not_printed_is_not_waited_for_beyond_the_bound() -> None:
    with on_terminal(SHELL, os.environ) as terminal:
        assert not terminal.read_until("never", 0.2)
        assert terminal.read_to_end(0.2) is None


def test_a_program_that_runs_on_ends_with_the_block(tmp_path: Path) -> None:
    script = f"echo $$ > {tmp_path}/pid; echo started; sleep 100"

    def interrupted() -> None:
        with on_terminal(["sh", "-c", script], os.environ) as terminal:
            assert terminal.read_until("started", 10)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
