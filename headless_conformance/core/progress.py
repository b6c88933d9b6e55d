"""Progress for people: each step with its position, its elapsed time and its outcome.

On a terminal the running step is one line that counts its seconds; elsewhere each step has a line when it
starts and one when it ends.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import TextIO

from rich.console import Console

BEAT_SECONDS = 60.0
"""How often a step that still runs says so without a terminal: CI services end what is silent for long."""


def clock(seconds: float) -> str:
    """`75.2` as `1:15`; what is under ten seconds keeps its tenths."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


@cache
def _console(out: TextIO) -> Console:
    # One for each stream: steps within steps share its live lines.
    return Console(file=out, markup=False, emoji=False, highlight=False, soft_wrap=True)


class Progress:
    """Numbers steps, and says when each starts, that it still runs, and how it ended."""

    def __init__(self, total: int, out: TextIO | None = None) -> None:
        self._total = total
        self._done = 0
        self._console = _console(out or sys.stderr)
        self._started = time.monotonic()

    def say(self, text: str) -> None:
        self._console.print(text)

    def expect(self, steps: int) -> None:
        """Steps that were not known at the start, such as builds that turn out to be needed."""
        self._total += steps

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Times the block; an exception passes through after the line that says so."""
        self._done += 1
        self._total = max(self._total, self._done)
        running = f"[{self._done:>2}/{self._total}] {title}"
        begun = time.monotonic()
        outcome = "failed"
        try:
            with self._live(running) if self._console.is_terminal else self._beating(running):
                yield
            outcome = "done"
        finally:
            now = time.monotonic()
            self.say(f"{running}: {outcome} in {clock(now - begun)} (total {clock(now - self._started)})")

    def skip(self, title: str, why: str) -> None:
        """A step that has nothing to do."""
        self._done += 1
        self.say(f"[{self._done:>2}/{self._total}] {title}: {why}")

    def _live(self, running: str) -> AbstractContextManager[object]:
        """A line that counts the seconds and vanishes with the block."""
        from rich import progress

        columns = (
            progress.SpinnerColumn(),
            progress.TextColumn("{task.description}", markup=False),
            progress.TimeElapsedColumn(),
        )
        shown = progress.Progress(*columns, console=self._console, transient=True)
        shown.add_task(running, total=None)
        return shown

    @contextmanager
    def _beating(self, running: str) -> Iterator[None]:
        finished = threading.Event()
        begun = time.monotonic()

        def beat() -> None:
            while not finished.wait(BEAT_SECONDS):
                self.say(f"{running} … {clock(time.monotonic() - begun)}")

        self.say(running)
        beating = threading.Thread(target=beat, daemon=True)
        beating.start()
        try:
            yield
        finally:
            finished.set()
            beating.join()
