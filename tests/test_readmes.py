"""The READMEs are finished texts."""

from __future__ import annotations

import re

import pytest

from headless_conformance.core.paths import ROOT


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_no_placeholder_is_left(name: str) -> None:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if "@@" in line] == []


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_test_that_is_shown_is_one_of_a_suite(name: str) -> None:
    shown = re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL)
    suites = [path.read_text(encoding="utf-8") for path in (ROOT / "suites").rglob("test_*.py")]
    assert len(shown) == 1
    assert any(shown[0] in suite for suite in suites)
