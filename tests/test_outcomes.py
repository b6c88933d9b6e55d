"""Outcomes and exit statuses, seen on small suites in a pytest of their own."""

from __future__ import annotations

import pytest

from conformance.paths import ROOT

pytest_plugins = ["pytester"]

CONFTEST = """
from pathlib import Path

import pytest

from conformance.versions import load
from fixtures.providers import Capability, Cluster
from conformance.settings import Provider

pytest_plugins = ["fixtures.claims", "fixtures.outcomes"]


@pytest.fixture(scope="session")
def cluster():
    return Cluster(
        name="stand-in", provider=Provider.SIMULATED, release=load().newest, kubeconfig=Path(), kubectl=Path(),
        capabilities=frozenset({Capability.SEVERAL_NODES}), images={},
    )
"""

HEAD = "import pytest\nfrom fixtures.providers import Capability\n\n"

PASSES = """
@pytest.mark.claim("SEED-HLS-01")
def test_passes():
    pass
"""
FAILS = """
@pytest.mark.claim("SEED-NID-01")
def test_fails():
    assert "mysql-0" == "mysql-sts-0", "a wrong name"
"""
BREAKS = """
@pytest.mark.claim("SEED-NID-02")
def test_breaks():
    raise ConnectionError("API server went away")
"""
BREAKS_IN_SET_UP = """
@pytest.fixture
def stack():
    assert False, "MySQL never became ready"

@pytest.mark.claim("SEED-NID-03")
def test_breaks_in_set_up(stack):
    pass
"""
BREAKS_IN_TEAR_DOWN = """
@pytest.fixture
def leftovers():
    yield
    assert False, "a namespace stayed"

@pytest.mark.claim("SEED-NID-04")
def test_breaks_in_tear_down(leftovers):
    pass
"""
RUNS_INTO_A_LIMIT = """
@pytest.mark.claim("SEED-NID-05")
def test_runs_into_a_limit():
    pytest.fail("Timeout (>1.0s) from pytest-timeout.")
"""
NEEDS_A_KUBELET = """
@pytest.fixture(scope="session")
def expensive():
    raise RuntimeError("this fixture must not start")

@pytest.mark.claim("SEED-ETH-01")
@pytest.mark.needs(Capability.KUBELET)
def test_needs_a_kubelet(expensive):
    pass
"""
RED_SHOULD = """
@pytest.mark.claim("SEED-NID-07")
def test_red_should():
    assert 70 <= 60, "70 s"
"""


class Suite:
    """A clone in miniature: specs below suites/headless_service, and the outcome of a run of them."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self._pytester = pytester
        pytester.makeini("[pytest]\nstrict = true\naddopts = -p no:cacheprovider -p no:randomly\n")
        pytester.makeconftest(CONFTEST)
        self.folder = pytester.path / "suites" / "headless_service"
        self.folder.mkdir(parents=True)

    def write(self, *specs: str) -> None:
        (self.folder / "test_specs.py").write_text(HEAD + "".join(specs))

    def run(self, *arguments: str) -> pytest.RunResult:
        return self._pytester.runpytest_subprocess("suites", "--junitxml=junit.xml", *arguments)


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in ("K8S", "PROVIDER", "STRICT", "REPORT_LANG"):
        monkeypatch.delenv(name, raising=False)
    return Suite(pytester)


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "xdist"])
@pytest.mark.parametrize(
    ("specs", "status"),
    [
        pytest.param((PASSES,), 0, id="a pass"),
        pytest.param((PASSES, FAILS, BREAKS), 1, id="a failed MUST"),
        pytest.param((PASSES, BREAKS), 2, id="a broken MUST"),
        pytest.param((PASSES, BREAKS_IN_SET_UP), 2, id="an assertion in set-up"),
        pytest.param((PASSES, BREAKS_IN_TEAR_DOWN), 2, id="an assertion in tear-down"),
        pytest.param((PASSES, RUNS_INTO_A_LIMIT), 2, id="a time limit"),
        pytest.param((PASSES, RED_SHOULD), 0, id="a red SHOULD"),
        pytest.param((NEEDS_A_KUBELET,), 2, id="nothing executed"),
        pytest.param((), 2, id="no specs"),
    ],
)
def test_exit_status(suite: Suite, specs: tuple[str, ...], status: int, workers: tuple[str, ...]) -> None:
    suite.write(*specs)
    result = suite.run(*workers)
    assert result.ret == status, result.stdout.str()
