"""The tests of each requirement, without running one."""

from __future__ import annotations

import contextlib
import io
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pytest

from headless_conformance.cluster.model import Capability
from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import SUITES
from headless_conformance.plugin.context import RUN
from headless_conformance.plugin.markers import needs_of, requirements_of


@dataclass(frozen=True)
class CollectedCase:
    """A test as far as it is known without running it."""

    nodeid: str
    needs: tuple[Capability, ...]


class _Collector:
    def __init__(self) -> None:
        self.tests: dict[str, list[CollectedCase]] = defaultdict(list)

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        documents = item.config.stash[RUN].documents
        case = CollectedCase(item.nodeid, tuple(needs_of(item)))
        named = [
            same for requirement in requirements_of(item) for same in documents.equivalents(requirement.id)
        ]
        for name in dict.fromkeys(named):
            self.tests[name].append(case)


def collect_tests(suites: Path = SUITES) -> dict[str, list[CollectedCase]]:
    """The tests of each requirement, by its ID. UserError carries what pytest says when it cannot collect."""
    collector = _Collector()
    said = io.StringIO()
    without = ["-p", "no:cacheprovider", "-p", "no:hypothesispytest"]
    arguments = [str(suites), "--collect-only", "-q", *without, "-o", "addopts="]
    with contextlib.redirect_stdout(said):
        status = pytest.main(arguments, plugins=[collector])
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise UserError(f"The tests cannot be collected; correct what pytest says:\n{said.getvalue()}")
    return collector.tests
