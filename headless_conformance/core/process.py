"""Running other programs: never through a shell, output in a log, a failure that shows its last lines."""

from __future__ import annotations

import ctypes
import os
import shlex
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from headless_conformance.core.errors import StepFailed

TAIL_LINES = 15
PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)
_RUNNING: dict[int | None, subprocess.Popen[bytes]] = {}
"""What `run_logged` runs, by thread."""
_ENDED: weakref.WeakSet[threading.Thread] = weakref.WeakSet()
"""Threads whose commands were ended, and which are to begin no other."""


def tail(path: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log, indented; empty when there is none."""
    if not path.exists():
        return ""
    text = path.read_text(errors="replace").rstrip().splitlines()[-lines:]
    return "\n".join(f"    {line}" for line in text)


def end_with_parent(number: signal.Signals, parent: int) -> None:
    """In a child, before it becomes its program: it gets this signal when its parent ends, and heeds it.

    Where the parent, named by its process ID, has ended already, the child ends here.
    """
    if number != signal.SIGKILL:
        # What a shell starts in the background ignores interrupts, and would hand that on.
        signal.signal(number, signal.SIG_DFL)
    # Only Linux has it; elsewhere a child of a killed process ends by itself or goes on.
    if sys.platform == "linux":
        _LIBC.prctl(PR_SET_PDEATHSIG, number)
    # The parent may have died between fork and prctl.
    if os.getppid() != parent:
        os._exit(1)


def run_logged(
    what: str,
    command: Sequence[str | Path],
    log: Path,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float | None = None,
) -> None:
    """Run a command in a process group of its own, appending its output to `log`.

    The group ends with the call: on an exception (^C, time-out in seconds) nothing that it started goes on,
    and the command is killed when this process is.
    Raises StepFailed with the last log lines on a non-zero exit.
    """
    require_going_on(what)
    words = [str(word) for word in command]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        out.write(f"$ {shlex.join(words)}\n".encode())
        out.flush()
        child = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=dict(env) if env is not None else None,
            cwd=cwd,
            start_new_session=True,
            preexec_fn=partial(end_with_parent, signal.SIGKILL, os.getpid())
            if sys.platform == "linux"
            else None,
        )
        _RUNNING[threading.get_ident()] = child
        try:
            status = child.wait(timeout=timeout)
        except BaseException as error:
            end_group(child)
            if isinstance(error, subprocess.TimeoutExpired):
                raise StepFailed(
                    f"{what} did not end within {timeout:.0f} s.\n{tail(log)}\n    whole log: {log}"
                ) from None
            raise
        finally:
            del _RUNNING[threading.get_ident()]
    if status != 0:
        raise StepFailed(f"{what} failed with exit status {status}.\n{tail(log)}\n    whole log: {log}")


def end_command_of(thread: threading.Thread) -> None:
    """End what `run_logged` runs in another thread, and let it run nothing more; its caller there gets a
    StepFailed."""
    _ENDED.add(thread)
    child = _RUNNING.get(thread.ident)
    if child is not None:
        end_group(child)


def require_going_on(what: str) -> None:
    """StepFailed in a thread whose commands were ended by `end_command_of`."""
    if threading.current_thread() in _ENDED:
        raise StepFailed(f"{what} was given up.")


def end_group(child: subprocess.Popen[bytes], grace: float = 5.0) -> None:
    """End a child and all it started: SIGTERM to its group, SIGKILL to the rest when it has ended, or after
    `grace` seconds."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            child.wait(timeout=grace)
        os.killpg(child.pid, signal.SIGKILL)
    child.wait(timeout=grace)


def output_of(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    timeout: float = 60.0,
    stdin: str | None = None,
) -> str:
    """Standard output of a command; raises subprocess.CalledProcessError (stderr kept) or TimeoutExpired."""
    done = subprocess.run(
        [str(word) for word in command],
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        check=True,
        timeout=timeout,
        env=dict(env) if env is not None else None,
    )
    return done.stdout


@contextmanager
def own_environment(env: Mapping[str, str]) -> Iterator[None]:
    """This process has the environment `env` meanwhile, for libraries that hand no other one to the programs
    they run."""
    before = dict(os.environ)
    try:
        _become(env)
        yield
    finally:
        _become(before)


def _become(env: Mapping[str, str]) -> None:
    for name in os.environ.keys() - env.keys():
        del os.environ[name]
    os.environ.update(env)
