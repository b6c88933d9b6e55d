"""Who uses the private engine, so that nobody stops it under anybody: processes that said so, and containers.

Asks no engine, since one that hangs has users too.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from headless_conformance.core.paths import ROOT, cache_dir, clone_id, work_dir

CLONE_FILE = "clone"
"""In the work files of a clone: where the clone is."""
NAMED = 4
"""How many containers are named."""
_HELD: dict[Path, FileLock] = {}
"""Locks that this process keeps as long as it lives."""


def _folder(home: Path) -> Path:
    return home / "users"


def hold(home: Path) -> None:
    """Be a user of the engine at home in `home` from now on; the operating system ends that with the
    process."""
    path = _folder(home) / f"{clone_id()}-{os.getpid()}.lock"
    if path in _HELD:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    (work_dir() / CLONE_FILE).write_text(f"{ROOT}\n")
    _HELD[path] = FileLock(path)
    _HELD[path].acquire()


def other_processes(home: Path) -> list[str]:
    """The other processes that use the engine, for a person."""
    found = []
    for path in sorted(_folder(home).glob("*.lock")):
        if path in _HELD:
            continue
        lock = FileLock(path, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            clone, _, number = path.stem.partition("-")
            found.append(f"process {number} of {_place_of(clone)}")
            continue
        path.unlink(missing_ok=True)
        lock.release()
    return found


def containers(home: Path) -> list[str]:
    """Names of the engine's containers, running or not, as its own files have them."""
    found = []
    for path in (home / "data" / "containers").glob("*/config.v2.json"):
        # One that is being created or removed meanwhile may have half of it.
        with suppress(OSError, ValueError):
            found.append(str(json.loads(path.read_text())["Name"]).removeprefix("/"))
    return sorted(found)


def of_others(home: Path) -> str:
    """The processes and the containers that are not this clone's, as the end of a sentence; empty when there
    are none."""
    return _sentence(home, [name for name in containers(home) if clone_id() not in name])


def of_anybody(home: Path) -> str:
    """The same with this clone's own containers."""
    return _sentence(home, containers(home))


def _sentence(home: Path, names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    shown = [f"the containers {', '.join(names[:NAMED])}{more}"] if names else []
    return ", ".join([*other_processes(home), *shown])


def _place_of(clone: str) -> str:
    """Where a clone is, as far as it has written that down."""
    try:
        return f"the clone {(cache_dir() / 'clones' / clone / CLONE_FILE).read_text().strip()}"
    except OSError:
        return f"clone {clone}"
