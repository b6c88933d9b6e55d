"""What an interrupted command says of what it began, and what it does with the engine that it started."""

from __future__ import annotations

import os
import signal

import pytest

from headless_conformance.core.interrupts import INTERRUPTS, Leftover
from headless_conformance.engine import private
from headless_conformance.run import undoing
from headless_conformance.run.undoing import undone_when_interrupted

CLUSTER = Leftover("the kind cluster c", "make clean")
OTHER = Leftover("the kind cluster of a run that was killed", "make clean")

KEPT = Leftover("the kind cluster that is kept", "make clean", is_to_stay=True)


class Clone:
    """Stands for the work files of this clone and for the engine."""

    def __init__(self) -> None:
        self.clusters = [CLUSTER, OTHER]
        self.started_here = False
        self.users = ""

    def remains(self) -> list[Leftover]:
        return list(self.clusters)

    def kept(self) -> list[Leftover]:
        return [KEPT] if KEPT not in self.clusters else []

    def stop(self) -> str:
        self.started_here = bool(self.users)
        return self.users

    def undo(self) -> None:
        self.clusters.remove(CLUSTER)


@pytest.fixture
def clone(monkeypatch: pytest.MonkeyPatch) -> Clone:
    found = Clone()
    monkeypatch.setattr(undoing, "all_providers", lambda: [found])
    monkeypatch.setattr(private, "was_started_here", lambda: found.started_here)
    monkeypatch.setattr(private, "stop_if_unused", found.stop)
    return found


def interrupted(clone: Clone) -> None:
    with INTERRUPTS.handled(), pytest.raises(KeyboardInterrupt), undone_when_interrupted(clone.undo):
        os.kill(os.getpid(), signal.SIGINT)


def test_what_was_removed_and_what_is_left_is_said(clone: Clone, capfd: pytest.CaptureFixture[str]) -> None:
    interrupted(clone)
    said = capfd.readouterr().err
    assert f"Removed: {CLUSTER.what}. Left: {OTHER.what} (`make clean` removes it)." in said


def test_a_cluster_that_is_kept_is_neither_removed_nor_left(
    clone: Clone, capfd: pytest.CaptureFixture[str]
) -> None:
    clone.clusters = [CLUSTER, KEPT]

    def undo() -> None:
        clone.clusters = []

    with INTERRUPTS.handled(), pytest.raises(KeyboardInterrupt), undone_when_interrupted(undo):
        os.kill(os.getpid(), signal.SIGINT)
    said = capfd.readouterr().err
    assert f"Interrupted: removing {CLUSTER.what}, keeping {KEPT.what}. Once more stops at once" in said
    assert f"Removed: {CLUSTER.what}. Kept: {KEPT.what}. Left: nothing." in said


def test_an_engine_that_was_started_for_it_is_stopped(
    clone: Clone, capfd: pytest.CaptureFixture[str]
) -> None:
    clone.started_here, clone.clusters = True, [CLUSTER]
    interrupted(clone)
    assert not clone.started_here
    assert "the private container engine. Left: nothing." in capfd.readouterr().err


def test_an_engine_that_others_use_goes_on_and_they_are_named(
    clone: Clone, capfd: pytest.CaptureFixture[str]
) -> None:
    clone.started_here, clone.users = True, "process 7 of the clone /somewhere"
    interrupted(clone)
    said = capfd.readouterr().err
    assert "left running for process 7 of the clone /somewhere." in said
    assert "Left: " in said
    assert "the private container engine (`make clean` removes it)" in said


def test_without_an_interrupt_things_are_undone_without_a_word(
    clone: Clone, capfd: pytest.CaptureFixture[str]
) -> None:
    with INTERRUPTS.handled(), undone_when_interrupted(clone.undo):
        pass
    assert clone.clusters == [OTHER]
    assert capfd.readouterr().err == ""
