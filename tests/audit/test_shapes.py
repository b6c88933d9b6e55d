"""Shapes of StatefulSets in public charts, and what docs/audit-shapes.md says about each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from headless_conformance.audit import AuditResult
from headless_conformance.core.paths import ROOT
from headless_conformance.results.verdict import Outcome
from tests.audit.world import World

SHAPES = Path(__file__).parent / "shapes"
PAGE = ROOT / "docs" / "audit-shapes.md"
ROW = re.compile(r"^\| `(?P<shape>[a-z-]+)` \|.*\| (?P<result>[^|]+) \| (?P<finding>[^|]*) \|$", re.MULTILINE)


def summary(result: AuditResult) -> str:
    """The exit status and the outcomes that are not `passed`."""
    others = sorted(
        {check.outcome.value for target in result.targets for check in target.checks} - {Outcome.PASSED}
    )
    return f"{result.status}" + (f", {', '.join(others)}" if others else "")


def names() -> list[str]:
    return sorted(path.stem for path in SHAPES.glob("*.yaml"))


@pytest.mark.parametrize("shape", names())
def test_the_page_says_what_the_audit_says(shape: str, empty: World) -> None:
    rows = {row["shape"]: row for row in ROW.finditer(PAGE.read_text())}
    empty.apply(*yaml.safe_load_all((SHAPES / f"{shape}.yaml").read_text()))
    result = empty.audit("", namespace="shop")
    assert summary(result) == rows[shape]["result"].strip()
    findings = "; ".join(finding.summary for finding in result.findings)
    assert findings == rows[shape]["finding"].strip()


def test_the_page_has_every_shape_and_no_other() -> None:
    assert [row["shape"] for row in ROW.finditer(PAGE.read_text())] == names()
    assert len(names()) == 12


@pytest.mark.parametrize("shape", names())
def test_every_shape_names_its_source(shape: str) -> None:
    assert "Shape of " in (SHAPES / f"{shape}.yaml").read_text().replace("\n# ", " ")


INPUT = re.compile(r"^\| .*\| `(?P<test>test_\w+)` \| (?P<trial>[^|]+) \|$", re.MULTILINE)


def test_every_input_names_the_test_that_has_it() -> None:
    rows = [found.groupdict() for found in INPUT.finditer(PAGE.read_text())]
    sources = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert [row["test"] for row in rows if f"def {row['test']}(" not in sources] == []
    assert len(rows) == len(re.findall(r"`test_\w+` \|", PAGE.read_text())) > 20
    trials = {row["trial"].split("`")[1] for row in rows if row["trial"].strip() != "–"}
    assert all((Path(__file__).parent / "on_kind" / f"{name}.py").is_file() for name in trials)
