"""The Go build cache that all builds of a user share, for as long as something is being built.

What two sources have in common is compiled once: the standard library, and every package whose version and
whose dependencies are the same. `-trimpath` makes that independent of folders, and linker flags and build
tags that a package does not use do not matter. Nothing of it is needed once all is built, and it takes
gigabytes.
"""

from __future__ import annotations

import fcntl
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headless_conformance.core.paths import cache_dir

INTERRUPTED_DAYS = 7
"""How long an interrupted build keeps the cache from being removed by the builds of others."""


def _home() -> Path:
    return cache_dir() / "go-build"


def _marks() -> Path:
    return _home() / "unfinished"


@contextmanager
def shared_build_cache() -> Iterator[Path]:
    """The folder for GOCACHE. Such blocks may be nested and may run in several processes at once.

    The block that ends last, if it ends without an exception, removes the folder, unless an interrupted build
    of the last INTERRUPTED_DAYS would go on with it. After an exception the folder stays for the next try.
    """
    lock_file = cache_dir() / "locks" / "go-build.lock"
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    with lock_file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        objects = _home() / "objects"
        objects.mkdir(parents=True, exist_ok=True)
        yield objects
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        if not _interrupted():
            shutil.rmtree(_home())


@contextmanager
def unfinished(title: str, key: str) -> Iterator[None]:
    """Note that a build of these inputs is going on; the note stays after an exception or a crash.

    A note about other inputs under the same title is removed: nobody goes on with that build.
    """
    _marks().mkdir(parents=True, exist_ok=True)
    for left in _marks().glob(f"{title}-{'?' * len(key)}"):
        left.unlink(missing_ok=True)
    mark = _marks() / f"{title}-{key}"
    mark.touch()
    yield
    mark.unlink(missing_ok=True)


def _interrupted() -> bool:
    """Whether a build of the last INTERRUPTED_DAYS has not ended well."""
    earliest = time.time() - INTERRUPTED_DAYS * 24 * 3600
    return any(mark.stat().st_mtime > earliest for mark in _marks().glob("*"))
