"""The files in reports/: JUnit, what Allure needs beside its results, and conformance.yaml."""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from pathlib import Path
from xml.etree import ElementTree

import allure
import pytest
import yaml

from headless_conformance.plugin.markers import asks_for_suites
from headless_conformance.plugin.outcomes import RUN, Run, is_worker
from headless_conformance.results import plot
from headless_conformance.results.report_file import record, suite_version
from headless_conformance.results.verdict import Outcome

ENVIRONMENT_FACTS = ("provider", "node_os", "node_kernel", "node_runtime", "kube_proxy_mode")
"""What is the same for all versions of a matrix, whose results are merged under one environment.properties."""

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
        "messageRegex": f"{ANY}(Unobserved|ApiException|HTTPError|Timeout){ANY}",
    },
    {"name": "We could not tell: other", "matchedStatuses": ["broken"]},
    {"name": "Not supported here", "matchedStatuses": ["skipped"], "messageRegex": f"{ANY}not supported here{ANY}"},
    {"name": "Skipped by the user", "matchedStatuses": ["skipped"]},
]


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if not asks_for_suites(config):
        return
    reports = config.rootpath / "reports"
    config.option.xmlpath = config.option.xmlpath or str(reports / "junit.xml")
    if not config.option.allure_report_dir:
        config.option.allure_report_dir = str(reports / "allure-results")
        config.option.clean_alluredir = True
    if is_worker(config):
        # allure-pytest would clean in every worker, and one that starts late would delete the others' results.
        config.option.clean_alluredir = False


def pytest_sessionstart(session: pytest.Session) -> None:
    if session.config.stash[RUN].is_conformance and not is_worker(session.config):
        # A run that is killed must not leave an earlier run's result behind as its own.
        for path in _record_path(session), Path(session.config.option.xmlpath):
            path.unlink(missing_ok=True)


def _record_path(session: pytest.Session) -> Path:
    return session.config.rootpath / "reports" / "conformance.yaml"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    try:
        yield
    finally:
        if session.config.stash[RUN].is_conformance and not is_worker(session.config):
            _write(session)


def _write(session: pytest.Session) -> None:
    run = session.config.stash[RUN]
    write_allure_files(run, Path(session.config.option.allure_report_dir))
    set_apart(Path(session.config.option.xmlpath))
    if rows := plot.rows_of(run.verdicts()):
        allure.global_attach(plot.svg(rows), name="Measured times", attachment_type=allure.attachment_type.SVG)
    write_record(run, _record_path(session), int(session.exitstatus))


def write_record(run: Run, path: Path, status: int) -> None:
    """Write conformance.yaml for a run with this exit status."""
    done = record(
        run.register,
        run.facts,
        run.verdicts(),
        run.unassigned(),
        result=run.result(),
        status=status,
        started=run.started,
        seconds=run.ended - run.started,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(done, sort_keys=False, allow_unicode=True, width=120))


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


def set_apart(junit: Path) -> None:
    """Turn the failures of broken tests into errors: pytest itself calls every exception of the call phase a failure."""
    tree = ElementTree.parse(junit)
    for suite in tree.iter("testsuite"):
        for case in suite.iter("testcase"):
            outcomes = [node.get("value") for node in case.iter("property") if node.get("name") == "outcome"]
            for failure in case.findall("failure") if Outcome.ERROR in outcomes else []:
                failure.tag = "error"
                suite.set("failures", str(int(suite.get("failures", "0")) - 1))
                suite.set("errors", str(int(suite.get("errors", "0")) + 1))
    tree.write(junit, encoding="utf-8", xml_declaration=True)
