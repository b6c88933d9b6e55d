"""The end of a session: what is done in which order, and what an error in one step does to the others."""

from __future__ import annotations

import ast
import inspect
import re
from types import SimpleNamespace
from typing import Any

import pytest

from headless_conformance.core.paths import ROOT
from headless_conformance.plugin import hooks
from headless_conformance.plugin import session as ending
from headless_conformance.plugin.context import CONTEXT, RUN, CaseProgress, Run
from headless_conformance.providers.interface import RunContext
from headless_conformance.providers.run_context import context_of_environment
from headless_conformance.requirements.documents import Documents
from headless_conformance.results.verdict import Result

PACKAGE = ROOT / "headless_conformance"


class Steps:
    """Stands for the cluster and the other plugins, and notes what is asked of them."""

    def __init__(self, failing: str = "") -> None:
        self.taken: list[str] = []
        self.kept: bool | None = None
        self._failing = failing

    def take(self, step: str) -> None:
        self.taken.append(step)
        if step == self._failing:
            raise OSError(f"no {step}")

    def pytest_conformance_workers_ended(self, session: Any) -> None:
        self.take("close")

    def pytest_conformance_undo(self, session: Any) -> None:
        self.take("undo")

    def pytest_conformance_diagnose(self, session: Any) -> None:
        self.take("diagnose")

    def pytest_conformance_finished(self, session: Any, run: Run) -> None:
        assert run.result is not None
        self.take("finished")

    def end_session(self, context: RunContext[Any]) -> None:
        self.kept = context.keep
        self.take("leave")


def _ended(
    steps: Steps, monkeypatch: pytest.MonkeyPatch, *, is_conformance: bool = True, failed: int = 1
) -> tuple[Run, Any]:
    """A session that ended under KEEP=1 with one passed test."""
    context = context_of_environment({"KEEP": "1"})
    monkeypatch.setattr(context, "end_session", lambda: steps.end_session(context))
    monkeypatch.setattr(ending, "_remove_created", lambda context: steps.take("remove"))
    run = Run(context, Documents(()), {}, is_conformance)
    run.progress["suites/scale/test_a.py::test_a"] = CaseProgress()
    stash = pytest.Stash()
    stash[RUN], stash[CONTEXT] = run, context
    session: Any = SimpleNamespace(
        config=SimpleNamespace(stash=stash, hook=steps), testsfailed=failed, exitstatus=0
    )
    ending.finish_session(session)
    return run, session


def test_changes_are_undone_before_anything_is_deleted_and_results_come_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = Steps()
    run, session = _ended(steps, monkeypatch)
    assert steps.taken == ["close", "undo", "diagnose", "remove", "leave", "finished"]
    assert steps.kept is True
    assert (run.result, session.exitstatus) == (Result.SUCCESS, 0)


def test_a_run_without_failures_needs_no_last_look(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = Steps()
    _ended(steps, monkeypatch, failed=0)
    assert steps.taken == ["close", "undo", "remove", "leave", "finished"]


def test_a_cluster_that_could_not_be_put_back_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = Steps(failing="undo")
    run, session = _ended(steps, monkeypatch)
    assert steps.taken == ["close", "undo", "diagnose", "remove", "leave", "finished"]
    assert steps.kept is False
    assert run.aborted == {"putting the cluster back": "OSError: no undo"}
    assert (run.result, session.exitstatus) == (Result.FAILURE, 2)


@pytest.mark.parametrize("step", ["close", "diagnose", "remove", "leave"])
def test_a_step_that_fails_stops_no_other_and_is_reported(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    steps = Steps(failing=step)
    run, session = _ended(steps, monkeypatch)
    assert steps.taken == ["close", "undo", "diagnose", "remove", "leave", "finished"]
    assert [case.reason for case in run.unassigned() if case.outcome == "error"] == [f"OSError: no {step}"]
    assert session.exitstatus == 2


def test_our_own_tests_are_not_judged_and_hide_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = Steps()
    _run, session = _ended(steps, monkeypatch, is_conformance=False)
    assert steps.taken == ["close", "undo", "diagnose", "remove", "leave"]
    assert session.exitstatus == 0
    with pytest.raises(OSError, match="no remove"):
        _ended(Steps(failing="remove"), monkeypatch, is_conformance=False)


def test_one_hook_alone_ends_a_session_and_the_others_come_from_it_in_the_order_of_their_list() -> None:
    ends = [
        (path.relative_to(PACKAGE).as_posix(), node.name)
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name in ("pytest_sessionfinish", "pytest_unconfigure")
    ]
    assert ends == [("plugin/session.py", "pytest_sessionfinish")]
    listed = [name for name in vars(hooks) if name.startswith("pytest_conformance_")]
    called = re.findall(r"hook\.(pytest_conformance_\w+)\(", inspect.getsource(ending))
    assert called == listed
