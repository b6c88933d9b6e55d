"""What an interrupted command takes back: what of this clone is there, its removal, and what is said of
both."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from headless_conformance.core.interrupts import INTERRUPTS, Leftover
from headless_conformance.core.paths import command_line
from headless_conformance.engine import private
from headless_conformance.providers.registry import all_providers


def remains_of_clone() -> list[Leftover]:
    """What commands of this clone began and have neither removed nor kept, as far as its own work files
    say."""
    found = [leftover for provider in all_providers() for leftover in provider.remains()]
    if private.was_started_here():
        found.append(Leftover("the private container engine", command_line("clean")))
    return found


@contextmanager
def undone_when_interrupted(undo: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Call `undo` when the block has ended, however that was; after an interrupt also stop the container
    engine that this process started, unless others use it, and say what was removed and what is left."""
    INTERRUPTS.remains, INTERRUPTS.outliving = remains_of_clone, private.processes
    try:
        yield
    finally:
        with INTERRUPTS.deferred():
            begun = remains_of_clone() if INTERRUPTS.status else []
            undo()
            if INTERRUPTS.status:
                _report([*INTERRUPTS.met, *begun], _stop_own_engine())


def _stop_own_engine() -> str:
    if not private.was_started_here():
        return ""
    users = private.stop_if_unused()
    return f" The private container engine is left running for {users}." if users else ""


def _report(begun: list[Leftover], engine: str) -> None:
    left = remains_of_clone()
    kept = {one.what for provider in all_providers() for one in provider.kept()}
    gone = dict.fromkeys(one.what for one in begun if one not in left)
    removed = "; ".join(what for what in gone if what not in kept)
    stays = "; ".join(what for what in gone if what in kept)
    there = "; ".join(f"{one.what} (`{one.command}` removes it)" for one in left)
    print(
        f"Removed: {removed or 'nothing was there to remove'}. {f'Kept: {stays}. ' if stays else ''}"
        f"Left: {there or 'nothing'}.{engine}",
        file=sys.stderr,
        flush=True,
    )
