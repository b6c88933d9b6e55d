"""What became of each test and each requirement, the exit status, and the summary on the terminal.

Works the same under xdist: each report carries the requirement and outcome of its test in `user_properties`, and what a worker
collected, deselected and saw of the cluster travels in its `workeroutput`.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from headless_conformance.cluster.model import Cluster
from headless_conformance.cluster.observed import observe
from headless_conformance.core.errors import NotSupported
from headless_conformance.plugin.markers import LANG, REGISTER, asks_for_suites, is_suite_test, requirement_of
from headless_conformance.plugin.session import run_context
from headless_conformance.requirements.register import Register
from headless_conformance.results.summary import count_table, failure_lines, result_line, unsupported_lines
from headless_conformance.results.verdict import (
    STATUS_ERROR,
    STATUS_FAILED,
    CaseResult,
    Outcome,
    Result,
    Verdict,
    judge_all,
    result_of,
    status_of,
)

STATUS_INTERRUPTED = 130
"""What a shell reports for a program that ^C ended."""

WORST_FIRST = (Outcome.FAILED, Outcome.ERROR, Outcome.NOT_SUPPORTED, Outcome.SKIPPED, Outcome.PASSED)


PREFIX = "not supported here: "


class NotSupportedHere(pytest.skip.Exception):  # type: ignore[name-defined,misc]  # typed by pytest as an attribute of a function
    """Makes pytest, Allure and JUnit skip what raised NotSupported."""


class TestError(Exception):
    """Something went wrong outside a test's own assertions. Makes Allure and JUnit say what we say."""


@dataclass
class CaseRun:
    """One test while its phases come in."""

    requirement: str = ""
    outcome: Outcome = Outcome.PASSED
    reason: str = ""
    seconds: float = 0.0
    measures: tuple[tuple[str, float], ...] = ()

    def worsen(self, outcome: Outcome, reason: str) -> None:
        if WORST_FIRST.index(outcome) < WORST_FIRST.index(self.outcome):
            self.outcome, self.reason = outcome, reason


@dataclass
class Run:
    """What the process that the person started knows of the run."""

    register: Register
    is_conformance: bool
    """Whether tests are to be executed; a run of our own tests alone keeps pytest's ways."""
    started: float = field(default_factory=time.time)
    """Seconds since the epoch, as is `ended`."""
    ended: float = 0.0
    tests: dict[str, CaseRun] = field(default_factory=dict)
    collected: dict[str, str] = field(default_factory=dict)
    """Requirement by node ID."""
    deselected: dict[str, str] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    """About the cluster, as seen by a process that had it."""
    aborted: dict[str, str] = field(default_factory=dict)
    """What kept tests from being collected or pytest from going on, by file or program."""
    interrupted: bool = False
    others_failed: bool = False

    def finished(self) -> list[CaseResult]:
        """Every test with its outcome, those that never ran included."""
        ran = [
            CaseResult(node, run.requirement or self.collected.get(node, ""), run.outcome, run.reason, run.seconds, run.measures)
            for node, run in self.tests.items()
        ]
        never = {node: requirement for node, requirement in self.collected.items() if node not in self.tests}
        return [
            *ran,
            *(CaseResult(node, requirement, Outcome.SKIPPED, "the run ended before it") for node, requirement in never.items()),
            *(CaseResult(node, requirement, Outcome.SKIPPED, "deselected") for node, requirement in self.deselected.items()),
        ]

    def verdicts(self) -> list[Verdict]:
        return judge_all(self.register.requirements, self.finished())

    def unassigned(self) -> list[CaseResult]:
        """Specs that stand for no requirement of the register, and files whose tests could not be collected."""
        aborted = [CaseResult(node, "", Outcome.ERROR, reason) for node, reason in self.aborted.items()]
        return [case for case in self.finished() if not case.requirement] + aborted

    def result(self) -> Result:
        return result_of(self.verdicts(), self.unassigned())

    def status(self, pytest_status: int, *, strict: bool) -> int:
        """Our exit status for pytest's: an aborted collection or a crash of pytest is never better than broken."""
        if self.interrupted:
            return STATUS_INTERRUPTED
        status = status_of(self.verdicts(), self.unassigned(), strict=strict)
        if status == STATUS_FAILED or self.others_failed:
            return STATUS_FAILED
        if pytest_status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            return STATUS_ERROR
        return status


RUN = pytest.StashKey[Run]()
PHASES = pytest.StashKey[CaseRun]()


def is_worker(config: pytest.Config) -> bool:
    """Whether this process only runs tests for another one."""
    return hasattr(config, "workerinput")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    run = config.stash[RUN] = Run(config.stash[REGISTER], is_conformance=asks_for_suites(config))
    config.pluginmanager.register(_Worker(config, run) if is_worker(config) else _Recorder(config, run))


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> Generator[None, Any, Any]:
    value = yield
    if fixturedef.argname == "cluster" and isinstance(value, Cluster):
        request.config.stash[RUN].facts.update(observe(value))
    return value


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    __tracebackhide__ = True
    yield from _set_apart(item, AssertionError, pytest.fail.Exception)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    __tracebackhide__ = True
    # An assertion is the test's verdict here; pytest.fail is a time limit.
    yield from _set_apart(item, pytest.fail.Exception)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    __tracebackhide__ = True
    yield from _set_apart(item, AssertionError, pytest.fail.Exception)


def _set_apart(item: pytest.Item, *kinds: type[BaseException]) -> Generator[None, None, None]:
    __tracebackhide__ = True
    try:
        yield
    except NotSupported as error:
        raise NotSupportedHere(f"{PREFIX}{error}").with_traceback(error.__traceback__) from None
    except kinds as error:
        if not is_suite_test(item.path, item.config):
            raise
        raise TestError(f"{type(error).__name__}: {error}").with_traceback(error.__traceback__) from None


def _outcome(call: pytest.CallInfo[None], report: pytest.TestReport) -> Outcome:
    error = call.excinfo.value if call.excinfo else None
    if error is None:
        return Outcome.ERROR if report.failed else Outcome.PASSED
    if isinstance(error, NotSupportedHere):
        return Outcome.NOT_SUPPORTED
    if isinstance(error, pytest.skip.Exception):
        return Outcome.SKIPPED
    return Outcome.FAILED if call.when == "call" and isinstance(error, AssertionError) else Outcome.ERROR


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if is_suite_test(item.path, item.config):
        requirement = requirement_of(item)
        run = item.stash.setdefault(PHASES, CaseRun(requirement.id if requirement else ""))
        message = str(call.excinfo.value).strip() or call.excinfo.typename if call.excinfo else ""
        run.worsen(_outcome(call, report), message.partition("\n")[0])
        # The outcome so far in every phase: JUnit writes the properties of the last report only.
        report.user_properties += [("requirement", run.requirement), ("outcome", run.outcome.value), ("reason", run.reason)]
    return report


def _requirements(items: Sequence[pytest.Item]) -> dict[str, str]:
    tests = [item for item in items if is_suite_test(item.path, item.config)]
    return {item.nodeid: requirement.id if (requirement := requirement_of(item)) else "" for item in tests}


class _Worker:
    """In an xdist worker: hands on what only a process that collects can know."""

    def __init__(self, config: pytest.Config, run: Run) -> None:
        self.config = config
        self.run = run

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        self.run.deselected.update(_requirements(items))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.run.collected.update(_requirements(session.items))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        output: dict[str, Any] = self.config.workeroutput  # type: ignore[attr-defined]
        output["conformance"] = {key: getattr(self.run, key) for key in ("collected", "deselected", "facts")}


class _Recorder(_Worker):
    """In the process that the person started: takes the reports in, sets the exit status and prints the summary."""

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        handed: dict[str, dict[str, str]] = getattr(node, "workeroutput", {}).get("conformance", {})
        for key, value in handed.items():
            getattr(self.run, key).update(value)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and is_suite_test(self.config.rootpath / report.nodeid, self.config):
            lines = report.longreprtext.strip().splitlines()
            self.run.aborted[report.nodeid] = lines[-1] if lines else "it could not be collected"

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        self.run.aborted["pytest"] = excinfo.exconly().partition("\n")[0]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not is_suite_test(self.config.rootpath / report.nodeid.split("::")[0], self.config):
            self.run.others_failed |= report.failed
            return
        run = self.run.tests.setdefault(report.nodeid, CaseRun())
        run.seconds += report.duration
        said = dict(report.user_properties)
        if "outcome" not in said:
            # xdist made this report for a worker that died.
            run.worsen(Outcome.ERROR, report.longreprtext.partition("\n")[0])
            return
        run.requirement = str(said["requirement"])
        run.worsen(Outcome(str(said["outcome"])), str(said["reason"]))
        run.measures = tuple((name, float(value)) for name, value in report.user_properties if isinstance(value, int | float))

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        # pytest ends a run after a collection error by an Interrupted, which is a KeyboardInterrupt too.
        self.run.interrupted = isinstance(excinfo.value, KeyboardInterrupt) and not isinstance(
            excinfo.value, pytest.Session.Interrupted
        )

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self.run.ended = time.time()
        if self.run.is_conformance:
            strict = run_context(self.config).settings.strict
            session.exitstatus = self.run.status(session.exitstatus, strict=strict)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.run.is_conformance:
            return
        lang = self.config.stash[LANG]
        terminalreporter.section(self.run.register.title_zh if lang == "zh" else self.run.register.title)
        run = self.run
        counts = count_table(run.verdicts())
        for line in [*failure_lines(run.verdicts(), run.unassigned(), lang), *unsupported_lines(run.verdicts()), *counts]:
            terminalreporter.write_line(line)
        terminalreporter.write_line(result_line(run.facts, run.result(), run.ended - run.started))
        terminalreporter.write_line(f"reports in {self.config.rootpath / 'reports'}")
