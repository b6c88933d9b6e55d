"""What tells one run from another, and keeps two runs of one clone apart."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import work_dir

RUN_VARIABLE = "HEADLESS_CONFORMANCE_RUN"
"""Names one run in the environment, so that workers find the cluster of their run and no other."""
RUN_LABEL = "headless-conformance/run"
"""On every namespace that a run creates; its value names the run."""


def new_run() -> str:
    """A name for a run that no other run has."""
    return f"{os.getpid()}-{os.urandom(4).hex()}"


@contextmanager
def only_run_of_clone() -> Iterator[None]:
    """No other run of this clone goes on meanwhile: its clusters would be taken for what a run left.

    UserError when one does.
    """
    lock = FileLock(work_dir() / "run.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise UserError("Another run of this clone is going on; wait for it or use a second clone.") from None
    try:
        yield
    finally:
        lock.release()
