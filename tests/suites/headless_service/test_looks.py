"""The order of a suite's tests, and what a second look knows of the first."""

from __future__ import annotations

import contextlib
import io

import pytest

from headless_conformance.core.paths import SUITES
from headless_conformance.results.verdict import Outcome
from suites.headless_service.looks import first_outcome, is_last, note_outcome


class Collected:
    """What pytest collects of the suite, and what is noted of its first test that is looked at again."""

    def __init__(self) -> None:
        self.items: list[pytest.Item] = []
        self.noted: list[Outcome | None] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.items = list(session.items)
        again = next(item for item in self.items if _is_second_look(item))
        first = next(item for item in self.items if item.name == again.name and not is_last(item))
        self.noted.append(first_outcome(again))
        note_outcome(first, Outcome.FAILED)
        self.noted.append(first_outcome(again))


def _is_second_look(item: pytest.Item) -> bool:
    return item.path.stem == "test_last_look"


@pytest.fixture(scope="module")
def collected() -> Collected:
    found = Collected()
    without = ["-p", "no:cacheprovider", "-p", "no:hypothesispytest"]
    with contextlib.redirect_stdout(io.StringIO()):
        pytest.main(
            [str(SUITES / "headless_service"), "--collect-only", "-q", *without, "-o", "addopts="], [found]
        )
    return found


def test_looks_come_first_then_changes_and_then_another_look(collected: Collected) -> None:
    order = [(is_last(item), _is_second_look(item)) for item in collected.items]
    assert order == sorted(order)
    assert {(False, False), (True, False), (True, True)} == set(order)


def test_what_is_looked_at_again_was_looked_at_before(collected: Collected) -> None:
    first = {item.name for item in collected.items if not is_last(item)}
    assert {item.name for item in collected.items if _is_second_look(item)} <= first


def test_a_second_look_knows_what_came_of_the_first(collected: Collected) -> None:
    assert collected.noted == [None, Outcome.FAILED]
