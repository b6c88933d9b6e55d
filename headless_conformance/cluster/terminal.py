"""A program on a terminal of its own, typed to as a person would."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from headless_conformance.core.process import end_group

CONTROL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|\r")
"""Escape sequences and carriage returns, which a person does not see."""


class Terminal:
    """What the program has printed so far, and the keyboard."""

    def __init__(self, child: subprocess.Popen[bytes], screen: int) -> None:
        self._child = child
        self._screen = screen
        self._printed = b""

    @property
    def text(self) -> str:
        """Everything printed, what was typed included, as a person reads it."""
        return CONTROL.sub("", self._printed.decode(errors="replace"))

    def type(self, line: str) -> None:
        """A line and the enter key."""
        os.write(self._screen, f"{line}\n".encode())

    def read_until(self, wanted: str, within: float, after: int = 0, others: Sequence[str] = ()) -> bool:
        """Whether `wanted` or one of `others` is printed within `within` seconds, behind the text's first `after` characters."""
        end = time.monotonic() + within
        while not any(words in self.text[after:] for words in (wanted, *others)):
            if not self._read(end - time.monotonic()):
                return False
        return True

    def read_to_end(self, within: float) -> int | None:
        """The exit status, or None when the program has not ended within `within` seconds."""
        end = time.monotonic() + within
        while self._read(end - time.monotonic()):
            pass
        try:
            return self._child.wait(timeout=max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            return None

    def _read(self, seconds: float) -> bool:
        """Take in what is there within `seconds`; False when nothing came or nothing will."""
        if not select.select([self._screen], [], [], max(0.0, seconds))[0]:
            return False
        try:
            part = os.read(self._screen, 65536)
        except OSError:
            # Linux reports the end of a terminal as an input error.
            return False
        self._printed += part
        return bool(part)


@contextmanager
def on_terminal(command: Sequence[str], env: Mapping[str, str]) -> Iterator[Terminal]:
    """Start a program on a new terminal; it ends with the block."""
    screen, terminal = pty.openpty()
    try:
        child = subprocess.Popen(
            command, stdin=terminal, stdout=terminal, stderr=terminal, env=dict(env), start_new_session=True
        )
    finally:
        os.close(terminal)
    try:
        yield Terminal(child, screen)
    finally:
        if child.poll() is None:
            end_group(child)
        os.close(screen)
