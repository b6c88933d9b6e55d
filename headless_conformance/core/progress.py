"""Progress for people: each step with its position, its elapsed time and its outcome."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

BEAT_SECONDS = 15.0
"""How often a step that is still running says so."""


def clock(seconds: float) -> str:
    """`75.2` as `1:15`; what is under ten seconds keeps its tenths."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


class Progress:
    """Numbers steps, prints one line when a step starts, one at every beat and one when it ends."""

    def __init__(self, total: int, out: TextIO | None = None) -> None:
        self._total = total
        self._done = 0
        self._out = out or sys.stderr
        self._started = time.monotonic()

    def say(self, text: str) -> None:
        self._out.write(f"{text}\n")
        self._out.flush()

    def expect(self, steps: int) -> None:
        """Steps that were not known at the start, such as builds that turn out to be needed."""
        self._total += steps

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Times the block; an exception passes through after the line that says so."""
        self._done += 1
        self._total = max(self._total, self._done)
        position = f"[{self._done:>2}/{self._total}]"
        begun = time.monotonic()
        finished = threading.Event()

        def beat() -> None:
            while not finished.wait(BEAT_SECONDS):
                self.say(f"{position} {title} … {clock(time.monotonic() - begun)}")

        self.say(f"{position} {title}")
        beating = threading.Thread(target=beat, daemon=True)
        beating.start()
        outcome = "failed"
        try:
            yield
            outcome = "done"
        finally:
            finished.set()
            beating.join()
            now = time.monotonic()
            self.say(f"{position} {title}: {outcome} in {clock(now - begun)} (total {clock(now - self._started)})")

    def skip(self, title: str, why: str) -> None:
        """A step that has nothing to do."""
        self._done += 1
        self.say(f"[{self._done:>2}/{self._total}] {title}: {why}")
