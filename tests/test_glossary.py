"""The glossary lists the words of our own that the code uses: twenty, each with its reason."""

from __future__ import annotations

import re

import pytest

from headless_conformance.core.paths import ROOT

ROW = re.compile(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
SOURCES = [
    path.read_text()
    for folder in ("headless_conformance", "suites", "fixtures")
    for path in (ROOT / folder).rglob("*.py")
]


def rows_of(part: int) -> list[tuple[str, str, str]]:
    """The rows of a part of the page, without their heading."""
    return ROW.findall((ROOT / "docs" / "glossary.md").read_text().split("## ")[part])[1:]


def test_twenty_words_are_our_own_and_each_has_a_reason() -> None:
    rows = rows_of(0)
    assert len({word for word, _, _ in rows}) == len(rows) == 20
    assert all(all(cell.strip() for cell in row) for row in rows)
    assert not {word for word, _, _ in rows} & {word for word, _, _ in rows_of(1)}


@pytest.mark.parametrize(
    "word", [word for part in (0, 1) for row in rows_of(part) for word in row[0].split(", ")]
)
def test_each_word_is_one_that_the_code_uses(word: str) -> None:
    spelt = re.compile(r"[ _-]?".join(re.split(r"[ -]", word)), re.IGNORECASE)
    assert any(spelt.search(source) for source in SOURCES)
