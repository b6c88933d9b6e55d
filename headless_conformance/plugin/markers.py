"""Markers `requirement` and `needs`: which sentence a test stands for, and what it needs of a cluster.

`@pytest.mark.requirement("SEED-NID-05")`: exactly one per spec of a register's suite; an unknown ID, none or two is a collection error.
`@pytest.mark.needs(Capability.KUBELET, ...)`: where the cluster has not got it, the outcome is "not supported here".
"""

from __future__ import annotations

import contextlib
import io
import os
from collections import Counter, defaultdict
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import allure
import pytest

from headless_conformance.cluster.model import Capability, Cluster
from headless_conformance.core.errors import UserError, not_supported
from headless_conformance.plugin.session import run_context
from headless_conformance.requirements import register as requirements
from headless_conformance.requirements.register import Level, Register, Requirement, markdown
from headless_conformance.results.selection import selected

REGISTER = pytest.StashKey[Register]()
MINOR = pytest.StashKey[str]()
LANG = pytest.StashKey[str]()
SHARED = pytest.StashKey[Counter[str]]()
"""How many tests were collected for each requirement."""
CHOSEN = pytest.StashKey[dict[str, Requirement]]()
"""The requirements that the run is about."""

SEVERITIES = {
    Level.MUST: allure.severity_level.CRITICAL,
    Level.SHOULD: allure.severity_level.NORMAL,
    Level.MAY: allure.severity_level.MINOR,
}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "requirement(id): the requirement of the register that the test stands for")
    config.addinivalue_line(
        "markers", "needs(capability, ...): headless_conformance.cluster.model.Capability that the test needs"
    )
    config.stash[SHARED] = Counter()
    asked = run_context(config).settings
    try:
        config.stash[REGISTER] = requirements.load()
        config.stash[CHOSEN] = selected(config.stash[REGISTER], os.environ)
    except UserError as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[MINOR] = asked.release.minor
    config.stash[LANG] = asked.report_lang


def requirement_of(item: pytest.Item) -> Requirement | None:
    """The requirement that a test names; None where it names none."""
    marker = item.get_closest_marker("requirement")
    return item.config.stash[REGISTER].requirement(marker.args[0]) if marker else None


def needs_of(item: pytest.Item) -> list[Capability]:
    """What a test needs, in the order of its markers, each once."""
    return list(dict.fromkeys(need for marker in item.iter_markers("needs") for need in marker.args))


def is_suite_test(path: Path, config: pytest.Config) -> bool:
    """Whether a file belongs to a suite."""
    return path.is_relative_to(config.rootpath / "suites")


def asks_for_suites(config: pytest.Config) -> bool:
    """Whether the run is to execute tests, by its arguments."""
    suites = config.rootpath / "suites"
    given = [config.invocation_params.dir / argument.split("::")[0] for argument in config.args]
    asked = any(path.is_relative_to(suites) or suites.is_relative_to(path) for path in given)
    return asked and not config.option.collectonly


def _mistake(item: pytest.Item) -> str:
    """What is wrong with a test's markers; empty when nothing is."""
    register = item.config.stash[REGISTER]
    named = [marker.args for marker in item.iter_markers("requirement")]
    governed = item.path.is_relative_to(item.config.rootpath / "suites" / register.id)
    if len(named) > 1 or any(len(arguments) != 1 for arguments in named):
        return f"{item.nodeid} must name exactly one requirement, as in @pytest.mark.requirement({next(iter(register.requirements))!r})."
    if not named and governed:
        return (
            f"{item.nodeid} names no requirement; add @pytest.mark.requirement with an ID of suites/{register.id}/document.yaml."
        )
    if named and named[0][0] not in register.requirements:
        return f"{item.nodeid} names {named[0][0]}, which is not in suites/{register.id}/document.yaml; `make requirements` lists the IDs."
    wrong = [need for marker in item.iter_markers("needs") for need in marker.args if not isinstance(need, Capability)]
    return f"{item.nodeid} needs {wrong[0]!r}, which is not a Capability." if wrong else ""


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if is_suite_test(collector.path, collector.config) and report.passed:
        mistakes = [mistake for node in report.result if isinstance(node, pytest.Item) and (mistake := _mistake(node))]
        if mistakes:
            report.outcome = "failed"
            report.longrepr = "\n".join(mistakes)
            report.result = []
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    config.stash[SHARED].update(requirement.id for item in items if (requirement := requirement_of(item)))
    for item in items:
        if isinstance(item, pytest.Function) and (item.get_closest_marker("requirement") or item.get_closest_marker("needs")):
            # First in line, before fixtures of any scope: a cluster without MySQL is not asked to start one.
            item.fixturenames = ["supported_here", *item.fixturenames]
    chosen = config.stash[CHOSEN]
    if len(chosen) < len(config.stash[REGISTER].requirements):
        others = [
            item
            for item in items
            if is_suite_test(item.path, config) and not ((requirement := requirement_of(item)) and requirement.id in chosen)
        ]
        items[:] = [item for item in items if item not in others]
        config.hook.pytest_deselected(items=others)


@pytest.fixture
def supported_here(request: pytest.FixtureRequest) -> None:
    """The one place that decides that a test is not supported: by the version of its requirement and the cluster's capabilities."""
    requirement = requirement_of(request.node)
    if requirement and (reason := requirement.out_of_range(request.config.stash[MINOR])):
        not_supported(reason)
    needs = needs_of(request.node)
    if not needs:
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    missing = [need for need in needs if need not in cluster.capabilities]
    if missing:
        reasons = [cluster.lacking.get(need, f"the {cluster.provider} cluster has no {need}") for need in missing]
        not_supported(", and ".join(dict.fromkeys(reasons)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if is_suite_test(item.path, item.config):
        # The parameter keeps the same test on two versions apart in history, the label lets Allure group by version.
        allure.dynamic.parameter("kubernetes", item.config.stash[MINOR])
        allure.dynamic.label("kubernetes", item.config.stash[MINOR])


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    # Not earlier: allure-pytest overwrites title and description when set-up ends.
    if call.when == "setup" and (requirement := requirement_of(item)):
        _describe(item, requirement)
    return report


def _describe(item: pytest.Item, requirement: Requirement) -> None:
    register, lang = item.config.stash[REGISTER], item.config.stash[LANG]
    case = item.name.removeprefix("test_").replace("_", " ")
    allure.dynamic.title(requirement.sentence(lang) + (f" ({case})" if item.config.stash[SHARED][requirement.id] > 1 else ""))
    allure.dynamic.parent_suite(register.title_zh if lang == "zh" else register.title)
    allure.dynamic.suite(requirement.section.title_zh if lang == "zh" else requirement.section.title)
    allure.dynamic.sub_suite(requirement.id)
    allure.dynamic.label("level", requirement.level)
    allure.dynamic.severity(SEVERITIES[requirement.level])
    for need in needs_of(item):
        allure.dynamic.label("needs", need)
    allure.dynamic.link(f"{_page_of_claims()}#{requirement.anchor}", name=f"{requirement.id} in docs/requirements.md")
    own_words = item.obj.__doc__ if isinstance(item, pytest.Function) else None
    paragraphs = [own_words or "", markdown(requirement.statement), markdown(requirement.statement_zh)]
    if requirement.interpretation:
        paragraphs.append(
            f"Reading: {markdown(requirement.interpretation.text)} Reason: {markdown(requirement.interpretation.reason)}"
        )
    allure.dynamic.description("\n\n".join(paragraph.strip() for paragraph in paragraphs if paragraph))


def _page_of_claims() -> str:
    """docs/requirements.md as seen from the report: on GitHub for a report made there, else from reports/html/ of a clone."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        return "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/blob/{GITHUB_SHA}/docs/requirements.md".format_map(os.environ)
    return "../../docs/requirements.md"


@dataclass(frozen=True)
class Collected:
    """A test as far as it is known without running it."""

    nodeid: str
    needs: tuple[Capability, ...]


class _Collector:
    def __init__(self) -> None:
        self.tests: dict[str, list[Collected]] = defaultdict(list)

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        if requirement := requirement_of(item):
            self.tests[requirement.id].append(Collected(item.nodeid, tuple(needs_of(item))))


def collect_tests(suite: Path) -> dict[str, list[Collected]]:
    """The tests of each requirement, without running one. UserError carries what pytest says when it cannot collect."""
    collector = _Collector()
    said = io.StringIO()
    arguments = [str(suite), "--collect-only", "-q"]
    with contextlib.redirect_stdout(said):
        status = pytest.main(arguments, plugins=[collector])
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise UserError(f"The tests cannot be collected; correct what pytest says:\n{said.getvalue()}")
    return collector.tests
