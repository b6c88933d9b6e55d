"""A program on a terminal of its own, typed to as a person would."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import cast

import pexpect
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

_CONTROL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|\r")
"""Escape sequences and carriage returns, which a person does not see."""

_GRACE_SECONDS = 5.0
"""How long a program may take to end after SIGTERM."""

_POLL_SECONDS = 0.05


class _Program(pexpect.spawn):  # type: ignore[type-arg]
    def isalive(self) -> bool:
        # Else pexpect waits without a bound for a program that has closed its terminal and runs on.
        self.flag_eof = False
        return bool(super().isalive())

    def has_ended(self, within: float) -> bool:
        """Whether it ends within `within` seconds."""
        looks = Retrying(
            retry=retry_if_result(bool),
            stop=stop_after_delay(within),
            wait=wait_fixed(_POLL_SECONDS),
            retry_error_callback=lambda _: True,
        )
        return not looks(self.isalive)


class Terminal:
    """What the program has printed so far, and the keyboard."""

    def __init__(self, program: _Program) -> None:
        self._program = program
        self._printed = b""

    @property
    def text(self) -> str:
        """Everything printed, what was typed included, as a person reads it."""
        return _CONTROL.sub("", self._printed.decode(errors="replace"))

    def type(self, line: str) -> None:
        """A line and the enter key."""
        self._program.sendline(line)

    def read_until(self, wanted: str, within: float, after: int = 0, others: Sequence[str] = ()) -> bool:
        """Whether `wanted` or one of `others` is printed within `within` seconds.

        The text's first `after` characters do not count.
        """
        end = time.monotonic() + within
        while not any(words in self.text[after:] for words in (wanted, *others)):
            if not self._read(end - time.monotonic()):
                return False
        return True

    def read_to_end(self, within: float) -> int | None:
        """The exit status, or None when the program has not ended within `within` seconds.

        The status of a program that a signal ended is the signal's number with a minus.
        """
        end = time.monotonic() + within
        while self._read(end - time.monotonic()):
            pass
        if not self._program.has_ended(max(0.0, end - time.monotonic())):
            return None
        status, number = self._program.exitstatus, self._program.signalstatus
        return status if number is None else -number

    def _read(self, seconds: float) -> bool:
        """Take in what is there within `seconds`; False when nothing came or nothing will."""
        try:
            self._printed += self._program.read_nonblocking(size=65536, timeout=max(0.0, seconds))
        except (pexpect.TIMEOUT, pexpect.EOF):
            return False
        return True


@contextmanager
def on_terminal(command: Sequence[str], env: Mapping[str, str]) -> Iterator[Terminal]:
    """Start a program on a new terminal; it ends with the block, and so does what it started."""
    # A terminal without a size, so that no line is folded.
    program = _Program(command[0], list(command[1:]), env=dict(env), dimensions=(0, 0))
    program.delaybeforesend = None
    try:
        yield Terminal(program)
    finally:
        if program.isalive():
            group = cast(int, program.pid)
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGTERM)
                program.has_ended(_GRACE_SECONDS)
                os.killpg(group, signal.SIGKILL)
        program.close()
