"""Tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO

from rich.console import Console
from rich.table import Table

WIDEST = 10_000
"""Columns of text that a line may have: where a terminal folds it, nothing of a cell is lost."""


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of equally many cells as lines with columns below each other, however wide their characters are shown."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for _ in rows[0] if rows else ():
        table.add_column(no_wrap=True)
    for row in rows:
        table.add_row(*row)
    text = StringIO()
    Console(file=text, width=WIDEST, markup=False, highlight=False, color_system=None).print(table)
    return [line.rstrip() for line in text.getvalue().splitlines()]
