"""A clone in miniature: small suites, run in a pytest of their own, and what a run of them leaves behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from headless_conformance.core.paths import ROOT
from headless_conformance.core.variables import VARIABLES

CONFTEST = """
from pathlib import Path

import pytest

from headless_conformance.core.versions import read_versions
from headless_conformance.cluster.model import Capability, Cluster

pytest_plugins = ["headless_conformance.plugin"]


@pytest.fixture(scope="session")
def cluster():
    return Cluster(
        name="stand-in", provider="simulated", release=read_versions().newest,
        kubeconfig=Path("absent"), kubectl=Path(),
        capabilities=frozenset({Capability.SEVERAL_NODES}), images={},
    )
"""

HEAD = """
import os, signal
import pytest
from headless_conformance.core.errors import not_judged, not_supported
from headless_conformance.core.mismatch import Mismatch, Observation, Where
from headless_conformance.cluster.model import Capability
"""
PASSES = """
@pytest.mark.requirement("MINI-A-01")
def test_passes():
    pass
"""
FAILS = """
@pytest.mark.requirement("MINI-B-01")
def test_fails():
    assert "nginx-0" == "web-0", "a wrong name"
"""
BREAKS = """
@pytest.mark.requirement("MINI-B-02")
def test_breaks():
    raise ConnectionError("API server went away")
"""
BREAKS_IN_SET_UP = """
@pytest.fixture
def stack():
    assert False, "MySQL never became ready"

@pytest.mark.requirement("MINI-B-03")
def test_breaks_in_set_up(stack):
    pass
"""
BREAKS_IN_TEAR_DOWN = """
@pytest.fixture
def leftovers():
    yield
    assert False, "a namespace stayed"

@pytest.mark.requirement("MINI-B-04")
def test_breaks_in_tear_down(leftovers):
    pass
"""
RUNS_INTO_A_LIMIT = """
@pytest.mark.requirement("MINI-B-05")
def test_runs_into_a_limit():
    pytest.fail("Timeout (>1.0s) from pytest-timeout.")
"""
NEEDS_A_KUBELET = """
@pytest.fixture(scope="session")
def expensive():
    raise RuntimeError("this fixture must not start")

@pytest.mark.requirement("MINI-C-01")
@pytest.mark.needs(Capability.KUBELET)
def test_needs_a_kubelet(expensive):
    pass
"""
SEES_NO_SUPPORT = """
@pytest.mark.requirement("MINI-C-02")
@pytest.mark.needs(Capability.SEVERAL_NODES)
@pytest.mark.parametrize("node", ["a", "b"])
def test_sees_no_support(cluster, node):
    if node == "b":
        not_supported("node b has no range")
"""
FAILS_SHOULD = """
@pytest.mark.requirement("MINI-B-07")
def test_fails_should():
    assert 70 <= 60, "70 s"
"""
EXPECTED_TO_FAIL = """
@pytest.mark.requirement("MINI-B-08")
@pytest.mark.xfail
def test_expected_to_fail():
    assert False, "no connection"
"""
FAILS_AND_BREAKS = """
@pytest.mark.requirement("MINI-B-09")
@pytest.mark.parametrize("how", ["passes", "breaks", "fails"])
def test_both(how):
    assert how != "fails", "a wrong set"
    if how == "breaks":
        raise OSError
"""
MEASURES = """
@pytest.mark.requirement("MINI-B-10")
def test_measures(record_property):
    record_property("convergence_seconds", 0.5)
    record_property("convergence_seconds", 1.5)
    record_property("server", "10")
"""
MISMATCHES = """
@pytest.mark.requirement("MINI-B-01", "MINI-B-06")
def test_mismatches():
    where = Where(server="coredns-1", transport="udp")
    asked = "A db.ns.svc.cluster.local."
    raise Mismatch(Observation(asked, "{192.0.2.1}", "NXDOMAIN", where, details="; whole\\nanswer"))
"""
IS_ON_ITS_WAY = """
@pytest.mark.requirement("MINI-C-03")
def test_is_on_its_way():
    not_judged("its third member is starting")
"""
DEVIATES = """
@pytest.mark.requirement("MINI-C-04")
def test_deviates():
    assert False, "a dead address"
"""
IS_INTERRUPTED = """
@pytest.mark.requirement("MINI-A-02")
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
    FAILS_SHOULD,
    EXPECTED_TO_FAIL,
    FAILS_AND_BREAKS,
    MEASURES,
    IS_ON_ITS_WAY,
    DEVIATES,
)


def run_module(tree: Path, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
    """A command of a copy of this tree, begun with the module, with none of the person's settings."""
    clean = {
        "PATH": os.environ["PATH"],
        "HOME": str(tree.parent),
        "XDG_CACHE_HOME": str(tree.parent / "cache"),
        "PYTHONPATH": str(tree),
    }
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=tree,
        env=clean | env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def requirement_row(name: str, section: str, level: str = "MUST", **more: Any) -> dict[str, Any]:
    """A requirement of a register whose sentences say no more than its ID."""
    words = {"MUST": "必须", "SHOULD": "应当", "MAY": "可以"}
    row = {
        "id": name,
        "section": section,
        "statement": f"{name} {level} hold.",
        "statement_zh": f"{name} {words[level]}成立。",
    }
    return row | ({} if level == "MUST" else {"level": level}) | more


def register_of(document: str, prefix: str, requirements: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """A register with the sections that its requirements name."""
    rows = list(requirements)
    sections = dict.fromkeys(row["section"] for row in rows)
    return {
        "id": document,
        "title": f"The {document} document",
        "title_zh": f"{document} 文档",
        "url": f"https://example.org/{document}",
        "revision": "2026-01-01",
        "id_prefixes": [prefix],
        "sections": [
            {"id": name, "title": f"About {name}", "title_zh": f"关于 {name}", "anchor": f"about-{name}"}
            for name in sections
        ],
        "requirements": rows,
    }


DEVIATION = {
    "versions": ["1.36", "1.37"],
    "reason": "dead addresses stay",
    "thread": "https://example.org/1",
    "tests": ["test_deviates"],
}
MINI = register_of(
    "mini",
    "MINI",
    [
        *(requirement_row(f"MINI-A-0{n}", "beginning") for n in (1, 2)),
        *(requirement_row(f"MINI-B-{n:02}", "middle", "SHOULD" if n == 7 else "MUST") for n in range(1, 11)),
        *(requirement_row(f"MINI-C-0{n}", "end") for n in (1, 2, 3)),
        requirement_row("MINI-C-04", "end", known_deviations=[DEVIATION]),
        requirement_row("MINI-C-05", "end", "MAY", untestable="nobody can see it"),
    ],
)
"""The register of the miniature's document: 15 MUST, 1 SHOULD, 1 MAY."""


def write_register(suites: Path, register: dict[str, Any]) -> Path:
    """Write a register to where it is looked for."""
    path = suites / str(register["id"]) / "document.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(register, allow_unicode=True, sort_keys=False))
    return path


class Suite:
    """A clone in miniature: tests below suites/mini, and what a run of them left behind."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self._pytester = pytester
        self.root = pytester.path
        pytester.makeini("[pytest]\nstrict = true\naddopts = -ra -p no:cacheprovider\n")
        pytester.makeconftest(CONFTEST)
        write_register(self.root / "suites", MINI)

    def write(self, *tests: str, where: str = "suites/mini/test_mini.py") -> None:
        (self.root / where).parent.mkdir(parents=True, exist_ok=True)
        (self.root / where).write_text(HEAD + "".join(tests))

    def run(self, *arguments: str, target: str = "suites") -> pytest.RunResult:
        return self._pytester.runpytest_subprocess(target, *arguments)

    def report(self) -> dict[str, Any]:
        """The report file as written."""
        loaded: dict[str, Any] = yaml.safe_load((self.root / "reports" / "conformance.yaml").read_text())
        return loaded

    def requirements(self) -> dict[str, dict[str, Any]]:
        """Rows of the requirements that had a test, by ID."""
        rows = [row for document in self.report()["documents"] for row in document["requirements"]]
        return {row["id"]: row for row in rows if "tests" in row}

    def tests(self) -> dict[str, dict[str, Any]]:
        """Rows of the tests, by the name of their function."""
        return {row["id"].rpartition("::")[2]: row for row in self.report()["tests"]}

    def allure(self) -> list[dict[str, Any]]:
        return [
            json.loads(path.read_text())
            for path in (self.root / "reports/allure-results").glob("*-result.json")
        ]


def miniature(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """A suite without tests, run with this project's modules and none of the person's settings."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in (*VARIABLES, "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    return Suite(pytester)
