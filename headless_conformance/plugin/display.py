"""What a person sees of a run of the suites: steps, then requirements as they are decided.

One process speaks, the one that the person started. With -v, -q, -s or --pdb, pytest's own lines come in the
place of those about requirements.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, TextIO

import pytest
from rich.cells import set_cell_size
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from headless_conformance.core.progress import RunningStep, clock
from headless_conformance.core.progress_channel import CHANNEL_VARIABLE, ChannelProgress, ProgressPipe
from headless_conformance.plugin.context import RUN, Run, is_suite_test, is_worker
from headless_conformance.providers.run_plan import (
    PLAN_VARIABLE,
    REPORT,
    cluster_step,
    for_share,
    progress_of_pytest,
    remember_whole_suite,
    tests_step,
)
from headless_conformance.results.verdict import FAILING, Outcome, Verdict

WORDS = {Outcome.PASSED: "PASS", Outcome.FAILED: "FAIL", Outcome.ERROR: "ERROR"}
"""What a line begins with; other outcomes as they are called."""
STYLES = {Outcome.PASSED: "green", Outcome.FAILED: "bold red", Outcome.ERROR: "red"}
WIDTH_OF_WORD = max(len(outcome.words) for outcome in Outcome)
LINE_WIDTH = 110
"""Of a line about a requirement where there is no terminal that has a width."""
NARROWEST = 10
"""Of a sentence: below that it is left out."""


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """After pytest-xdist's own, which sets up what shows its workers."""
    run = config.stash[RUN]
    if is_worker(config):
        if channel := os.environ.get(CHANNEL_VARIABLE):
            run.context.progress = ChannelProgress(Path(channel))
    elif run.is_conformance:
        config.pluginmanager.register(RunDisplay(config, run))


def _own_stdout() -> TextIO:
    """The standard output as it is now, also while pytest captures what a test prints."""
    sys.stdout.flush()
    return os.fdopen(
        os.dup(sys.stdout.fileno()), "w", buffering=1, encoding=sys.stdout.encoding, errors="replace"
    )


def _workers(config: pytest.Config) -> int:
    """How many tests run at once."""
    return max(len(config.getoption("tx", None) or ()), 1)


def wants_pytests_lines(config: pytest.Config) -> bool:
    """Whether the person asked pytest for lines of its own about each test."""
    option = config.option
    return bool(option.verbose or option.usepdb or option.trace or option.setupshow or option.capture == "no")


class RunDisplay:
    """Shows a run, in the process that the person started."""

    def __init__(self, config: pytest.Config, run: Run) -> None:
        self._config = config
        self._run = run
        of_run = run.context.provider, run.settings
        self._cluster, self._tests = cluster_step(*of_run), tests_step(*of_run)
        text = os.environ.pop(PLAN_VARIABLE, "")
        self._keeps_seconds = bool(text)
        self._progress = progress_of_pytest(text, *of_run, _own_stdout(), _workers(config))
        self._decisions = run.decisions
        self._steps: dict[str, RunningStep] = {}
        self._now: dict[str, float] = {}
        """When the tests that run now began, by node ID."""
        self._is_needed = False
        """Whether a test has asked for the cluster."""
        self._is_over = False
        """Whether no test is going to run any more."""
        self._is_expecting = False
        self._seconds_of_tests = 0.0
        self._shows_requirements = not wants_pytests_lines(config)
        if self._shows_requirements:
            self._progress.below = self._table
            self._progress.details = {self._tests: self._how_far}
            self._silence_pytest()
        else:
            # Nothing is drawn where pytest writes, and its lines say how far the tests are.
            self._progress.is_live = False
            self._progress.told_by_others = {self._tests}
            self._progress.begin_line = self._end_pytests_line
        functions: dict[str, Callable[..., object]] = {
            "say": self._progress.say,
            "begin": self._begin_of_test,
            "end": self._end,
            "skip": self._progress.skip,
        }
        self._channel = ProgressPipe(run.context.pipe, functions)
        # Of this process as of a worker: the fixtures of a test are the same.
        run.context.progress = ChannelProgress(run.context.pipe)
        os.environ[CHANNEL_VARIABLE] = str(run.context.pipe)

    def _silence_pytest(self) -> None:
        """No header and no dots; what pytest says at the end stays."""
        # As with -q, which has no other effect on the end than a plainer last line.
        self._config.option.verbose = -1
        manager = self._config.pluginmanager
        if (session := manager.getplugin("dsession")) is not None:
            manager.unregister(name="terminaldistreporter")
            # As pytest-xdist has it where there is no terminal reporter.
            session.terminal = None

    def _end_pytests_line(self) -> None:
        """With -q, the dots of the tests that have ended."""
        writer = self._config.get_terminal_writer()
        if writer.width_of_current_line:
            writer.line()
        writer.flush()

    @pytest.hookimpl(wrapper=True)
    def pytest_report_teststatus(
        self, report: pytest.CollectReport | pytest.TestReport
    ) -> Generator[None, Any, Any]:
        category, letter, word = yield
        is_running = self._shows_requirements and not self._is_over and report.when in _PHASES
        return (category, "", "") if is_running else (category, letter, word)

    # Steps

    def _begin(self, title: str) -> None:
        """Several workers come to the same step; the first one to end it ends it for all."""
        if title not in self._steps and title not in self._progress.finished:
            self._steps[title] = self._progress.begin(title)

    def _begin_of_test(self, title: str) -> None:
        self._is_needed = self._is_needed or title == self._cluster
        self._begin(title)

    def _end(self, title: str, outcome: str = "", note: str = "") -> None:
        if (step := self._steps.pop(title, None)) is not None:
            step.note = note
            if title == self._cluster and not outcome:
                self._begin(self._tests)
            self._progress.end(step, outcome)

    def pytest_sessionstart(self) -> None:
        self._begin(self._cluster)

    def pytest_conformance_tests_ended(self) -> None:
        self._is_over = True
        os.environ.pop(CHANNEL_VARIABLE, None)
        self._end(self._cluster, "not there after " if self._is_needed else "not needed in ")
        tests = self._steps.get(self._tests)
        self._seconds_of_tests = tests.seconds if tests else 0.0
        self._end(self._tests, "interrupted after " if self._run.interrupt else "", self._how_far())
        self._progress.below = None
        self._begin(REPORT)

    def pytest_conformance_workers_ended(self) -> None:
        run = self._run
        self._channel.close()
        run.context.progress = self._progress
        is_whole = len(run.chosen) == len(run.documents.requirements) and not run.deselected
        if self._keeps_seconds and is_whole and len(run.progress) == len(run.collected) > 0:
            remember_whole_suite(run.context.provider, run.settings, self._seconds_of_tests)

    @pytest.hookimpl(trylast=True)
    def pytest_conformance_finished(self) -> None:
        self._end(REPORT)

    @pytest.hookimpl(tryfirst=True)
    def pytest_terminal_summary(self) -> None:
        self._progress.close()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        if error and self._shows_requirements:
            self._progress.say(f"pytest worker {node.gateway.id} ended: {error}", "red")

    # Tests

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self) -> None:
        """Of the process that runs the tests itself: among workers, the first report tells of them."""
        self._expect()

    def _expect(self) -> None:
        """Take in all tests, once they are known."""
        if not (collected := self._run.collected):
            return
        self._is_expecting = True
        if not self._keeps_seconds:
            known = sum(not found.untestable for found in self._run.documents.requirements.values())
            share = len(self._decisions.expected(collected)) / max(known, 1)
            self._progress.plan = for_share(self._progress.plan, share)
        self._decisions.leave_out(self._run.left_out())
        self._tell(self._decisions.expect(collected))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._now[nodeid] = time.monotonic()

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """After the outcome was taken in."""
        if not is_suite_test(self._config.rootpath / report.nodeid.split("::")[0], self._config):
            return
        self._begin(self._tests)
        # A worker's first report brings along which tests there are.
        if not self._is_expecting:
            self._expect()
        if report.when in ("setup", "call"):
            return
        self._now.pop(report.nodeid, None)
        names = self._run.collected.get(report.nodeid, ())
        self._tell(self._decisions.end(self._run.progress[report.nodeid].as_result(report.nodeid, names)))

    def _tell(self, verdicts: list[Verdict]) -> None:
        """A line for each requirement that was looked at; on a terminal, whose table counts the others, for
        what failed."""
        told = [verdict for verdict in verdicts if verdict.outcome is not Outcome.SKIPPED]
        for verdict in told if self._shows_requirements else ():
            if not self._progress.is_live or verdict.outcome in (*FAILING, Outcome.KNOWN_DEVIATION):
                self._progress.say(self._line(verdict), STYLES.get(verdict.outcome, ""))

    def _line(self, verdict: Verdict) -> str:
        requirement = verdict.requirement
        word = WORDS.get(verdict.outcome, verdict.outcome.words)
        level = "" if requirement.level == "MUST" else f"{requirement.level}: "
        head = f"{word:<{WIDTH_OF_WORD}}  {requirement.id}"
        seconds = clock(verdict.seconds)
        width = shutil.get_terminal_size((LINE_WIDTH, 24)).columns - len(head) - len(seconds) - 5
        if width < NARROWEST:
            return f"{head}  {seconds}"
        return f"{head}  {_cut(level + requirement.sentence(self._run.lang), width)}  {seconds}"

    def _how_far(self) -> str:
        done, of = len(self._decisions.verdicts), len(self._decisions.chosen)
        return f"{done} of {of} decided"

    def _table(self) -> RenderableType:
        if self._tests not in self._steps:
            return Text("")
        titles = ("passed", "failed", "error", "other", "to do")
        numbers = sum(len(title) + 2 for title in titles)
        table = Table(box=None, padding=(0, 0, 0, 2), header_style="")
        widest = max(self._progress.width - numbers - 3, NARROWEST)
        table.add_column("requirements of", no_wrap=True, overflow="crop", max_width=widest)
        for title in titles:
            table.add_column(title, justify="right", no_wrap=True, min_width=len(title))
        for section, counts in self._decisions.counts(self._run.lang).items():
            passed, failed, error = (counts[outcome] for outcome in WORDS)
            to_do = counts[None]
            other = counts.total() - passed - failed - error - to_do
            shown = (passed, failed, error, other, to_do)
            bad = failed or error
            table.add_row(
                section,
                *(str(number) if number else "" for number in shown),
                style="red" if bad else ("" if to_do else "green"),
            )
        now = time.monotonic()
        running = [
            Text(f"  now: {_name(nodeid)}  {clock(now - begun)}", no_wrap=True, overflow="crop")
            for nodeid, begun in list(self._now.items())
        ]
        return Group(*running, table)


_PHASES = ("setup", "call", "teardown")


def _name(nodeid: str) -> str:
    """A test without the folders that all have in common."""
    return nodeid.rpartition("/")[2].replace("::", " ").replace(".py", "")


def _cut(text: str, width: int) -> str:
    """The text in exactly so many columns of a terminal."""
    cut = Text(text)
    cut.truncate(width, overflow="ellipsis")
    return set_cell_size(cut.plain, width)
