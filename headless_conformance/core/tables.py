"""Tables for people."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from io import StringIO
from typing import Any

from rich.console import Console
from rich.table import Table

WIDEST = 10_000
"""Characters that a line may have, so that none is folded."""

PLAIN: dict[str, Any] = {"markup": False, "emoji": False, "highlight": False}
"""For a console that shows text as it is."""


def _table(rows: Sequence[Sequence[str]], *, fold: bool, right: Sequence[int] = ()) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for index in range(len(rows[0])):
        table.add_column(no_wrap=not fold, justify="right" if index in right else "left")
    for row in rows:
        table.add_row(*row)
    return table


def aligned(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """One row or more of equally many cells as lines with columns below each other.

    The columns of the indices in `right` end below each other.
    """
    text = StringIO()
    Console(file=text, width=WIDEST, color_system=None, **PLAIN).print(_table(rows, fold=False, right=right))
    return [line.rstrip() for line in text.getvalue().splitlines()]


def show(rows: Sequence[Sequence[str]]) -> None:
    """Print rows; on a terminal, what is too long is folded within its column."""
    if sys.stdout.isatty():
        Console(**PLAIN).print(_table(rows, fold=True))
    else:
        print("\n".join(aligned(rows)))
