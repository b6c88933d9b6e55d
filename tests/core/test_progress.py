"""Progress lines: position, title, outcome, time; and the live line of a terminal."""

import io
import re
import sys
import threading

import pytest

from headless_conformance.cluster.terminal import on_terminal
from headless_conformance.core import progress as progressing
from headless_conformance.core.paths import ROOT
from headless_conformance.core.progress import Progress, clock


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (10, "0:10"), (75.2, "1:15"), (3601, "60:01")]
)
def test_times_are_written_for_people(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_a_step_says_when_it_starts_and_how_it_ended() -> None:
    out = io.StringIO()
    progress = Progress(total=2, out=out)
    with progress.step("first"):
        pass
    with pytest.raises(ValueError, match="no"), progress.step("second"):
        raise ValueError("no")
    progress.skip("third", "not needed")
    lines = out.getvalue().splitlines()
    assert lines[0] == "[ 1/2] first"
    assert re.fullmatch(r"\[ 1/2\] first: done in \d\.\d s \(total \d\.\d s\)", lines[1])
    assert lines[2] == "[ 2/2] second"
    assert re.fullmatch(r"\[ 2/2\] second: failed in .*", lines[3])
    assert lines[4:] == ["[ 3/2] third: not needed"]


def test_what_is_said_is_said_as_it_is() -> None:
    out = io.StringIO()
    text = f"[bold]a[/bold] :smile: {'long ' * 60}end"
    Progress(1, out).say(text)
    assert out.getvalue() == f"{text}\n"


def test_a_long_step_says_that_it_still_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progressing, "BEAT_SECONDS", 0.01)
    seen_twice = threading.Event()

    class Out(io.StringIO):
        def write(self, text: str) -> int:
            if text.count("…") and "…" in self.getvalue():
                seen_twice.set()
            return super().write(text)

    out = Out()
    with Progress(1, out).step("slow"):
        assert seen_twice.wait(10)
    first, *beats, last = out.getvalue().splitlines()
    assert first == "[ 1/1] slow"
    assert all(re.fullmatch(r"\[ 1/1\] slow … 0\.\d s", beat) for beat in beats)
    assert last.startswith("[ 1/1] slow: done in")


def test_a_beat_is_at_most_one_line_a_minute() -> None:
    assert progressing.BEAT_SECONDS >= 60


SCRIPT = """
from headless_conformance.core.progress import Progress
outer, inner = Progress(2), Progress(1)
with outer.step("outer"):
    with inner.step("inner"):
        inner.say("a remark")
        input()
try:
    with outer.step("wrong"):
        raise KeyboardInterrupt
except KeyboardInterrupt:
    print("ended")
"""


def test_a_terminal_shows_the_running_step_and_keeps_how_each_ended() -> None:
    env = {"PATH": "/usr/bin:/bin", "TERM": "xterm", "PYTHONPATH": str(ROOT)}
    with on_terminal([sys.executable, "-c", SCRIPT], env) as terminal:
        assert terminal.read_until("[ 1/1] inner", 20)
        assert terminal.read_until("0:00:01", 20)
        terminal.type("")
        assert terminal.read_to_end(20) == 0
        text = terminal.text
    assert "a remark\n" in text
    ends = re.findall(r"\[ \d/\d\] (\w+): (\w+) in \d\.\d s \(total \d\.\d s\)$", text, re.MULTILINE)
    assert ends == [("inner", "done"), ("outer", "done"), ("wrong", "failed")]
    assert text.endswith("ended\n")
