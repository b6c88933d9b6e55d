"""What the first and the second interrupt of a process do, each tried on a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from headless_conformance.core.interrupts import SAME_SECONDS
from headless_conformance.core.paths import ROOT

PROGRAM = """
import os, pathlib, subprocess, sys, time
from headless_conformance.core.interrupts import INTERRUPTS, Leftover

folder = pathlib.Path({folder!r})
cluster = Leftover("the cluster c", "make clean")
INTERRUPTS.remains = lambda: [] if (folder / "removed").exists() else [cluster]
with INTERRUPTS.handled():
    try:
        {begin}
        (folder / "begun").touch()
        time.sleep(60)
    except KeyboardInterrupt:
        with INTERRUPTS.deferred():
            (folder / "undoing").touch()
            time.sleep({undoing})
            (folder / "removed").touch()
sys.exit(INTERRUPTS.status)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def started(folder: Path, begin: str = "pass", undoing: float = 0.5) -> subprocess.Popen[str]:
    code = PROGRAM.format(folder=str(folder), begin=begin, undoing=undoing)
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    appears(folder / "begun")
    return child


def appears(path: Path) -> None:
    end = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < end, f"{path.name} did not appear"
        time.sleep(0.02)


def ended(child: subprocess.Popen[str]) -> tuple[int, str]:
    _, said = child.communicate(timeout=20)
    return child.returncode, said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_the_first_says_what_is_removed_and_lets_it_be_undone(folder: Path, number: signal.Signals) -> None:
    child = started(folder)
    child.send_signal(number)
    status, said = ended(child)
    assert status == 128 + number
    assert "Interrupted: removing the cluster c. Once more stops at once and leaves it." in said
    assert (folder / "removed").exists()


def test_the_second_stops_at_once_and_says_what_is_left_and_what_removes_it(folder: Path) -> None:
    child = started(folder, undoing=60)
    child.send_signal(signal.SIGINT)
    appears(folder / "undoing")
    time.sleep(SAME_SECONDS * 1.5)
    begun = time.monotonic()
    child.send_signal(signal.SIGINT)
    status, said = ended(child)
    assert time.monotonic() - begun < 5
    assert status == 130
    assert "Stopped at once. Left: the cluster c. `make clean` removes it." in said
    assert not (folder / "removed").exists()


def test_two_at_the_same_moment_are_one(folder: Path) -> None:
    child = started(folder)
    child.send_signal(signal.SIGINT)
    appears(folder / "undoing")
    child.send_signal(signal.SIGTERM)
    status, said = ended(child)
    assert (status, said.count("Interrupted"), said.count("Stopped")) == (130, 1, 0)
    assert (folder / "removed").exists()


def test_the_second_ends_all_that_was_started_but_what_outlives_a_run(folder: Path) -> None:
    begin = (
        "words = ['bash', '-c', 'sleep 60 & wait']; "
        "pids = [subprocess.Popen(words, stderr=subprocess.DEVNULL, start_new_session=True).pid"
        " for _ in range(2)]; "
        "INTERRUPTS.outliving = lambda: pids[1:]; "
        "(folder / 'pids').write_text(' '.join(map(str, pids)))"
    )
    child = started(folder, begin, undoing=60)
    processes = [psutil.Process(int(pid)) for pid in (folder / "pids").read_text().split()]
    ends, goes_on = [[process, *process.children()] for process in processes]
    try:
        child.send_signal(signal.SIGINT)
        appears(folder / "undoing")
        time.sleep(SAME_SECONDS * 1.5)
        child.send_signal(signal.SIGINT)
        ended(child)
        psutil.wait_procs(ends, timeout=5)
        assert not any(process.is_running() for process in ends)
        assert all(process.is_running() for process in goes_on)
    finally:
        for process in goes_on:
            os.kill(process.pid, signal.SIGKILL)


def test_an_interrupt_while_things_are_undone_is_waited_out(folder: Path) -> None:
    begin = (
        "deferred = INTERRUPTS.deferred(); deferred.__enter__(); (folder / 'begun').touch(); "
        "time.sleep(1.5); (folder / 'removed').touch(); sys.exit(INTERRUPTS.status)"
    )
    child = started(folder, begin)
    child.send_signal(signal.SIGINT)
    status, said = ended(child)
    assert (status, (folder / "removed").exists()) == (130, True)
    assert "Interrupted: removing the cluster c." in said
