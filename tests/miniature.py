"""A clone in miniature: small suites, run in a pytest of their own, and what a run of them leaves behind."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from headless_conformance.core.paths import ROOT

CONFTEST = """
from pathlib import Path

import pytest

from headless_conformance.core.versions import load
from headless_conformance.cluster.model import Capability, Cluster

pytest_plugins = ["headless_conformance.plugin.markers", "headless_conformance.plugin.outcomes", "headless_conformance.plugin.reports"]


@pytest.fixture(scope="session")
def cluster():
    return Cluster(
        name="stand-in", provider="simulated", release=load().newest, kubeconfig=Path("absent"), kubectl=Path(),
        capabilities=frozenset({Capability.SEVERAL_NODES}), images={},
    )
"""

HEAD = """
import os, signal
import pytest
from headless_conformance.core.errors import not_supported
from headless_conformance.cluster.model import Capability
"""
PASSES = """
@pytest.mark.requirement("SEED-HLS-01")
def test_passes():
    pass
"""
FAILS = """
@pytest.mark.requirement("SEED-NID-01")
def test_fails():
    assert "mysql-0" == "mysql-sts-0", "a wrong name"
"""
BREAKS = """
@pytest.mark.requirement("SEED-NID-02")
def test_breaks():
    raise ConnectionError("API server went away")
"""
BREAKS_IN_SET_UP = """
@pytest.fixture
def stack():
    assert False, "MySQL never became ready"

@pytest.mark.requirement("SEED-NID-03")
def test_breaks_in_set_up(stack):
    pass
"""
BREAKS_IN_TEAR_DOWN = """
@pytest.fixture
def leftovers():
    yield
    assert False, "a namespace stayed"

@pytest.mark.requirement("SEED-NID-04")
def test_breaks_in_tear_down(leftovers):
    pass
"""
RUNS_INTO_A_LIMIT = """
@pytest.mark.requirement("SEED-NID-05")
def test_runs_into_a_limit():
    pytest.fail("Timeout (>1.0s) from pytest-timeout.")
"""
NEEDS_A_KUBELET = """
@pytest.fixture(scope="session")
def expensive():
    raise RuntimeError("this fixture must not start")

@pytest.mark.requirement("SEED-ETH-01")
@pytest.mark.needs(Capability.KUBELET)
def test_needs_a_kubelet(expensive):
    pass
"""
SEES_NO_SUPPORT = """
@pytest.mark.requirement("SEED-XC-02")
@pytest.mark.needs(Capability.SEVERAL_NODES)
@pytest.mark.parametrize("node", ["a", "b"])
def test_sees_no_support(cluster, node):
    if node == "b":
        not_supported("node b has no range")
"""
RED_SHOULD = """
@pytest.mark.requirement("SEED-NID-07")
def test_red_should():
    assert 70 <= 60, "70 s"
"""
EXPECTED_TO_FAIL = """
@pytest.mark.requirement("SEED-NID-08")
@pytest.mark.xfail
def test_expected_to_fail():
    assert False, "no connection"
"""
FAILS_AND_BREAKS = """
@pytest.mark.requirement("SEED-NID-09")
@pytest.mark.parametrize("how", ["passes", "breaks", "fails"])
def test_both(how):
    assert how != "fails", "a wrong set"
    if how == "breaks":
        raise OSError
"""
MEASURES = """
@pytest.mark.requirement("SEED-NID-10")
def test_measures(record_property):
    record_property("convergence_seconds", 0.5)
    record_property("convergence_seconds", 1.5)
    record_property("server", "10")
"""
IS_INTERRUPTED = """
@pytest.mark.requirement("SEED-WHY-01")
def test_is_interrupted():
    os.kill(os.getpid(), signal.SIGINT)
"""
EVERYTHING = (
    PASSES,
    FAILS,
    BREAKS,
    BREAKS_IN_SET_UP,
    BREAKS_IN_TEAR_DOWN,
    RUNS_INTO_A_LIMIT,
    NEEDS_A_KUBELET,
    SEES_NO_SUPPORT,
    RED_SHOULD,
    EXPECTED_TO_FAIL,
    FAILS_AND_BREAKS,
    MEASURES,
)


class Suite:
    """A clone in miniature: tests below suites/headless_service, and what a run of them left behind."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self._pytester = pytester
        self.root = pytester.path
        pytester.makeini("[pytest]\nstrict = true\naddopts = -ra -p no:cacheprovider\n")
        pytester.makeconftest(CONFTEST)
        (self.root / "suites" / "headless_service").mkdir(parents=True)

    def write(self, *tests: str, where: str = "suites/headless_service/test_specs.py") -> None:
        (self.root / where).parent.mkdir(parents=True, exist_ok=True)
        (self.root / where).write_text(HEAD + "".join(tests))

    def run(self, *arguments: str, target: str = "suites") -> pytest.RunResult:
        return self._pytester.runpytest_subprocess(target, *arguments)

    def record(self) -> dict[str, Any]:
        loaded: dict[str, Any] = yaml.safe_load((self.root / "reports" / "conformance.yaml").read_text())
        return loaded

    def requirements(self) -> dict[str, dict[str, Any]]:
        """Rows of the requirements that had a test, by ID."""
        return {row["id"]: row for row in self.record()["requirements"] if "tests" in row}

    def allure(self) -> list[dict[str, Any]]:
        return [json.loads(path.read_text()) for path in (self.root / "reports/allure-results").glob("*-result.json")]


def empty_suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """A suite without tests, run with this project's modules and none of the person's settings."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in ("K8S", "PROVIDER", "STRICT", "REPORT_LANG", "REQUIREMENT", "SECTION", "LEVEL", "RERUN", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    return Suite(pytester)
