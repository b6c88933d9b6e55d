"""Doing things side by side with an end: whatever hangs is left behind, and the program ends all the same."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

_WORKERS = 32
"""How many things go on at once: a cluster may have a DNS server on each of hundreds of nodes."""


def side_by_side(tasks: Mapping[Key, Callable[[], Value]], until: float) -> dict[Key, Value | Exception]:
    """What each task returned or raised; a TimeoutError for each that has not ended until that moment
    (monotonic).

    The threads are daemons, since those of an executor would keep the program alive when it is to end.
    """
    left = list(tasks.items())
    done: dict[Key, Value | Exception] = {}
    changed = threading.Condition()

    def work() -> None:
        while True:
            with changed:
                if not left:
                    return
                key, task = left.pop(0)
            try:
                outcome: Value | Exception = task()
            except Exception as error:
                outcome = error
            with changed:
                done[key] = outcome
                changed.notify_all()

    for _ in range(min(_WORKERS, len(tasks))):
        threading.Thread(target=work, daemon=True).start()
    with changed:
        while len(done) < len(tasks) and (rest := until - time.monotonic()) > 0:
            changed.wait(rest)
        left.clear()
        return {key: done.get(key, TimeoutError("it did not end in time")) for key in tasks}
