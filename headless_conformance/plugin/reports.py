"""The files in reports/: JUnit, what Allure needs beside its results, and conformance.yaml."""

from __future__ import annotations

import json
import os
from pathlib import Path
from xml.etree import ElementTree

import allure
import pytest

from headless_conformance.plugin.context import RUN, Run, asks_for_suites, is_worker, reports_folder
from headless_conformance.results.plot import measured_seconds, seconds_svg
from headless_conformance.results.report_file import make_report, suite_version, write_report
from headless_conformance.results.verdict import Outcome

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


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if not asks_for_suites(config):
        return
    reports = reports_folder(config)
    config.option.xmlpath = config.option.xmlpath or str(reports / "junit.xml")
    if not config.option.allure_report_dir:
        config.option.allure_report_dir = str(reports / "allure-results")
        config.option.clean_alluredir = True
    if is_worker(config):
        # allure-pytest would clean in every worker, and a late one would delete the others' results.
        config.option.clean_alluredir = False


def pytest_sessionstart(session: pytest.Session) -> None:
    if session.config.stash[RUN].is_conformance and not is_worker(session.config):
        # A run that is killed must not leave an earlier run's result behind as its own.
        for path in _report_path(session), Path(session.config.option.xmlpath):
            path.unlink(missing_ok=True)


def _report_path(session: pytest.Session) -> Path:
    return reports_folder(session.config) / "conformance.yaml"


def pytest_conformance_finished(session: pytest.Session, run: Run) -> None:
    write_allure_files(run, Path(session.config.option.allure_report_dir))
    mark_junit_errors(Path(session.config.option.xmlpath))
    if rows := measured_seconds(run.verdicts):
        allure.global_attach(
            seconds_svg(rows), name="Measured times", attachment_type=allure.attachment_type.SVG
        )
    report = make_report(
        run.documents,
        run.facts,
        run.verdicts,
        run.results,
        result=run.result,
        status=int(session.exitstatus),
        started=run.started,
        seconds=run.ended - run.started,
    )
    write_report(report, _report_path(session))


def write_allure_files(run: Run, results: Path) -> None:
    """Write environment.properties, categories.json and executor.json beside Allure's results."""
    results.mkdir(parents=True, exist_ok=True)
    suite = suite_version()
    environment = {name: run.facts[name] for name in ENVIRONMENT_FACTS if name in run.facts}
    environment |= {"suite": suite["version"], "commit": suite.get("commit", "")}
    lines = [f"{name}={value}" for name, value in environment.items() if value]
    (results / "environment.properties").write_text("\n".join(lines) + "\n")
    (results / "categories.json").write_text(json.dumps(CATEGORIES, indent=1))
    (results / "executor.json").write_text(json.dumps(_executor(), indent=1))


def _executor() -> dict[str, str]:
    """Where the run took place: a GitHub Actions run with its address, or somebody's machine."""
    env = os.environ
    if env.get("GITHUB_ACTIONS") != "true":
        return {"name": "local", "type": "local"}
    page = f"{env['GITHUB_SERVER_URL']}/{env['GITHUB_REPOSITORY']}/actions/runs/{env['GITHUB_RUN_ID']}"
    return {"name": "GitHub Actions", "type": "github", "buildName": env["GITHUB_RUN_ID"], "buildUrl": page}


def mark_junit_errors(junit: Path) -> None:
    """Turn the failures of tests that could not tell into errors: pytest calls every exception of a call a
    failure."""
    tree = ElementTree.parse(junit)
    for suite in tree.iter("testsuite"):
        for case in suite.iter("testcase"):
            outcomes = [node.get("value") for node in case.iter("property") if node.get("name") == "outcome"]
            for failure in case.findall("failure") if Outcome.ERROR in outcomes else []:
                failure.tag = "error"
                suite.set("failures", str(int(suite.get("failures", "0")) - 1))
                suite.set("errors", str(int(suite.get("errors", "0")) + 1))
    tree.write(junit, encoding="utf-8", xml_declaration=True)
