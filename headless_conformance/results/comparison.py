"""What differs between runs, from their conformance.yaml files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from headless_conformance.core.tables import aligned
from headless_conformance.results.verdict import Outcome

ABSENT = "absent"


def _row(record: dict[str, Any], requirement: str) -> dict[str, Any]:
    row: dict[str, Any] = next((row for row in record["requirements"] if row["id"] == requirement), {"outcome": ABSENT})
    return row


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
        *aligned([*head, *body, *measured]),
        f"requirements that differ: {len(differing)}; the same everywhere: {counts or 'none'}",
    ]
