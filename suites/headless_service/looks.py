"""The order of the tests, and what the first look at something came to.

Tests that only look come first, then those that change the document's own set, and then some look again.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from headless_conformance.cluster.shared import folder_of_run
from headless_conformance.cluster.waiting import ObservationError, eventually
from headless_conformance.plugin.context import run_context
from headless_conformance.results.verdict import Outcome

LAST = "last"
"""The xdist group of what comes after the tests that only look: one worker does it, in order."""


def is_last(item: pytest.Item) -> bool:
    """Whether a test comes after those that only look."""
    group = item.get_closest_marker("xdist_group")
    return group is not None and LAST in group.args


def note_outcome(item: pytest.Item, outcome: str) -> None:
    """Tell all workers what became of a test that only looks."""
    with _ledger(item.config).open("a") as ledger:
        ledger.write(f"{outcome} {_key(item)}\n")


def first_outcome(item: pytest.Item) -> Outcome | None:
    """What became of the same test when it looked first; None when it did not."""
    return _outcomes(item.config).get(_key(item))


def await_looks(config: pytest.Config, looking: list[pytest.Item], within: float) -> None:
    """Wait until these tests are over, which other workers may be running. ObservationError when they are not
    within so many seconds."""

    def check() -> None:
        done = _outcomes(config)
        under_way = [found.name for found in looking if _key(found) not in done]
        if under_way:
            raise ObservationError(f"{len(under_way)} tests still look at the set, one is {under_way[0]}")

    eventually(check, expecting="all tests that only look at the set to be over", within=within)


def _key(item: pytest.Item) -> str:
    """The same for both looks: the module that the test is written in, and its name with its parameters."""
    assert isinstance(item, pytest.Function)
    return f"{item.function.__module__}::{item.name}"


def _ledger(config: pytest.Config) -> Path:
    folder = folder_of_run(run_context(config).run)
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "looks"


def _outcomes(config: pytest.Config) -> dict[str, Outcome]:
    path = _ledger(config)
    lines = path.read_text().splitlines() if path.exists() else []
    pairs = (line.split(" ", 1) for line in lines)
    return {key: Outcome(outcome) for outcome, key in pairs}
