"""`python -m headless_conformance.results.comparison REPORT REPORT ...`: what differs between runs, from their conformance.yaml files."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headless_conformance.core.errors import UserError, in_one_sentence
from headless_conformance.results.report_file import read
from headless_conformance.results.verdict import Outcome

ABSENT = "absent"


def _row(record: dict[str, Any], requirement: str) -> dict[str, Any]:
    row: dict[str, Any] = next((row for row in record["requirements"] if row["id"] == requirement), {"outcome": ABSENT})
    return row


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _medians(records: Sequence[dict[str, Any]], requirement: str) -> list[list[str]]:
    """One row per measure that more than one run has, with each run's median."""
    found = [_row(record, requirement).get("measures", {}) for record in records]
    names = [name for name, runs in Counter(name for row in found for name in row).items() if runs > 1]
    return [
        [requirement, f"median {name}", *(f"{row[name]['median']:g}" if name in row else "-" for row in found)] for name in names
    ]


def comparison(names: Sequence[str], records: Sequence[dict[str, Any]]) -> list[str]:
    """A table with one column per run: requirements that differ, then those that passed nowhere, then medians of what was measured.

    What is the same everywhere is counted below it.
    """
    ids = list(dict.fromkeys(row["id"] for record in records for row in record["requirements"]))
    levels = {row["id"]: row["level"] for record in records for row in record["requirements"]}
    outcomes = {requirement: [_row(record, requirement)["outcome"] for record in records] for requirement in ids}
    differing = [requirement for requirement in ids if len(set(outcomes[requirement])) > 1]
    clusters = [record["cluster"] for record in records]
    head = [
        ["", "", *names],
        ["Kubernetes", "", *(cluster.get("kubernetes", "-") for cluster in clusters)],
        ["provider", "", *(cluster.get("provider", "-") for cluster in clusters)],
        ["result", "", *(record["result"] for record in records)],
    ]
    nowhere = [requirement for requirement in ids if requirement not in differing and outcomes[requirement][0] != Outcome.PASSED]
    body = [[requirement, levels[requirement], *outcomes[requirement]] for requirement in [*differing, *nowhere]]
    measured = [row for requirement in ids for row in _medians(records, requirement)]
    same = Counter(outcomes[requirement][0] for requirement in ids if requirement not in differing)
    counts = ", ".join(f"{count} {outcome}" for outcome, count in same.items())
    return [
        *_aligned([*head, *body, *measured]),
        f"requirements that differ: {len(differing)}; the same everywhere: {counts or 'none'}",
    ]


@in_one_sentence
def main(words: Sequence[str]) -> int:
    """Print the comparison. UserError when a report cannot be read."""
    if len(words) < 2:
        raise UserError("Name two reports or more: `make compare A=first/conformance.yaml B=second/conformance.yaml`.")
    print("\n".join(comparison(words, [read(Path(word)) for word in words])))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
