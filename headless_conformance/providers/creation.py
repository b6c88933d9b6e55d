"""The program that creates a cluster of containers, as a process.

It is told apart by a file in our own folder that it was given, and ended before what it made is looked for.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

CLIENTS = ("docker",)
"""Programs that it asks an engine by. One that is killed may leave a request behind that is still carried
out, so they end by themselves."""
CLIENT_SECONDS = 30.0
"""Bound on that."""
SHELLS = ("sh", "dash", "bash")


def end_creation(program: str, folder: Path) -> bool:
    """End every process of this program that was given a file in `folder`; whether there was one.

    Returns when it can ask an engine for nothing more.
    """
    creators = _creators(program, folder)
    for process in creators:
        with suppress(psutil.NoSuchProcess):
            process.suspend()
    clients = [child for process in creators for child in _children(process) if _name(child) in CLIENTS]
    for process in creators:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    _, hanging = psutil.wait_procs(clients, timeout=CLIENT_SECONDS)
    for client in hanging:
        with suppress(psutil.NoSuchProcess):
            client.kill()
    psutil.wait_procs([*creators, *hanging], timeout=CLIENT_SECONDS)
    return bool(creators)


def _creators(program: str, folder: Path) -> Sequence[psutil.Process]:
    inside = f"{folder}{os.sep}"
    return [
        process
        for process in psutil.process_iter()
        if _name(process) in (program, *SHELLS) and any(inside in word for word in _words(process))
    ]


def _words(process: psutil.Process) -> Sequence[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return ()


def _name(process: psutil.Process) -> str:
    words = _words(process)
    return Path(words[0]).name if words else ""


def _children(process: psutil.Process) -> Sequence[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return ()
