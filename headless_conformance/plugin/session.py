"""The beginning and the end of a session: what an interrupt does, and all that is left
to do when the tests are over."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Generator
from contextlib import suppress
from types import FrameType
from typing import Any

import psutil
import pytest

from headless_conformance.cluster.shared import folder_of_run, remove_created
from headless_conformance.core.interrupts import INTERRUPTING_SIGNALS
from headless_conformance.plugin import hooks
from headless_conformance.plugin.context import RUN, Run, is_worker, run_context
from headless_conformance.plugin.outcomes import hand_over
from headless_conformance.providers.interface import RunContext


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(hooks)


class InterruptError(KeyboardInterrupt):
    """The person, or a program on their behalf, ends the run."""


class InterruptHandler:
    """^C and SIGTERM in one process of a session: the first ends the tests, and none disturbs the end of the
    session, when things are being removed."""

    def __init__(self, run: Run, *, has_workers: bool) -> None:
        self._run = run
        self._has_workers = has_workers
        self.expected = True
        """Whether there is still something that an interrupt ends."""

    def listen(self) -> None:
        for number in INTERRUPTING_SIGNALS:
            signal.signal(number, self._handle)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self._run.interrupt = self._run.interrupt or number
        if not self.expected:
            return
        self.expected = False
        # xdist would let them go on for seconds, and then kill them before they have ended their clusters.
        for worker in psutil.Process().children() if self._has_workers else ():
            with suppress(psutil.NoSuchProcess):
                worker.send_signal(signal.SIGINT)
        raise InterruptError("the report has what had been decided")


INTERRUPT_HANDLER = pytest.StashKey[InterruptHandler]()


def pytest_configure(config: pytest.Config) -> None:
    run = config.stash[RUN]
    # In a run of our own tests alone ^C is pytest's.
    if run.is_conformance:
        handler = config.stash[INTERRUPT_HANDLER] = InterruptHandler(run, has_workers=not is_worker(config))
        handler.listen()


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    """Around the other plugins' own: when they are done, xdist has ended its workers and pytest has written
    junit.xml."""
    config = session.config
    if (handler := config.stash.get(INTERRUPT_HANDLER, None)) is not None:
        handler.expected = False
    try:
        if not is_worker(config):
            config.hook.pytest_conformance_tests_ended(session=session)
        return (yield)
    finally:
        if is_worker(config):
            hand_over(config)
        else:
            finish_session(session)


def finish_session(session: pytest.Session) -> None:
    """In this order: close the channel of the workers, undo changes of the cluster, look at it when something
    failed, remove what the run created, keep or delete the cluster, judge, and write what came of it."""
    run, context, hook = session.config.stash[RUN], run_context(session.config), session.config.hook
    _is_done(run, "closing the display", lambda: hook.pytest_conformance_workers_ended(session=session))
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
