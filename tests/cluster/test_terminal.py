"""Typing into a program on a terminal, and what is left of it afterwards."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from headless_conformance.cluster.terminal import on_terminal
from headless_conformance.cluster.waiting import eventually

SHELL = [
    "sh",
    "-c",
    'printf "hint\\n$ "; while read -r line; do [ "$line" = exit ] && exit 7; '
    'echo "got $line"; printf "$ "; done',
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


def test_a_program_that_a_signal_ends_has_its_number_as_status() -> None:
    with on_terminal(["sh", "-c", "kill -TERM $$; sleep 100"], os.environ) as terminal:
        assert terminal.read_to_end(10) == -signal.SIGTERM


def test_a_program_that_lets_go_of_its_terminal_is_not_waited_for_without_a_bound() -> None:
    script = "exec <&- >&- 2>&-; trap '' HUP; sleep 100"
    with on_terminal(["sh", "-c", script], os.environ) as terminal:
        assert terminal.read_to_end(0.5) is None


def test_what_a_program_started_ends_with_it_even_when_it_does_not_heed_sigterm(tmp_path: Path) -> None:
    stubborn = f"trap '' TERM HUP; echo $$ > {tmp_path}/pid; echo started; while :; do sleep 1; done"
    with on_terminal(
        ["sh", "-c", 'sh -c "$STUBBORN" & wait'], {**os.environ, "STUBBORN": stubborn}
    ) as terminal:
        assert terminal.read_until("started", 10)
    pid = int((tmp_path / "pid").read_text())
    eventually(lambda: _is_gone(pid), expecting=f"process {pid} to be gone")


def test_a_line_that_is_longer_than_a_screen_is_not_folded() -> None:
    with on_terminal(SHELL, os.environ) as terminal:
        assert terminal.read_until("$ ", 10)
        terminal.type("long " * 60)
        assert terminal.read_until(f"got {'long ' * 60}".rstrip(), 10)
        assert f"{'long ' * 60}\n" in terminal.text


def test_control_sequences_are_not_part_of_the_text() -> None:
    with on_terminal(["printf", r"\033[1;31mred\033[0m\r\nnext\033[6n"], os.environ) as terminal:
        assert terminal.read_to_end(10) == 0
    assert terminal.text == "red\nnext"


def _is_gone(pid: int) -> None:
    try:
        status = psutil.Process(pid).status()
    except psutil.NoSuchProcess:
        return
    # Its new parent may be slow to take its status.
    assert status == psutil.STATUS_ZOMBIE
