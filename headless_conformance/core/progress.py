"""Progress for people: which step of how many, how long it took, and how long the rest takes.

On a terminal the steps that run are lines that count their seconds, below those that ended. Elsewhere each
step is one line when it ends, and one a minute before that.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from headless_conformance.core.plan import StepPlan

BEAT_SECONDS = 60.0
"""How often a step that still runs says so without a terminal: CI services end what is silent for long."""
REFRESH_PER_SECOND = 4.0


def clock(seconds: float) -> str:
    """`75.2` as `1:15`; what is under ten seconds keeps its tenths."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def about(seconds: float) -> str:
    """A time that is only estimated: `20 s`, `4 min`."""
    if seconds < 60:
        return f"about {max(round(seconds / 5) * 5, 5)} s"
    return f"about {round(seconds / 60)} min"


@cache
def _console(out: TextIO) -> Console:
    # One for each stream: steps within steps share its live lines.
    return Console(file=out, markup=False, emoji=False, highlight=False, soft_wrap=True)


@dataclass
class RunningStep:
    """A step that has begun."""

    title: str
    label: str
    begun: float
    note: str = ""
    """What is worth saying of it when it ended, such as that nothing was to be done."""
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.begun


class Progress:
    """Numbers steps, and says that they still run and how they ended. Threads may use it at the same time.

    With a `plan`, a step has the number that it has there; without one, steps are counted up to `total`. What
    is not planned, or goes on within another step, has no number. `begun` is the reading of time.monotonic()
    at which the run began, `finished` has the titles of what is done, and `remember` gets title and seconds
    of each planned step that ended well.
    """

    def __init__(
        self,
        total: int = 0,
        out: TextIO | None = None,
        *,
        plan: StepPlan | None = None,
        begun: float | None = None,
        finished: Collection[str] = (),
        remember: Callable[[str, float], None] | None = None,
    ) -> None:
        self.plan = plan or StepPlan()
        self.begun = time.monotonic() if begun is None else begun
        self.finished = set(finished)
        self.below: Callable[[], RenderableType] | None = None
        """What a terminal shows below the running steps."""
        self.details: Mapping[str, Callable[[], str]] = {}
        """How far a step is, by its title, for its line of each minute."""
        self.told_by_others: Collection[str] = ()
        """Titles of steps of which others say how far they are, so that they have no line each minute."""
        self.begin_line: Callable[[], object] = lambda: None
        """Ends the line that others have begun where our lines go, too."""
        self._remember = remember
        self._total = len(self.plan.steps) or total
        self._counted = 0
        self._console = _console(out or sys.stderr)
        # Not what rich makes of FORCE_COLOR: colours in a log are no reason to move the cursor there.
        self.is_live = self._console.file.isatty() and not self._console.is_dumb_terminal
        self._running: list[RunningStep] = []
        self._lock = threading.RLock()
        self._live: Live | None = None
        self._depth = threading.local()

    def say(self, text: str, style: str = "") -> None:
        """A line of its own, in a style of rich where the terminal has one."""
        self.begin_line()
        self._console.print(_printable(text, self._console.encoding), style=style)

    @contextmanager
    def step(self, title: str) -> Iterator[RunningStep]:
        """Times the block; an exception passes through after the line that says so."""
        running = self.begin(title)
        outcome = "failed after "
        try:
            yield running
            outcome = ""
        finally:
            self.end(running, outcome)

    def begin(self, title: str) -> RunningStep:
        """A step begins, in this thread."""
        with self._lock:
            depth = getattr(self._depth, "now", 0)
            self._depth.now = depth + 1
            running = RunningStep(title, self._label(title, depth), time.monotonic())
            self._running.append(running)
            if self.is_live and self._live is None:
                self._live = self._started()
        if not self.is_live and title not in self.told_by_others:
            threading.Thread(target=self._beat, args=(running,), daemon=True).start()
        return running

    def end(self, running: RunningStep, outcome: str = "") -> None:
        """A step ends; `outcome` is what to say before its time."""
        with self._lock:
            self._depth.now = max(getattr(self._depth, "now", 1) - 1, 0)
            self._running.remove(running)
            running.ended.set()
            if not outcome:
                self.finished.add(running.title)
                if self._remember and self.plan.position(running.title):
                    self._remember(running.title, running.seconds)
            live, self._live = (self._live, None) if not self._running else (None, self._live)
            if live is not None:
                live.stop()
            note = f" ({running.note})" if running.note else ""
            self.say(f"{running.label}: {outcome}{clock(running.seconds)}{note}{self._rest()}")

    def skip(self, title: str, why: str) -> None:
        """A step that has nothing to do."""
        with self._lock:
            self.finished.add(title)
            self.say(f"{self._label(title, 0)}: {why}")

    def close(self) -> None:
        """Take what is live off the terminal, whatever still runs."""
        with self._lock:
            if self._live is not None:
                self._live.stop()
                self._live = None

    @property
    def width(self) -> int:
        """Columns of the terminal."""
        return self._console.width

    def restore_terminal(self) -> None:
        """Show the cursor that a process hid which was killed."""
        if self.is_live:
            self._console.show_cursor(True)

    def seconds_left(self) -> float:
        """What is left by the plan; 0 where nobody knows."""
        running = {step.title: step.seconds for step in list(self._running)}
        return self.plan.seconds_left(set(self.finished), running)

    def _label(self, title: str, depth: int) -> str:
        number = self.plan.position(title)
        if number is None and not self.plan.steps and not depth and self._counted < self._total:
            self._counted += 1
            number = self._counted
        width = len(str(self._total))
        if number is None:
            return f"{'':>{2 * width + 3}} {title}"
        return f"[{number:>{width}}/{self._total}] {title}"

    def _rest(self) -> str:
        """How long the whole took, and what is left where that is known."""
        total = time.monotonic() - self.begun
        left = self.seconds_left()
        if not self.plan.steps:
            return ""
        return f", {clock(total)} in all" + (f", {about(left)} left" if left else "")

    def _beat(self, running: RunningStep) -> None:
        while not running.ended.wait(BEAT_SECONDS):
            expected = self.plan.seconds.get(running.title)
            more = f" of {about(expected)}" if expected and expected > running.seconds else ""
            told = self.details.get(running.title)
            details = f", {told()}" if told else ""
            self.say(f"{running.label} … {clock(running.seconds)}{more}{details}")

    def _started(self) -> Live:
        # A pytest that captures output has streams of its own in the place of sys.stdout.
        captured = self._console.file not in (sys.stdout, sys.stderr)
        live = Live(
            console=self._console,
            get_renderable=self._shown,
            transient=True,
            refresh_per_second=REFRESH_PER_SECOND,
            redirect_stdout=not captured,
            redirect_stderr=not captured,
        )
        live.start()
        return live

    def _shown(self) -> RenderableType:
        spinner = "dots" if _is_unicode(self._console.encoding) else "line"
        parts: list[RenderableType] = []
        for step in list(self._running):
            expected = self.plan.seconds.get(step.title)
            more = f" of {about(expected)}" if expected else ""
            line = Text(f"{step.label}  {clock(step.seconds)}{more}", no_wrap=True, overflow="crop")
            parts.append(Spinner(spinner, line, speed=1.0))
        if self.below is not None:
            parts.append(self.below())
        if self.plan.steps:
            left = self.seconds_left()
            total = clock(time.monotonic() - self.begun)
            parts.append(Text(f"{total} elapsed" + (f", {about(left)} left" if left else "")))
        return Group(*parts)


def _is_unicode(encoding: str) -> bool:
    return encoding.lower().startswith("utf")


def _printable(text: str, encoding: str) -> str:
    """The text with what the terminal cannot show replaced."""
    if _is_unicode(encoding):
        return text
    return text.replace("…", "...").encode(encoding, "replace").decode(encoding)
