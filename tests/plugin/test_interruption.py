"""A run that is interrupted: what counts as decided, what is known of the cluster, and what a second
interrupt does to the end of the session."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from headless_conformance.plugin.context import RUN, CaseProgress, Run
from headless_conformance.plugin.outcomes import _news_of_run, _Recorder
from headless_conformance.plugin.session import InterruptError, InterruptHandler
from headless_conformance.providers.run_context import context_of_environment
from headless_conformance.requirements.documents import Documents
from headless_conformance.results.verdict import Outcome

NODE = "suites/scale/test_a.py::test_a"


@pytest.fixture
def run() -> Run:
    return Run(context_of_environment({}), Documents(()), {}, is_conformance=True)


class Config:
    """A pytest process: a worker when it has `workerinput`."""

    def __init__(self, run: Run, rootpath: Any, *, worker: bool) -> None:
        self.stash = pytest.Stash()
        self.stash[RUN] = run
        self.rootpath = rootpath
        if worker:
            self.workerinput: dict[str, str] = {}


def phase(when: str, outcome: Outcome = Outcome.PASSED, **more: Any) -> Any:
    """A report that a worker sent."""
    report: Any = pytest.TestReport(NODE, (NODE, 1, ""), {}, "passed", None, when, duration=0.1)  # type: ignore[arg-type]
    report.conformance = {
        "requirements": ("DOC-A",),
        "outcome": outcome.value,
        "message": "",
        "phase_seconds": 0.1,
        "fields": {},
    }
    vars(report).update(more)
    return report


def recorded(run: Run, pytestconfig: pytest.Config, *reports: Any) -> CaseProgress:
    recorder = _Recorder(Config(run, pytestconfig.rootpath, worker=False), run)  # type: ignore[arg-type]
    for report in reports:
        recorder.pytest_runtest_logreport(report)
    return run.progress[NODE]


def test_a_test_that_was_cut_off_has_not_passed(run: Run, pytestconfig: pytest.Config) -> None:
    case = recorded(run, pytestconfig, phase("setup"), phase("call"))
    result = case.as_result(NODE, ())
    assert (result.outcome, result.reason) == (Outcome.SKIPPED, "the run ended in the middle of it")
    assert result.requirements == ("DOC-A",)


def test_a_test_that_ended_or_had_failed_counts(run: Run, pytestconfig: pytest.Config) -> None:
    case = recorded(run, pytestconfig, phase("setup"), phase("call"), phase("teardown"))
    assert case.as_result(NODE, ()).outcome is Outcome.PASSED
    case = recorded(run, pytestconfig, phase("setup"), phase("call", Outcome.FAILED))
    assert case.as_result(NODE, ()).outcome is Outcome.FAILED


def test_what_a_worker_knows_travels_with_its_first_report_after_it_learned_it(
    run: Run, pytestconfig: pytest.Config
) -> None:
    worker: Any = Config(run, pytestconfig.rootpath, worker=True)
    run.collected[NODE] = ("DOC-A",)
    assert _news_of_run(worker) == {"collected": {NODE: ("DOC-A",)}, "deselected": {}, "facts": {}}
    assert _news_of_run(worker) == {}
    run.facts["provider"] = "kind"
    news = _news_of_run(worker)
    assert news["facts"] == {"provider": "kind"}
    asked: Any = Config(run, pytestconfig.rootpath, worker=False)
    assert _news_of_run(asked) == {}
    other = Run(run.context, Documents(()), {}, is_conformance=True)
    recorded(other, pytestconfig, phase("setup", conformance_run=news))
    assert (other.facts, other.collected) == (run.facts, run.collected)


@pytest.fixture
def listening(run: Run) -> Iterator[InterruptHandler]:
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}
    interruption = InterruptHandler(run, has_workers=False)
    interruption.listen()
    yield interruption
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_the_first_interrupt_ends_the_tests_and_no_other_disturbs(
    run: Run, listening: InterruptHandler, number: signal.Signals
) -> None:
    with pytest.raises(InterruptError):
        os.kill(os.getpid(), number)
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGTERM)
    assert run.interrupt == number


def test_an_interrupt_at_the_end_of_a_session_lets_it_end(run: Run, listening: InterruptHandler) -> None:
    listening.expected = False
    os.kill(os.getpid(), signal.SIGINT)
    assert run.interrupt == signal.SIGINT
