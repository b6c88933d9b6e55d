"""Tables keep every cell, below each other."""

import sys

import pytest

from headless_conformance.cluster.terminal import on_terminal
from headless_conformance.core.paths import ROOT
from headless_conformance.core.tables import aligned, show


def test_columns_stand_below_each_other_however_wide_a_character_is() -> None:
    assert aligned([["a", "[b]x[/b]", ":smile:"], ["中文", "", "end "]]) == [
        "a     [b]x[/b]  :smile:",
        "中文            end",
    ]


def test_nothing_of_a_long_cell_is_lost() -> None:
    long = "word " * 500 + "end"
    assert aligned([["a", long]]) == [f"a  {long}"]


def test_without_a_terminal_they_are_lines(capsys: pytest.CaptureFixture[str]) -> None:
    show([["a", "b"]])
    assert capsys.readouterr().out == "a  b\n"


def test_a_terminal_folds_within_the_column() -> None:
    script = (
        "from headless_conformance.core.tables import show; show([['what', 'word ' * 30], ['next', 'x']])"
    )
    env = {"PATH": "/usr/bin:/bin", "TERM": "xterm", "COLUMNS": "60", "PYTHONPATH": str(ROOT)}
    with on_terminal([sys.executable, "-c", script], env) as terminal:
        assert terminal.read_to_end(20) == 0
    first, *folded, last = terminal.text.rstrip().splitlines()
    assert first.startswith("what  word")
    assert folded
    assert all(line.startswith("      word") and len(line) <= 60 for line in folded)
    assert last.split() == ["next", "x"]
