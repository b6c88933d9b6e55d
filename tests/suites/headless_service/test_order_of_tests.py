"""Among several workers, who waits longest begins first; what needs no database server goes on meanwhile."""

from __future__ import annotations

import contextlib
import io
from types import SimpleNamespace
from typing import Any, cast

import pytest

from headless_conformance.core.paths import SUITES
from suites.headless_service import conftest
from suites.headless_service.looks import is_last


class Collector:
    def __init__(self) -> None:
        self.items: list[pytest.Item] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.items = list(session.items)


@pytest.fixture(scope="module")
def items() -> list[pytest.Item]:
    """The document's tests as a worker has them, without those that come last anyhow."""
    collector = Collector()
    arguments = ["--collect-only", "-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest"]
    with contextlib.redirect_stdout(io.StringIO()):
        pytest.main([str(SUITES / "headless_service"), *arguments, "-o", "addopts="], plugins=[collector])
    config: Any = SimpleNamespace(workerinput={})
    conftest.pytest_collection_modifyitems(config, collector.items)
    return [item for item in collector.items if not is_last(item)]


def names(items: list[pytest.Item]) -> list[str]:
    return [cast(pytest.Function, item).originalname for item in items]


def test_the_longest_waits_begin_first(items: list[pytest.Item]) -> None:
    first = names(items[:2])
    assert first == [
        "test_a_pod_whose_volume_is_on_its_node_waits_for_it",
        "test_the_new_pod_goes_with_its_shell",
    ]


def test_one_worker_waits_for_the_servers_and_no_other_before_its_time(items: list[pytest.Item]) -> None:
    needing = [bool(conftest.SERVERS.intersection(conftest.fixtures_of(item))) for item in items]
    assert needing == [True, *sorted(needing[1:])]


def test_tests_with_a_set_of_their_own_begin_before_short_ones(items: list[pytest.Item]) -> None:
    rest = [
        "scratch_namespace" in conftest.fixtures_of(item)
        for item in items[2:]
        if not conftest.SERVERS.intersection(conftest.fixtures_of(item))
    ]
    assert rest == sorted(rest, reverse=True)
    assert sum(rest) >= 10


def test_a_run_in_one_process_keeps_the_order_of_the_files(items: list[pytest.Item]) -> None:
    before = list(items)
    alone: Any = SimpleNamespace()
    conftest.pytest_collection_modifyitems(alone, items)
    assert items == before
