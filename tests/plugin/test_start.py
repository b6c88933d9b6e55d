"""The garbage collector rests while a session starts, and only then."""

from __future__ import annotations

import gc

import pytest

from headless_conformance.plugin import start
from tests.miniature import Suite, miniature

pytest_plugins = ["pytester"]

LOOKING = """
import gc

@pytest.mark.requirement("MINI-A-01")
def test_it_collects_again():
    assert gc.isenabled()
    assert gc.get_freeze_count()
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    return miniature(pytester, monkeypatch)


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["one process", "xdist"])
def test_tests_run_with_the_garbage_collector(suite: Suite, workers: tuple[str, ...]) -> None:
    suite.write(LOOKING)
    suite.run(*workers).assert_outcomes(passed=1)


def test_a_process_that_goes_on_has_it_too(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("pytest_plugins = ['headless_conformance.plugin.start']")
    pytester.inline_run("--collect-only")
    assert gc.isenabled()


def test_a_second_session_looks_again_at_what_the_first_one_froze() -> None:
    gc.freeze()
    try:
        start.pytest_addoption()
        assert not gc.get_freeze_count()
        assert not gc.isenabled()
    finally:
        gc.enable()
