"""The run that a pytest session belongs to: read from the environment once, SIGTERM as ^C, the cluster kept or deleted."""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import Any

import pytest

from headless_conformance.core.errors import UserError
from headless_conformance.core.run_identity import RUN_VARIABLE
from headless_conformance.providers.run_context import RunContext, context_of_environment

CONTEXT = pytest.StashKey[RunContext[Any]]()


def run_context(config: pytest.Config) -> RunContext[Any]:
    """The run of this session. A UsageError when the environment asks for what is not possible."""
    if CONTEXT not in config.stash:
        try:
            config.stash[CONTEXT] = context_of_environment(os.environ)
        except UserError as error:
            raise pytest.UsageError(str(error)) from None
    return config.stash[CONTEXT]


def pytest_configure(config: pytest.Config) -> None:
    # The workers that this session starts are of the same run.
    os.environ[RUN_VARIABLE] = run_context(config).run
    if not hasattr(config, "workerinput"):
        signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """SIGTERM ends a run the way ^C does, so that what it started is removed."""
    raise KeyboardInterrupt


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Keep the cluster of this run or delete it."""
    if not hasattr(session.config, "workerinput"):
        run_context(session.config).end_session()
