"""The READMEs are finished texts."""

from __future__ import annotations

import pytest

from headless_conformance.core.paths import ROOT


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_no_placeholder_is_left(name: str) -> None:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if "@@" in line] == []
