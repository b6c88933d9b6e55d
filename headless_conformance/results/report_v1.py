"""Reports of format v1, which knew one document and called requirements
claims, as reports of today's format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from headless_conformance.results.report import Report
from headless_conformance.results.verdict import WORST_FIRST, Outcome

FORMAT_V1 = "headless-conformance/report/v1"
SCHEMA_V1 = Path(__file__).parent / "report_v1.schema.json"

OUTCOMES = {
    "passed": Outcome.PASSED,
    "failed": Outcome.FAILED,
    "broken": Outcome.ERROR,
    "not supported": Outcome.NOT_SUPPORTED,
    "skipped": Outcome.SKIPPED,
    "excused": Outcome.NOT_JUDGED,
}
"""Today's names of the old outcomes.

A requirement that was `partly verified` is what the worst of its tests is.
"""


def report_from_v1(data: Any) -> Report:
    """The report with what v1 has of it. Raises ValueError when it is none of that format."""
    # It takes long, and few reports are of this format.
    import jsonschema

    try:
        jsonschema.validate(data, json.loads(SCHEMA_V1.read_text()), jsonschema.Draft202012Validator)
    except jsonschema.ValidationError as error:
        raise ValueError(error.message) from None
    document = {
        "id": data["document"],
        "levels": _levels(data["claims"]),
        "requirements": [_requirement(row) for row in data["claims"]],
        "cited_pages": [
            {
                "id": row["id"],
                "url": row["url"],
                "requirements_found": row["claims_found"],
                "requirements_covered": row["claims_covered"],
            }
            for row in data["cited_pages"]
        ],
    }
    kept = ("suite", "date", "seconds", "cluster", "result", "summary", "exit_status")
    tests = [
        *(
            {**_test(case), "requirements": [row["id"]]}
            for row in data["claims"]
            for case in row.get("specs", [])
        ),
        *map(_test, data["other_specs"]),
    ]
    upgraded = {
        "format": "headless-conformance/report/v2",
        **{key: data[key] for key in kept},
        "levels": document["levels"],
        "documents": [document],
        "tests": tests,
    }
    return Report.model_validate_json(json.dumps(upgraded))


def _test(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "outcome": OUTCOMES[row["outcome"]]}


def _outcome(row: dict[str, Any]) -> Outcome:
    if row["outcome"] in OUTCOMES:
        return OUTCOMES[row["outcome"]]
    return min((OUTCOMES[case["outcome"]] for case in row["specs"]), key=WORST_FIRST.index)


def _requirement(row: dict[str, Any]) -> dict[str, Any]:
    specs = row.get("specs", [])
    kept: dict[str, Any] = {
        key: row[key] for key in ("id", "level", "seconds", "reason", "measures") if key in row
    }
    passed = sum(case["outcome"] == Outcome.PASSED for case in specs)
    return {**kept, "outcome": _outcome(row), "tests": [case["id"] for case in specs], "tests_passed": passed}


def _levels(rows: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    levels: dict[str, dict[str, int]] = {"MUST": {}, "SHOULD": {}, "MAY": {}}
    for row in rows:
        counts, outcome = levels[row["level"]], _outcome(row)
        counts[outcome] = counts.get(outcome, 0) + 1
    return levels
