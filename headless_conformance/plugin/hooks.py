"""Points at the end of a run where other plugins act, in this order;
`headless_conformance.plugin.session` calls them.

Only the process that the person started calls them, never an xdist worker.
"""

from __future__ import annotations

import pytest

from headless_conformance.plugin.context import Run


@pytest.hookspec
def pytest_conformance_tests_ended(session: pytest.Session) -> None:
    """No test is going to run any more; xdist's workers are still there, and no other plugin has ended."""


@pytest.hookspec
def pytest_conformance_workers_ended(session: pytest.Session) -> None:
    """Nobody but this process belongs to the session any more, and the other plugins have ended."""


@pytest.hookspec
def pytest_conformance_undo(session: pytest.Session) -> None:
    """Put back what was changed on the cluster, before anything on it is deleted.

    An error here, as in the next one, makes the run one that could not tell, and its cluster is not kept.
    """


@pytest.hookspec
def pytest_conformance_diagnose(session: pytest.Session) -> None:
    """A last look at a cluster on which something went wrong."""


@pytest.hookspec
def pytest_conformance_finished(session: pytest.Session, run: Run) -> None:
    """Write what the run came to: `run` has its verdicts,
    `session.exitstatus` is set, the cluster is left."""
