"""The files in reports/: JUnit, what Allure needs beside its results, and conformance.yaml."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import allure
import pytest

from headless_conformance.plugin.context import RUN, Run, asks_for_suites, is_worker, reports_folder
from headless_conformance.results.allure_files import write_allure_files
from headless_conformance.results.plot import measured_seconds, seconds_svg
from headless_conformance.results.report_file import REPORT_NAME, make_report, write_report
from headless_conformance.results.verdict import Outcome


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
    return reports_folder(session.config) / REPORT_NAME


def pytest_conformance_finished(session: pytest.Session, run: Run) -> None:
    write_allure_files(run.facts, Path(session.config.option.allure_report_dir))
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
