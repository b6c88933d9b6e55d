"""^C and SIGTERM, in one place: the first ends what goes on so that it can be undone, the second stops at
once."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import psutil

INTERRUPTING_SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""What ^C sends, and what ends a program for another one."""
SAME_SECONDS = 0.3
"""Signals that come closer together are one: a program between the terminal and us hands on what the terminal
sent to us as well."""


def status_of_interrupt(number: int) -> int:
    """The exit status after the signal of this number, as a shell has it: 130 after ^C, 143 after SIGTERM."""
    return 128 + number


INTERRUPT_STATUSES = tuple(status_of_interrupt(number) for number in INTERRUPTING_SIGNALS)


class Leftover(NamedTuple):
    """What a command began and has not removed yet."""

    what: str
    """As the object of "removing"."""
    command: str
    """What removes it when this process cannot."""
    is_to_stay: bool = False
    """Whether the command leaves it for the next one."""


class Interrupts:
    """The interrupts of this process; `INTERRUPTS` is the only one."""

    def __init__(self) -> None:
        self._first = 0
        self._at = 0.0
        self._child: subprocess.Popen[bytes] | None = None
        self._undoing = False
        self.met: Sequence[Leftover] = ()
        """What was there at the first interrupt."""
        self.remains: Callable[[], Sequence[Leftover]] = tuple
        """What is there now; it must be quick, and ask no other program."""
        self.outliving: Callable[[], Sequence[int]] = tuple
        """Processes that go on, with all that they started, when everything else is ended at once."""

    @property
    def status(self) -> int | None:
        """The exit status after the first interrupt; None when there was none."""
        return status_of_interrupt(self._first) if self._first else None

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Meanwhile an interrupt raises KeyboardInterrupt, says what is going to be removed, and counts."""
        before = {number: signal.signal(number, self._handle) for number in INTERRUPTING_SIGNALS}
        self._first, self.met = 0, ()
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def passed_on(self, child: subprocess.Popen[bytes]) -> Iterator[None]:
        """Meanwhile the first interrupt reaches `child` and raises nothing here."""
        self._child = child
        try:
            yield
        finally:
            self._child = None

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Meanwhile the first interrupt raises nothing: things are being undone already."""
        before, self._undoing = self._undoing, True
        try:
            yield
        finally:
            self._undoing = before

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._first and now - self._at < SAME_SECONDS:
            return
        self._at = now
        if self._first:
            self._stop(number)
        self._first = number
        self.met = self.remains()
        what = _listed(self.met) or "ending what this command started"
        _say(f"Interrupted: {what}. Once more stops at once and leaves it.")
        if self._child is not None:
            with suppress(ProcessLookupError):
                self._child.send_signal(number)
        elif not self._undoing:
            raise KeyboardInterrupt

    def _stop(self, number: int) -> None:
        """End every process that this one started, say what is left, and end."""
        for process in _descendants(set(self.outliving())):
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        left = self.remains()
        commands = " and ".join(f"`{command}`" for command in sorted({one.command for one in left}))
        what = "; ".join(one.what for one in left)
        _say(f"Stopped at once. Left: {what}. {commands} removes it." if left else "Stopped at once.")
        os._exit(status_of_interrupt(number))


INTERRUPTS = Interrupts()


def _listed(remains: Sequence[Leftover]) -> str:
    said: dict[str, list[str]] = {"removing": [], "keeping": []}
    for one in remains:
        said["keeping" if one.is_to_stay else "removing"].append(one.what)
    return ", ".join(f"{doing} {'; '.join(things)}" for doing, things in said.items() if things)


def _say(sentence: str) -> None:
    """Past Python's buffers, which the interrupt may have met half written."""
    os.write(2, f"\n{sentence}\n".encode())


def _descendants(outliving: set[int]) -> list[psutil.Process]:
    # Takes longer than everything else that is imported before ^C is heeded.
    import psutil

    found, parents = list[psutil.Process](), [psutil.Process()]
    while parents:
        with suppress(psutil.NoSuchProcess):
            children = [child for child in parents.pop().children() if child.pid not in outliving]
            found += children
            parents += children
    return found
