"""Several pieces of work at once, each in a thread of its own."""

from __future__ import annotations

import concurrent.futures
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from headless_conformance.core.process import end_command_of

_Result = TypeVar("_Result")

_LOOK_SECONDS = 0.1
"""How often a piece of work that is being ended is looked at: it may just be starting a command."""


def in_parallel(works: Sequence[Callable[[], _Result]]) -> list[_Result]:
    """Do all works at once and return their results in their order.

    When one raises, or on ^C, the commands that the others run by `run_logged` are ended, and what was raised
    first is raised once all have stopped.
    """
    with _going_on(works) as futures:
        done, _ = concurrent.futures.wait(futures, return_when=concurrent.futures.FIRST_EXCEPTION)
        for future in done:
            future.result()
        return [future.result() for future in futures]


@contextmanager
def beside(work: Callable[[], _Result]) -> Iterator[concurrent.futures.Future[_Result]]:
    """Do a work while the block runs. The block's end waits for it, and raises what it raised.

    When the block raises, the command that the work runs by `run_logged` is ended, and the block's exception
    goes on once the work has stopped.
    """
    with _going_on([work]) as (future,):
        yield future
        future.result()


@contextmanager
def _going_on(works: Sequence[Callable[[], _Result]]) -> Iterator[list[concurrent.futures.Future[_Result]]]:
    futures: list[concurrent.futures.Future[_Result]] = [concurrent.futures.Future() for _ in works]
    # No work begins before all threads have started: ^C in between would leave one that nobody ends.
    begin = threading.Event()
    # Daemons: a second ^C ends this process, and with it their commands, whatever the works are at.
    threads = [
        threading.Thread(target=_fulfil, args=(begin, *pair), daemon=True)
        for pair in zip(futures, works, strict=True)
    ]
    for thread in threads:
        thread.start()
    try:
        begin.set()
        yield futures
    except BaseException:
        for thread in threads:
            while thread.is_alive():
                end_command_of(thread)
                thread.join(_LOOK_SECONDS)
        raise


def _fulfil(
    begin: threading.Event, future: concurrent.futures.Future[_Result], work: Callable[[], _Result]
) -> None:
    begin.wait()
    try:
        future.set_result(work())
    except BaseException as error:
        future.set_exception(error)
