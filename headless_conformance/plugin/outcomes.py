"""What became of each test, and the summary on the terminal.

Works the same under xdist: the report of each phase carries in `conformance` what is known of its test so
far, and what a worker collected, deselected and saw of the cluster travels in its `workeroutput`.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pytest

from headless_conformance.cluster.model import Cluster
from headless_conformance.cluster.observed import observe
from headless_conformance.cluster.outages import Outages
from headless_conformance.cluster.waiting import ObservationError, OutageError
from headless_conformance.core.errors import NotJudgedError, NotSupportedError
from headless_conformance.core.levels import Level
from headless_conformance.core.mismatch import Mismatch
from headless_conformance.plugin.context import (
    RUN,
    CaseProgress,
    Run,
    is_suite_test,
    is_worker,
    reports_folder,
)
from headless_conformance.plugin.markers import requirements_of
from headless_conformance.results.summary import (
    count_table,
    failure_lines,
    next_line,
    not_in_full_line,
    result_line,
    should_sentence,
    unverified_lines,
)
from headless_conformance.results.verdict import Outcome, Verdict

_PHASES = pytest.StashKey[CaseProgress]()
SENT_FACTS = pytest.StashKey[dict[str, str]]()
"""What a worker has said of the cluster so far."""


# pytest types the exception as an attribute of a function.
class _OutcomeSkip(pytest.skip.Exception):  # type: ignore[name-defined,misc]
    """Makes pytest, Allure and JUnit skip a test that has an outcome of ours."""

    outcome = Outcome.SKIPPED
    prefix = ""

    def __init__(self, original: BaseException, reason: str = "") -> None:
        super().__init__(f"{self.prefix}{reason}{original}")
        self.original = original


class NotSupportedSkip(_OutcomeSkip):
    """In place of NotSupportedError."""

    outcome = Outcome.NOT_SUPPORTED
    prefix = "not supported here: "


class NotJudgedSkip(_OutcomeSkip):
    """In place of NotJudgedError."""

    outcome = Outcome.NOT_JUDGED
    prefix = "not judged: "


class KnownDeviationSkip(_OutcomeSkip):
    """In place of a failure that the register lists for this version and all requirements of the test."""

    outcome = Outcome.KNOWN_DEVIATION
    prefix = "known deviation: "


class TestError(Exception):
    """Something went wrong outside a test's own assertions. Makes Allure and JUnit say what we say."""

    __test__ = False

    def __init__(self, original: BaseException) -> None:
        super().__init__(f"{type(original).__name__}: {original}")
        self.original = original


def mismatch_fields(error: BaseException) -> Mapping[str, Any]:
    """The fields of the Mismatch or ObservationError that an exception is or stands for; empty when there are
    none."""
    cause = getattr(error, "original", error)
    observation = cause.observation if isinstance(cause, (Mismatch, ObservationError)) else None
    return observation.fields() if observation else {}


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    run = config.stash[RUN]
    config.pluginmanager.register(_Worker(config, run) if is_worker(config) else _Recorder(config, run))


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, Any, Any]:
    value = yield
    if fixturedef.argname == "cluster" and isinstance(value, Cluster):
        run = request.config.stash[RUN]
        run.facts.update(observe(value))
        if run.settings.target.statefulset:
            run.facts["statefulset"] = run.settings.target.statefulset
    if isinstance(value, Outages):
        request.config.stash[RUN].outages = value
    return value


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    __tracebackhide__ = True
    yield from _set_apart(item, AssertionError, pytest.fail.Exception)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    __tracebackhide__ = True
    # An assertion is the test's verdict here; pytest.fail is a time limit.
    yield from _set_apart(item, pytest.fail.Exception, judged=True)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    __tracebackhide__ = True
    yield from _set_apart(item, AssertionError, pytest.fail.Exception)


def _set_apart(
    item: pytest.Item, *errors: type[BaseException], judged: bool = False
) -> Generator[None, None, None]:
    """Raise our own exceptions in place of those that pytest would take for something else.

    `errors` are no verdicts here; with `judged`, an assertion is one, which the register may know. Nothing is
    one while a part of the cluster does not answer.
    """
    __tracebackhide__ = True
    begun = time.time()
    try:
        yield
    except NotSupportedError as error:
        raise NotSupportedSkip(error).with_traceback(error.__traceback__) from None
    except NotJudgedError as error:
        raise NotJudgedSkip(error).with_traceback(error.__traceback__) from None
    except (Exception, pytest.fail.Exception) as error:
        if not is_suite_test(item.path, item.config):
            raise
        outage = "" if isinstance(error, OutageError) else _outage(item, begun)
        if outage:
            said = f"{outage}\n{type(error).__name__}: {error}"
            raise OutageError(said).with_traceback(error.__traceback__) from None
        if isinstance(error, errors):
            raise TestError(error).with_traceback(error.__traceback__) from None
        known = _known_deviation(item) if judged and isinstance(error, AssertionError) else ""
        if not known:
            raise
        raise KnownDeviationSkip(error, f"{known}: ").with_traceback(error.__traceback__) from None


def _outage(item: pytest.Item, begun: float) -> str:
    """What of the cluster has not answered since then (seconds since the epoch); empty when all did."""
    outages = item.config.stash[RUN].outages
    return outages.since(begun) if outages else ""


def _known_deviation(item: pytest.Item) -> str:
    """Reason and thread, when a failure of the test is a known deviation from all
    that it stands for; else empty."""
    run = item.config.stash[RUN]
    names = [same for found in requirements_of(item) for same in run.documents.equivalents(found.id)]
    test = getattr(item, "originalname", item.name)
    known = [run.documents.requirement(name).deviation(run.kubernetes, test) for name in names]
    return f"{known[0].reason} ({known[0].thread})" if known and all(known) and known[0] else ""


def _outcome(call: pytest.CallInfo[None], report: pytest.TestReport) -> Outcome:
    error = call.excinfo.value if call.excinfo else None
    if error is None:
        return Outcome.ERROR if report.failed else Outcome.PASSED
    if isinstance(error, _OutcomeSkip):
        return error.outcome
    if isinstance(error, pytest.skip.Exception):
        return Outcome.SKIPPED
    return Outcome.FAILED if call.when == "call" and isinstance(error, AssertionError) else Outcome.ERROR


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if is_suite_test(item.path, item.config):
        names = tuple(requirement.id for requirement in requirements_of(item))
        case = item.stash.setdefault(_PHASES, CaseProgress(names))
        message = str(call.excinfo.value).strip() or call.excinfo.typename if call.excinfo else ""
        fields = mismatch_fields(call.excinfo.value) if call.excinfo else {}
        case.worsen(_outcome(call, report), message, round(report.duration, 3), fields)
        # pytest keeps further attributes of a report, and xdist hands them over.
        vars(report)["conformance"] = {**asdict(case), "outcome": case.outcome.value}
        # In every phase: JUnit writes the properties of the last report only.
        report.user_properties += [
            *(("requirement", name) for name in names),
            ("outcome", case.outcome.value),
        ]
        report.user_properties.append(("reason", case.reason))
        if case.fields:
            report.user_properties.append(("mismatch", json.dumps(case.fields, ensure_ascii=False)))
        if news := _news_of_run(item.config):
            vars(report)["conformance_run"] = news
    return report


def _requirement_ids(items: Sequence[pytest.Item]) -> dict[str, tuple[str, ...]]:
    tests = [item for item in items if is_suite_test(item.path, item.config)]
    return {item.nodeid: tuple(requirement.id for requirement in requirements_of(item)) for item in tests}


def _levels_and_outcomes(verdicts: Sequence[Verdict]) -> list[tuple[str, Level, Outcome]]:
    return [(found.requirement.id, found.requirement.level, found.outcome) for found in verdicts]


HANDED_OVER = ("collected", "deselected", "facts")
"""What only a process that collects can know."""


def _known_of_run(config: pytest.Config) -> dict[str, Any]:
    return {key: dict(getattr(config.stash[RUN], key)) for key in HANDED_OVER}


def _news_of_run(config: pytest.Config) -> dict[str, Any]:
    """What a worker knows of the run, when that is more than it has said: one that is ended by an interrupt
    has no time to hand it over at its end."""
    facts = config.stash[RUN].facts
    if not is_worker(config) or config.stash.get(SENT_FACTS, None) == facts:
        return {}
    config.stash[SENT_FACTS] = dict(facts)
    return _known_of_run(config)


def hand_over(config: pytest.Config) -> None:
    """Give what a worker knows of the run to the process that the person started."""
    output: dict[str, Any] = config.workeroutput  # type: ignore[attr-defined]
    output["conformance"] = _known_of_run(config)


class _Worker:
    """Notes what was collected."""

    def __init__(self, config: pytest.Config, run: Run) -> None:
        self.config = config
        self.run = run

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        self.run.deselected.update(_requirement_ids(items))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.run.collected.update(_requirement_ids(session.items))


class _Recorder(_Worker):
    """In the process that the person started: takes the reports in and prints the summary."""

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self._take_over(getattr(node, "workeroutput", {}).get("conformance", {}))

    def _take_over(self, handed: Mapping[str, Mapping[str, Any]]) -> None:
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
        self._take_over(getattr(report, "conformance_run", {}))
        case = self.run.progress.setdefault(report.nodeid, CaseProgress())
        case.under_way = report.when != "teardown"
        case.seconds += report.duration
        said: dict[str, Any] | None = getattr(report, "conformance", None)
        if said is None:
            # xdist made this report for a worker that died.
            case.worsen(Outcome.ERROR, report.longreprtext, report.duration, {})
            return
        case.requirements = tuple(said["requirements"])
        case.worsen(Outcome(said["outcome"]), said["message"], said["phase_seconds"], said["fields"])
        numbers = [(name, value) for name, value in report.user_properties if isinstance(value, int | float)]
        case.measures = tuple((name, float(value)) for name, value in numbers)

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        # pytest ends a run after a collection error by an Interrupted, which is a KeyboardInterrupt too.
        if isinstance(excinfo.value, KeyboardInterrupt) and not isinstance(
            excinfo.value, pytest.Session.Interrupted
        ):
            self.run.interrupt = self.run.interrupt or signal.SIGINT

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        run = self.run
        if not run.is_conformance:
            return
        about = run.about()
        terminalreporter.section(about[0].name(run.lang) if len(about) == 1 else "requirements")
        lines = [
            *failure_lines(run.verdicts, run.unassigned(), run.lang),
            *unverified_lines(run.verdicts),
            *count_table(run.documents, run.verdicts, run.lang),
            *not_in_full_line(run.verdicts),
            *filter(None, [should_sentence(_levels_and_outcomes(run.verdicts))]),
            result_line(run.facts, run.result, run.ended - run.started),
            f"reports in {reports_folder(self.config)}",
            next_line(run.verdicts, run.facts.get("provider", "")),
        ]
        for line in lines:
            terminalreporter.write_line(line)
