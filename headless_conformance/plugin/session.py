"""The beginning and the end of a session: SIGTERM as ^C, and all that is left
to do when the tests are over."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Generator
from types import FrameType
from typing import Any

import pytest

from headless_conformance.cluster.shared import folder_of_run, remove_created
from headless_conformance.plugin import hooks
from headless_conformance.plugin.context import RUN, Run, is_worker, run_context
from headless_conformance.plugin.outcomes import hand_over
from headless_conformance.providers.run_context import RunContext


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(hooks)


def pytest_configure(config: pytest.Config) -> None:
    if not is_worker(config):
        signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """SIGTERM ends a run the way ^C does, so that what it started is removed."""
    raise KeyboardInterrupt


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    """After the other plugins' own: by then xdist has ended its workers and pytest has written junit.xml."""
    try:
        return (yield)
    finally:
        if is_worker(session.config):
            hand_over(session.config)
        else:
            finish_session(session)


def finish_session(session: pytest.Session) -> None:
    """In this order: undo changes of the cluster, look at it when something failed, remove what the run
    created, keep or delete the cluster, judge, and write what came of it."""
    run, context, hook = session.config.stash[RUN], run_context(session.config), session.config.hook
    if not _is_done(run, "putting the cluster back", lambda: hook.pytest_conformance_undo(session=session)):
        # What could not be put back must not be met by the next run.
        context.keep = False
    if session.testsfailed:
        _is_done(run, "looking at the cluster", lambda: hook.pytest_conformance_diagnose(session=session))
    _is_done(run, "removing what the run created", lambda: _remove_created(context))
    _is_done(run, "leaving the cluster", context.end_session)
    if run.is_conformance:
        session.exitstatus = run.judge_run(session.exitstatus)
        hook.pytest_conformance_finished(session=session, run=run)


def _is_done(run: Run, step: str, act: Callable[[], object]) -> bool:
    """Whether a step succeeded. One that did not lets the others go on, and is reported with the run."""
    try:
        act()
    except Exception as error:
        if not run.is_conformance:
            raise
        run.aborted[step] = f"{type(error).__name__}: {error}"
        return False
    return True


def _remove_created(context: RunContext[Any]) -> None:
    """In a cluster that stays, delete what the run created and has not deleted yet."""
    folder = folder_of_run(context.run)
    if context.provider.outlives(context):
        for part in sorted(folder.glob("*/")):
            remove_created(part)
    shutil.rmtree(folder, ignore_errors=True)
