"""A document that nobody has read yet needs its own folders below suites/ and manifests/, and faults, in a
copy of the tree."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from headless_conformance.core.paths import ROOT
from headless_conformance.results.report_file import read_report
from tests.miniature import register_of, requirement_row, run_module, write_register

SAMPLE = register_of(
    "sample",
    "SAMPLE",
    [requirement_row("SAMPLE-A-01", "names"), requirement_row("SAMPLE-A-02", "ports", "SHOULD")],
)
FIXTURES = '''
"""Fixtures of this document."""

import pytest
import yaml

from headless_conformance.core.paths import MANIFESTS


@pytest.fixture
def service():
    return yaml.safe_load((MANIFESTS / "sample" / "service.yaml").read_text())
'''
TESTS = """
import pytest

from headless_conformance.core.mismatch import Mismatch, Observation


@pytest.mark.requirement("SAMPLE-A-01")
def test_name(service):
    assert service["metadata"]["name"] == "sample"


@pytest.mark.requirement("SAMPLE-A-02")
def test_port(service):
    raise Mismatch(Observation("Service sample .spec.ports", "[80]", "absent"))
"""

FAULT = """
title: The port is another one
changes: The shipped Service has port 81.
providers: [simulated]
inject:
  - manifest:
      file: sample/service.yaml
      kind: Service
      patch: [{op: add, path: /spec, value: {ports: [{port: 81}]}}]
failures:
  SAMPLE-A-02: {subject: "Service sample .spec.ports"}
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """What a run needs of this tree, with one more document."""
    tree = tmp_path / "tree"
    for name in ("headless_conformance", "fixtures", "suites", "manifests", "faults", "variations", "docs"):
        shutil.copytree(
            ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__", "modules", "*.png")
        )
    for file in ("conftest.py", "tox.ini", "versions.yaml", "README.md"):
        shutil.copy(ROOT / file, tree)
    suite = write_register(tree / "suites", SAMPLE).parent
    (suite / "__init__.py").write_text("")
    (suite / "conftest.py").write_text(FIXTURES)
    (suite / "test_names.py").write_text(TESTS)
    (tree / "manifests" / "sample").mkdir()
    (tree / "manifests" / "sample" / "service.yaml").write_text("kind: Service\nmetadata: {name: sample}\n")
    (tree / "faults" / "service" / "sample-port.yaml").write_text(FAULT)
    return tree


def test_it_is_found_chosen_run_reported_and_has_its_page(tree: Path) -> None:
    listed = run_module(tree, "headless_conformance", "list", DOCUMENT="sample")
    rows = [line.split()[:3] for line in listed.stdout.splitlines()]
    assert rows == [["SAMPLE-A-01", "MUST", "sample/names"], ["SAMPLE-A-02", "SHOULD", "sample/ports"]], (
        listed.stderr
    )

    done = run_module(tree, "pytest", "suites", DOCUMENT="sample")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The sample document" in done.stdout
    assert "FAILED  SAMPLE-A-02  SHOULD  SAMPLE-A-02 SHOULD hold." in done.stdout
    report = read_report(tree / "reports" / "conformance.yaml")
    assert report.outcomes() == {"SAMPLE-A-01": "passed", "SAMPLE-A-02": "failed"}
    assert [document.id for document in report.documents] == ["sample"]
    assert report.result == "success", "a SHOULD that failed is no failure of the run"
    (failed,) = [test for test in report.tests if test.mismatch]
    assert failed.mismatch
    assert failed.mismatch.subject == "Service sample .spec.ports"

    assert run_module(tree, "headless_conformance", "requirements").returncode == 0
    written = run_module(tree, "headless_conformance", "pages")
    assert written.returncode == 0, written.stderr
    page = (tree / "docs" / "faults.md").read_text()
    assert "| [service/sample-port](#sample-port) | simulated |  | 1 |" in page
    assert "### SAMPLE-A-02" in (tree / "docs" / "requirements" / "sample.md").read_text()


def test_a_section_of_it_is_chosen_with_or_without_its_name(tree: Path) -> None:
    for section in ("sample/ports", "ports"):
        listed = run_module(tree, "headless_conformance", "list", SECTION=section)
        assert [line.split()[0] for line in listed.stdout.splitlines()] == ["SAMPLE-A-02"], listed.stderr
