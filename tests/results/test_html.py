"""`make report`: what is said when it cannot be built, and the page itself in a browser."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest

from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import REPORTS, ROOT
from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import from_env
from headless_conformance.host import packages as host
from headless_conformance.requirements.documents import load_documents
from headless_conformance.results import html as report
from tests.browser import chromium
from tests.miniature import MINI, write_register

pytest_plugins = ["pytester"]


def test_the_title_of_a_report_on_several_documents_is_that_of_none() -> None:
    for document in load_documents():
        assert all(document.name(lang) not in title for lang, title in report.TITLES.items())


TESTS = """
import allure, os, pytest
from headless_conformance.core.mismatch import Mismatch, Observation, Where

@pytest.mark.requirement("MINI-B-05")
def test_members_have_names():
    with allure.step("ask for web-0.nginx"):
        answer = "web-0.nginx. 30 IN A 192.0.2.7"
        allure.attach(answer, name="answer over UDP", attachment_type="text/plain")

@pytest.mark.requirement("MINI-A-01")
def test_names_are_stable(record_property):
    record_property("seconds to move", 1.0)
    if os.environ.get("K8S") != "1.36":
        raise Mismatch(Observation("A web-0", "{192.0.2.7}", "{192.0.2.6}", Where(server="coredns-2")))
"""


def _node(folder: Path, version: str) -> None:
    """Stand-ins for node and npm, first in PATH."""
    for name in ("node", "npm"):
        program = folder / name
        program.write_text(f"#!/bin/sh\necho {version}\n")
        program.chmod(0o755)


def test_an_old_node_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _node(tmp_path, "v16.20.2")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(UserError, match=r"Node.js is v16.20.2, and the report needs v18 or newer"):
        report.require_node(Progress(1, io.StringIO()))


def test_a_missing_node_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "search_path", lambda: str(tmp_path))
    monkeypatch.setattr(host, "is_debian", lambda: False)
    with pytest.raises(UserError, match="These programs are missing: node, npm"):
        report.require_node(Progress(1, io.StringIO()))


def test_no_results_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no Allure results; run `make e2e` first."):
        report.generate_html(tmp_path / "cli.js", from_env({}), [tmp_path], tmp_path)


def test_the_pins_are_exact_and_name_no_server() -> None:
    pins = (ROOT / "report" / "package.json").read_text()
    lock = (ROOT / "report" / "package-lock.json").read_text()
    assert '"allure": "3.18.0"' in pins
    assert "://" not in lock
    assert lock.count('"integrity"') == lock.count('"node_modules/')


def _require(*packages: str) -> None:
    """Programs from Debian when we are root there; the test is skipped where they cannot be had."""
    try:
        host.require_host_packages(packages, Progress(1))
    except UserError as error:
        pytest.skip(str(error))


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A suite of one test that passes and one that fails unless Kubernetes is 1.36."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("K8S", raising=False)
    pytester.makeconftest('pytest_plugins = ["headless_conformance.plugin"]\n')
    folder = write_register(pytester.path / "suites", MINI).parent
    (folder / "test_mini.py").write_text(TESTS)
    return pytester


@pytest.mark.timeout(900)
def test_a_failure_on_one_version_is_not_hidden_by_a_pass_on_another(
    suite: pytest.Pytester, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _require("nodejs", "npm")
    results = [tmp_path / minor for minor in ("1.37", "1.36")]
    for folder, status in zip(results, (1, 0), strict=True):
        monkeypatch.setenv("K8S", folder.name)
        assert (
            suite.runpytest_subprocess("suites", "-p", "no:cacheprovider", f"--alluredir={folder}").ret
            == status
        )
    report.build_html_report(from_env({}), results, Progress(3), tmp_path)
    stats = json.loads((tmp_path / "html" / "summary.json").read_text())["stats"]
    assert (stats["total"], stats["passed"], stats["failed"]) == (4, 3, 1)


@pytest.mark.timeout(900)
def test_the_page_leads_from_document_over_section_to_requirement_and_its_attachment(
    suite: pytest.Pytester, tmp_path: Path
) -> None:
    _require("nodejs", "npm", "chromium")
    reports = suite.path / "reports"
    progress = Progress(6)
    for _ in range(2):
        assert suite.runpytest_subprocess("suites", "-p", "no:cacheprovider").ret == 1
        page_file = report.build_html_report(from_env({}), [reports / "allure-results"], progress, reports)
    assert len((reports / "history.jsonl").read_text().splitlines()) == 2

    with chromium(tmp_path / "profile") as page:
        page.open(page_file.as_uri())
        titles = (
            "[...document.querySelectorAll('[data-testid=tree-section-title]')].map(one => one.textContent)"
        )
        page.until(f"{titles}.length > 0")
        assert page.evaluate(titles)[:2] == ["The mini document", "About middle"]
        page.screenshot(REPORTS / "report-overview.png")
        page.click("[data-testid=tree-section-title]", "About middle")
        page.click("[data-testid=tree-section-title]", "MINI-B-05")
        page.click("[data-testid=tree-leaf]", "MINI-B-05 MUST hold.")
        page.click("[data-testid=test-result-step-header]", "ask for web-0.nginx")
        page.click("[data-testid=test-result-attachment-header] button", "answer over UDP")
        page.until("document.body.innerText.includes('web-0.nginx. 30 IN A 192.0.2.7')")
        page.screenshot(REPORTS / "report-requirement.png")

        page.open("about:blank")
        page.open(page_file.as_uri())
        page.click("[data-testid=tree-leaf]", "MINI-A-01 MUST hold.")
        descriptions = "[...document.querySelectorAll('iframe')].map(frame => frame.srcdoc).join()"
        page.until(f"{descriptions}.includes('<td>{{192.0.2.6}}</td>')")
        page.screenshot(REPORTS / "report-failure.png")
