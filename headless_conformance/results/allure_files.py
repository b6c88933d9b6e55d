"""What Allure needs beside its results, whoever made them, and what its statuses mean here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from allure_commons.types import Severity

from headless_conformance.core.levels import Level
from headless_conformance.results.github import workflow_run
from headless_conformance.results.report_file import suite_version

SEVERITIES = {
    Level.MUST: Severity.CRITICAL,
    Level.SHOULD: Severity.NORMAL,
    Level.MAY: Severity.MINOR,
}
ENVIRONMENT_FACTS = ("provider", "node_os", "node_kernel", "node_runtime", "kube_proxy_mode")
"""What is the same for all versions of a matrix, whose results are merged under one
environment.properties."""

ANY = r"[\s\S]*"
CATEGORIES = [
    {"name": "The cluster broke a promise", "matchedStatuses": ["failed"]},
    {
        "name": "We could not tell: no cluster",
        "matchedStatuses": ["broken"],
        "messageRegex": f"{ANY}(UserError|StepFailed){ANY}",
    },
    {
        "name": "We could not tell: not observed",
        "matchedStatuses": ["broken"],
        "messageRegex": f"{ANY}(ObservationError|ApiException|HTTPError|Timeout){ANY}",
    },
    {"name": "We could not tell: other", "matchedStatuses": ["broken"]},
    {
        "name": "Known deviation",
        "matchedStatuses": ["skipped"],
        "messageRegex": f"{ANY}known deviation: {ANY}",
    },
    {"name": "Not judged", "matchedStatuses": ["skipped"], "messageRegex": f"{ANY}not judged: {ANY}"},
    {
        "name": "Not supported here",
        "matchedStatuses": ["skipped"],
        "messageRegex": f"{ANY}not supported here{ANY}",
    },
    {"name": "Skipped by the user", "matchedStatuses": ["skipped"]},
]


def write_allure_files(facts: Mapping[str, str], results: Path) -> None:
    """Write environment.properties, categories.json and executor.json beside Allure's results."""
    results.mkdir(parents=True, exist_ok=True)
    suite = suite_version()
    environment = {name: facts[name] for name in ENVIRONMENT_FACTS if name in facts}
    environment |= {"suite": suite["version"], "commit": suite.get("commit", "")}
    lines = [f"{name}={value}" for name, value in environment.items() if value]
    (results / "environment.properties").write_text("\n".join(lines) + "\n")
    (results / "categories.json").write_text(json.dumps(CATEGORIES, indent=1))
    (results / "executor.json").write_text(json.dumps(_executor(), indent=1))


def _executor() -> dict[str, str]:
    """Where the run took place: a GitHub Actions run with its address, or somebody's machine."""
    if (run := workflow_run()) is None:
        return {"name": "local", "type": "local"}
    return {"name": "GitHub Actions", "type": "github", "buildName": run.id, "buildUrl": run.page}
