"""What differs between runs, from their conformance.yaml files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from headless_conformance.core.tables import aligned
from headless_conformance.results.report import Report, RequirementRow
from headless_conformance.results.verdict import Outcome

ABSENT = "absent"


def _medians(requirement: str, found: Sequence[RequirementRow | None]) -> list[list[str]]:
    """One row per measure that more than one run has, with each run's median."""
    measures = [row.measures if row else {} for row in found]
    names = [name for name, runs in Counter(name for row in measures for name in row).items() if runs > 1]
    return [
        [
            requirement,
            f"median {name}",
            *(f"{row[name].median:g}" if name in row else "-" for row in measures),
        ]
        for name in names
    ]


def compare_reports(names: Sequence[str], reports: Sequence[Report]) -> list[str]:
    """A table with one column per run: requirements that differ, then those that passed
    nowhere, then medians of measures.

    What is the same everywhere is counted below it.
    """
    by_id = [{row.id: row for row in report.requirements()} for report in reports]
    found = {
        name: [rows.get(name) for rows in by_id]
        for name in dict.fromkeys(name for rows in by_id for name in rows)
    }
    levels = {name: next(row.level for row in rows if row) for name, rows in found.items()}
    outcomes = {name: [row.outcome.value if row else ABSENT for row in rows] for name, rows in found.items()}
    differing = [name for name in found if len(set(outcomes[name])) > 1]
    nowhere = [name for name in found if name not in differing and outcomes[name][0] != Outcome.PASSED]
    table = [
        ["", "", *names],
        ["Kubernetes", "", *(report.cluster.kubernetes or "-" for report in reports)],
        ["provider", "", *(report.cluster.provider or "-" for report in reports)],
        ["result", "", *(report.result for report in reports)],
        *([name, levels[name], *outcomes[name]] for name in [*differing, *nowhere]),
        *(row for name, rows in found.items() for row in _medians(name, rows)),
    ]
    same = Counter(outcomes[name][0] for name in found if name not in differing)
    counts = ", ".join(f"{count} {outcome}" for outcome, count in same.items())
    return [
        *aligned(table),
        f"requirements that differ: {len(differing)}; the same everywhere: {counts or 'none'}",
    ]
