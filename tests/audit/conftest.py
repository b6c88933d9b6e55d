"""Time of the tests: whoever waits moves the clock, and nothing sleeps."""

from __future__ import annotations

import pytest

from tests.audit.world import World, healthy


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """A healthy set of three behind two DNS servers."""
    return with_its_own_time(healthy(), monkeypatch)


@pytest.fixture
def empty(monkeypatch: pytest.MonkeyPatch) -> World:
    """A cluster with DNS servers and nothing else."""
    return with_its_own_time(World(), monkeypatch)


def with_its_own_time(found: World, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr("time.monotonic", found.clock.monotonic)
    monkeypatch.setattr("headless_conformance.audit.dialogue.ROUNDS", 1)
    return found
