"""What Allure shows of a test: sentence, document, section, requirements, level, needs, version, and the
fields of a failure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import allure
import pytest

from headless_conformance.core.templates import render_template
from headless_conformance.plugin.context import RUN, is_suite_test
from headless_conformance.plugin.markers import needs_of, requirements_of
from headless_conformance.plugin.outcomes import mismatch_fields
from headless_conformance.requirements.model import Requirement
from headless_conformance.requirements.pages import page_path
from headless_conformance.results.allure_files import SEVERITIES
from headless_conformance.results.github import workflow_run

_TEMPLATE = Path(__file__).parent / "description.md.j2"
TESTS_OF_REQUIREMENT = pytest.StashKey[Counter[str]]()
"""How many tests were collected for each requirement."""


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TESTS_OF_REQUIREMENT] = Counter()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # Before any is deselected, so that a test is called the same in every run.
    config.stash[TESTS_OF_REQUIREMENT].update(found.id for item in items for found in requirements_of(item))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if is_suite_test(item.path, item.config):
        minor = item.config.stash[RUN].settings.release.minor
        # The parameter keeps versions apart in the history of a test, the label lets Allure group by them.
        allure.dynamic.parameter("kubernetes", minor)
        allure.dynamic.label("kubernetes", minor)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, Any, Any]:
    # allure-pytest shows every finalizer as a step of the tear-down, pytest's own as well: that one closes
    # what Allure writes, so that its step would stay without a status.
    finalizers = fixturedef._finalizers
    of_pytest = list(finalizers)
    try:
        return (yield)
    finally:
        finalizers[: len(of_pytest)] = of_pytest


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    requirements = requirements_of(item)
    # Not earlier: allure-pytest overwrites title and description when set-up ends.
    if call.when == "setup" and requirements:
        _label(item, requirements)
        _describe(item, requirements, {})
    fields = mismatch_fields(call.excinfo.value) if call.excinfo else {}
    if fields:
        _describe(item, requirements, fields)
        for name, value in fields.get("where", {}).items():
            allure.dynamic.label(name, value)
    return report


def _label(item: pytest.Item, requirements: tuple[Requirement, ...]) -> None:
    """Titles and groups are those of the first requirement; every one has its label and its link."""
    run, first = item.config.stash[RUN], requirements[0]
    document, section = run.documents.document_of(first.id), run.documents.section_of(first)
    case = item.name.removeprefix("test_").replace("_", " ")
    is_shared = item.config.stash[TESTS_OF_REQUIREMENT][first.id] > 1
    allure.dynamic.title(first.sentence(run.lang) + (f" ({case})" if is_shared else ""))
    allure.dynamic.parent_suite(document.name(run.lang))
    allure.dynamic.suite(section.title_zh if run.lang == "zh" else section.title)
    allure.dynamic.sub_suite(first.id)
    allure.dynamic.severity(SEVERITIES[first.level])
    allure.dynamic.label("level", first.level)
    for need in needs_of(item):
        allure.dynamic.label("needs", need)
    for requirement in requirements:
        allure.dynamic.label("requirement", requirement.id)
        document = run.documents.document_of(requirement.id)
        page = page_path(document).as_posix()
        allure.dynamic.link(
            f"{_top_of_clone()}/{page}#{requirement.anchor}", name=f"{requirement.id} in {page}"
        )
        if source := document.source_of(requirement):
            allure.dynamic.link(source, name=f"{requirement.id} in the document")


def _describe(item: pytest.Item, requirements: tuple[Requirement, ...], fields: Mapping[str, Any]) -> None:
    own_words = (item.obj.__doc__ if isinstance(item, pytest.Function) else None) or ""
    text = render_template(
        _TEMPLATE, own_words=own_words.strip(), requirements=requirements, rows=_rows(fields)
    )
    allure.dynamic.description(text.strip())


def _rows(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields as rows of a table; the whole answer is in the message."""
    rows = {name: value for name, value in fields.items() if name not in ("where", "details")}
    return rows | dict(fields.get("where", {}))


def _top_of_clone() -> str:
    """The clone as seen from the report: on GitHub for a report made there, else from reports/html/."""
    run = workflow_run()
    return run.sources if run else "../.."
