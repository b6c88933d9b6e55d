"""Programs that we run end with the call, and a failure shows its last lines."""

import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import psutil
import pytest

from headless_conformance.core.errors import StepFailed
from headless_conformance.core.paths import ROOT
from headless_conformance.core.process import end_with_parent, run_logged, tail


def test_a_failure_names_the_step_its_status_its_last_lines_and_the_log(tmp_path: Path) -> None:
    log = tmp_path / "step.log"
    script = "import sys; [print('line', n) for n in range(40)]; sys.exit(3)"
    with pytest.raises(StepFailed) as caught:
        run_logged("building it", [sys.executable, "-c", script], log)
    text = str(caught.value)
    assert text.startswith("building it failed with exit status 3.")
    assert "line 39" in text
    assert "line 10\n" not in text
    assert str(log) in text


def test_a_command_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"(trap '' TERM; while :; do sleep 1; done) & echo $! > {pids}; sleep 60"
    with pytest.raises(StepFailed, match="did not end within 1 s"):
        run_logged("waiting", ["bash", "-c", script], tmp_path / "log", timeout=1)
    _ends(int(pids.read_text()))


def test_an_interrupt_ends_the_command(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    timer = threading.Timer(0.7, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        run_logged("waiting", ["bash", "-c", f"echo $$ > {pids}; exec sleep 60"], tmp_path / "log")
    _ends(int(pids.read_text()))


def test_a_command_ends_when_the_process_that_runs_it_is_killed(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    inner = f"echo $$ > {pids}; exec sleep 60"
    code = (
        "from pathlib import Path; from headless_conformance.core.process import run_logged; "
        f"run_logged('x', ['bash', '-c', {inner!r}], Path({str(tmp_path / 'log')!r}))"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    while not (pids.exists() and pids.read_text().strip()):
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 5
    while _alive(int(pids.read_text())) and time.monotonic() < deadline:
        time.sleep(0.05)
    _ends(int(pids.read_text()))


def test_the_tail_of_a_missing_log_is_empty(tmp_path: Path) -> None:
    assert tail(tmp_path / "none") == ""


def _ends(pid: int) -> None:
    """Within a second: a signal is delivered when the process gets a processor."""
    end = time.monotonic() + 1.0
    while _alive(pid):
        assert time.monotonic() < end, f"process {pid} goes on"
        time.sleep(0.01)


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_child_whose_parent_has_ended_already_does_not_become_its_program() -> None:
    elsewhere = partial(end_with_parent, signal.SIGKILL, os.getppid())
    assert subprocess.run([sys.executable, "-c", ""], preexec_fn=elsewhere, check=False).returncode == 1


def test_a_child_heeds_the_interrupt_that_its_parent_was_made_to_ignore() -> None:
    program = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        heeds = partial(end_with_parent, signal.SIGINT, os.getpid())
        child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, preexec_fn=heeds)
    finally:
        signal.signal(signal.SIGINT, before)
    assert child.communicate(timeout=10)[0] == b"True\n"
