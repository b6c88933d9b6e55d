"""Which tests run on which sets: the person's own is for tests whose every requirement only looks."""

from __future__ import annotations

import pytest

from tests.miniature import Suite, miniature, register_of, requirement_row, write_register

pytest_plugins = ["pytester"]

CONFTEST = """
import pytest
from headless_conformance.plugin.sets import parametrize_sets


def pytest_generate_tests(metafunc):
    parametrize_sets(metafunc, "each_set", ("first", "second"), range(2), own=True)
    parametrize_sets(metafunc, "ours", ("first",), range(2), own=False)


@pytest.fixture
def each_set(request):
    return request.param


@pytest.fixture
def ours(request):
    return request.param


@pytest.fixture
def ordinals(request):
    return request.param
"""
TESTS = """
@pytest.mark.requirement("SETS-A-01")
def test_looks(each_set):
    pass

@pytest.mark.requirement("SETS-A-01")
def test_looks_at_pods(each_set, ordinals):
    pass

@pytest.mark.requirement("SETS-A-01", "SETS-A-02")
def test_changes(each_set):
    pass

@pytest.mark.requirement("SETS-A-01", document_sets=["SETS-A-02"])
def test_shows_more_on_ours(each_set):
    pass

@pytest.mark.requirement("SETS-A-01")
def test_is_about_ours(ours):
    pass

@pytest.mark.parametrize("field", [pytest.param("a", marks=pytest.mark.requirement("SETS-A-01"))])
def test_looks_by_parameter(each_set, field):
    pass

@pytest.mark.parametrize("field", [pytest.param("a", marks=pytest.mark.requirement("SETS-A-02"))])
def test_changes_by_parameter(each_set, field):
    pass
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    found = miniature(pytester, monkeypatch)
    rows = [requirement_row("SETS-A-01", "a", read_only=True), requirement_row("SETS-A-02", "a")]
    write_register(found.root / "suites", register_of("sets", "SETS", rows))
    found.write(TESTS, where="suites/sets/test_a.py")
    (found.root / "suites/sets/conftest.py").write_text(CONFTEST)
    return found


def collected(suite: Suite) -> set[str]:
    printed = suite.run("--collect-only", "-q", target="suites/sets").stdout.lines
    return {line.rpartition("::")[2] for line in printed if "::" in line}


def test_without_a_target_only_the_documents_sets_are_there(suite: Suite) -> None:
    found = collected(suite)
    assert {"test_looks[first]", "test_looks[second]", "test_is_about_ours[first]"} <= found
    assert {f"test_looks_at_pods[{name}-pod-{n}]" for name in ("first", "second") for n in (0, 1)} <= found
    assert not [name for name in found if "shop" in name]


def test_the_persons_set_is_for_tests_that_only_look(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVIDER", "existing")
    monkeypatch.setenv("TARGET", "shop/orders")
    own = {name for name in collected(suite) if "shop/orders" in name}
    assert own == {
        "test_looks[shop/orders]",
        "test_looks_at_pods[shop/orders]",
        "test_shows_more_on_ours[shop/orders]",
        "test_looks_by_parameter[shop/orders-a]",
    }


def test_what_needs_a_change_is_shown_on_the_documents_sets_only(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROVIDER", "existing")
    monkeypatch.setenv("TARGET", "shop/orders")
    monkeypatch.setenv("REQUIREMENT", "SETS-A-02")
    found = {name for name in collected(suite) if name.startswith("test_shows_more_on_ours")}
    assert found == {"test_shows_more_on_ours[first]", "test_shows_more_on_ours[second]"}
