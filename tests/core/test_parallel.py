"""Pieces of work at once: results in order, and one that fails ends the others."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from headless_conformance.core.errors import StepFailed
from headless_conformance.core.parallel import beside, in_parallel
from headless_conformance.core.process import run_logged

LONG = "60"
AT_ONCE = 30.0
"""Seconds; less than LONG, so that a command was ended and has not ended by itself."""


def test_works_run_at_once_and_results_keep_their_order() -> None:
    met = threading.Barrier(2, timeout=AT_ONCE)

    def work(name: str) -> str:
        met.wait()
        return name

    assert in_parallel([lambda: work("first"), lambda: work("second")]) == ["first", "second"]


def test_a_failure_ends_the_commands_of_the_others(tmp_path: Path) -> None:
    started = threading.Event()
    ended: list[str] = []

    def long() -> None:
        started.set()
        try:
            run_logged("Waiting", ["sleep", LONG], tmp_path / "first.log")
        except StepFailed as error:
            ended.append(str(error))
        run_logged("Waiting again", ["sleep", LONG], tmp_path / "second.log")

    def failing() -> None:
        started.wait()
        raise StepFailed("no network")

    begun = time.monotonic()
    with pytest.raises(StepFailed, match=r"^no network$"):
        in_parallel([long, failing])
    assert time.monotonic() - begun < AT_ONCE
    assert ["failed with exit status -15" in text for text in ended] == [True]
    assert not (tmp_path / "second.log").exists(), "a work that is ended begins nothing more"


def test_an_interrupt_ends_the_commands(tmp_path: Path) -> None:
    pids = tmp_path / "pids"

    def work() -> None:
        run_logged("Waiting", ["bash", "-c", f"echo $$ > {pids}; exec sleep {LONG}"], tmp_path / "log")

    def interrupting() -> None:
        while not (pids.exists() and pids.read_text().strip()):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        in_parallel([work, interrupting])
    with pytest.raises(ProcessLookupError):
        os.kill(int(pids.read_text()), 0)


def test_a_work_beside_a_block_is_done_when_the_block_ends() -> None:
    met = threading.Barrier(2, timeout=AT_ONCE)

    def work() -> str:
        met.wait()
        return "made"

    with beside(work) as made:
        met.wait()
    assert (made.done(), made.result()) == (True, "made")


def test_what_a_work_beside_a_block_raises_is_raised_at_the_end_of_the_block() -> None:
    def failing() -> None:
        raise StepFailed("no network")

    reached = []
    with pytest.raises(StepFailed, match=r"^no network$"), beside(failing):
        reached.append("the end of the block")
    assert reached == ["the end of the block"]


def test_a_block_that_fails_ends_the_command_of_the_work_beside_it(tmp_path: Path) -> None:
    begun = time.monotonic()
    with (
        pytest.raises(StepFailed, match=r"^no engine$"),
        beside(lambda: run_logged("Waiting", ["sleep", LONG], tmp_path / "log")) as waiting,
    ):
        raise StepFailed("no engine")
    assert time.monotonic() - begun < AT_ONCE
    assert isinstance(waiting.exception(), StepFailed)
