"""Progress lines: position, title, outcome, time; and the live lines of a terminal."""

import io
import re
import sys
import threading

import pytest

from headless_conformance.cluster.terminal import on_terminal
from headless_conformance.core import progress as progressing
from headless_conformance.core.paths import ROOT
from headless_conformance.core.plan import Step, StepPlan
from headless_conformance.core.progress import Progress, about, clock


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (10, "0:10"), (75.2, "1:15"), (3601, "60:01")]
)
def test_times_are_written_for_people(seconds: float, text: str) -> None:
    assert clock(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "about 5 s"), (22, "about 20 s"), (59, "about 60 s"), (61, "about 1 min"), (700, "about 12 min")],
)
def test_estimates_are_no_more_exact_than_they_are(seconds: float, text: str) -> None:
    assert about(seconds) == text


def test_a_step_is_one_line_when_it_ended() -> None:
    out = io.StringIO()
    progress = Progress(total=3, out=out)
    with progress.step("first"):
        assert out.getvalue() == ""
    with pytest.raises(ValueError, match="no"), progress.step("second"):
        raise ValueError("no")
    progress.skip("third", "not needed")
    lines = out.getvalue().splitlines()
    assert re.fullmatch(r"\[1/3\] first: \d\.\d s", lines[0])
    assert re.fullmatch(r"\[2/3\] second: failed after \d\.\d s", lines[1])
    assert lines[2:] == ["[3/3] third: not needed"]


def test_what_was_not_foreseen_has_no_number_and_changes_none() -> None:
    out = io.StringIO()
    progress = Progress(total=2, out=out)
    with progress.step("outer"), progress.step("inner"):
        pass
    with progress.step("last"):
        pass
    with progress.step("one more"):
        pass
    heads = [line.partition(":")[0] for line in out.getvalue().splitlines()]
    assert heads == ["      inner", "[1/2] outer", "[2/2] last", "      one more"]


def test_a_planned_step_has_its_number_whenever_it_comes() -> None:
    out = io.StringIO()
    plan = StepPlan.of("build a", "build b", "cluster", "tests")
    progress = Progress(out=out, plan=plan)
    both = threading.Barrier(2)

    def build(title: str) -> None:
        with progress.step(title):
            both.wait(10)

    threads = [threading.Thread(target=build, args=(title,)) for title in ("build b", "build a")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with progress.step("cluster") as step:
        step.note = "already there"
    *builds, cluster = out.getvalue().splitlines()
    assert {line.partition(":")[0] for line in builds} == {"[1/4] build a", "[2/4] build b"}
    assert re.fullmatch(r"\[3/4\] cluster: \d\.\d s \(already there\), \d\.\d s in all", cluster)


def test_the_rest_is_estimated_where_it_is_known() -> None:
    out = io.StringIO()
    plan = StepPlan((Step("cluster"), Step("tests")), {"cluster": 40, "tests": 118})
    with Progress(out=out, plan=plan).step("cluster"):
        pass
    assert out.getvalue().endswith(" in all, about 2 min left\n")


def test_what_ended_well_and_was_planned_is_remembered() -> None:
    seen: list[str] = []
    plan = StepPlan.of("build", "cluster")
    progress = Progress(
        out=io.StringIO(), plan=plan, remember=lambda title, seconds: seen.append(f"{title} {seconds:.0f}")
    )
    with progress.step("build"), progress.step("inner"):
        pass
    with pytest.raises(ValueError, match="no"), progress.step("cluster"):
        raise ValueError("no")
    assert seen == ["build 0"]


def test_a_run_goes_on_in_another_process_where_it_was() -> None:
    out = io.StringIO()
    plan = StepPlan((Step("build"), Step("cluster"), Step("tests")), {"build": 600, "tests": 60})
    progress = Progress(out=out, plan=plan, begun=0.0, finished=["build"])
    with progress.step("cluster"):
        pass
    assert re.fullmatch(
        r"\[2/3\] cluster: \d\.\d s, \d+:\d\d in all, about 1 min left", out.getvalue().strip()
    )


def test_what_is_said_is_said_as_it_is() -> None:
    out = io.StringIO()
    text = f"[bold]a[/bold] :smile: {'long ' * 60}end"
    Progress(1, out).say(text)
    assert out.getvalue() == f"{text}\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_unicode_gets_what_it_can_show(encoding: str) -> None:
    raw = io.BytesIO()
    Progress(1, io.TextIOWrapper(raw, encoding=encoding, line_buffering=True)).say("名字 runs … 1:00")
    assert raw.getvalue() == b"?? runs ... 1:00\n"


def test_a_long_step_says_that_it_still_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progressing, "BEAT_SECONDS", 0.01)
    seen_twice = threading.Event()

    class Out(io.StringIO):
        def write(self, text: str) -> int:
            if text.count("…") and "…" in self.getvalue():
                seen_twice.set()
            return super().write(text)

    out = Out()
    progress = Progress(out=out, plan=StepPlan((Step("slow"),), {"slow": 240}))
    progress.details = {"slow": lambda: "3 of 9 decided"}
    with progress.step("slow"):
        assert seen_twice.wait(10)
    *beats, last = out.getvalue().splitlines()
    assert all(re.fullmatch(r"\[1/1\] slow … 0\.\d s of about 4 min, 3 of 9 decided", beat) for beat in beats)
    assert last.startswith("[1/1] slow: 0.")


def test_a_beat_is_at_most_one_line_a_minute() -> None:
    assert progressing.BEAT_SECONDS >= 60


SCRIPT = """
import sys, threading
from headless_conformance.core.plan import StepPlan, Step
from headless_conformance.core.progress import Progress
steps = (Step("outer"), Step("other"), Step("wrong"))
progress = Progress(out=sys.stdout, plan=StepPlan(steps, {"other": 50}))
progress.below = lambda: "a table"
with progress.step("outer"):
    with progress.step("inner"):
        progress.say("a remark")
        other = progress.begin("other")
        input()
        progress.end(other)
try:
    with progress.step("wrong"):
        raise KeyboardInterrupt
except KeyboardInterrupt:
    print("ended")
"""


def test_a_terminal_shows_the_running_steps_and_keeps_how_each_ended() -> None:
    env = {"PATH": "/usr/bin:/bin", "TERM": "xterm", "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    with on_terminal([sys.executable, "-c", SCRIPT], env) as terminal:
        for text in ("[2/3] other  1.", "of about 50 s", "a table", "elapsed, about"):
            assert terminal.read_until(text, 20), text
        terminal.type("")
        assert terminal.read_to_end(20) == 0
        text = terminal.text
    assert "a remark\n" in text
    ends = re.findall(r"(?:\[\d/\d\]|  ) (\w+): (failed after )?\d\.\d s, \d\.\d s in all", text)
    assert ends == [("other", ""), ("inner", ""), ("outer", ""), ("wrong", "failed after ")]
    assert text.endswith("ended\n")


def test_colours_in_a_log_are_no_reason_for_live_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    out = io.StringIO()
    with Progress(1, out).step("first"):
        pass
    assert out.getvalue().count("\n") == 1
    assert "\x1b[?25l" not in out.getvalue()
