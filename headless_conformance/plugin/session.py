"""The beginning and the end of a session: one run's name, SIGTERM as ^C, and the cluster kept or deleted."""

from __future__ import annotations

import os
import signal
from types import FrameType

import pytest

from headless_conformance.core.run_identity import RUN_VARIABLE, new_run
from headless_conformance.core.settings import from_env
from headless_conformance.providers.session import finish_run


def pytest_configure(config: pytest.Config) -> None:
    os.environ.setdefault(RUN_VARIABLE, new_run())
    if not hasattr(config, "workerinput"):
        signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """SIGTERM ends a run the way ^C does, so that what it started is removed."""
    raise KeyboardInterrupt


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Keep the cluster of this run or delete it."""
    if not hasattr(session.config, "workerinput"):
        finish_run(from_env(os.environ), os.environ[RUN_VARIABLE])
