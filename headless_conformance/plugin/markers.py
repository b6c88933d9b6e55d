"""Markers `claim` and `needs`: which sentence a spec stands for, and what it needs of a cluster.

`@pytest.mark.claim("SEED-NID-05")`: exactly one per spec of a register's suite; an unknown ID, none or two is a collection error.
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
from headless_conformance.core import settings
from headless_conformance.core.errors import UserError, not_supported
from headless_conformance.requirements import register as claims
from headless_conformance.requirements.register import Claim, Level, Register, markdown
from headless_conformance.results.selection import selected

REGISTER = pytest.StashKey[Register]()
MINOR = pytest.StashKey[str]()
LANG = pytest.StashKey[str]()
SHARED = pytest.StashKey[Counter[str]]()
"""How many specs were collected for each claim."""
CHOSEN = pytest.StashKey[dict[str, Claim]]()
"""The claims that the run is about."""

SEVERITIES = {
    Level.MUST: allure.severity_level.CRITICAL,
    Level.SHOULD: allure.severity_level.NORMAL,
    Level.MAY: allure.severity_level.MINOR,
}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "claim(id): the claim of the register that the spec stands for")
    config.addinivalue_line(
        "markers", "needs(capability, ...): headless_conformance.cluster.model.Capability that the spec needs"
    )
    config.stash[SHARED] = Counter()
    try:
        asked = settings.from_env(os.environ)
        config.stash[REGISTER] = claims.load()
        config.stash[CHOSEN] = selected(config.stash[REGISTER], os.environ)
    except UserError as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[MINOR] = asked.release.minor
    config.stash[LANG] = asked.report_lang


def claim_of(item: pytest.Item) -> Claim | None:
    """The claim that a spec names; None where it names none."""
    marker = item.get_closest_marker("claim")
    return item.config.stash[REGISTER].claim(marker.args[0]) if marker else None


def needs_of(item: pytest.Item) -> list[Capability]:
    """What a spec needs, in the order of its markers, each once."""
    return list(dict.fromkeys(need for marker in item.iter_markers("needs") for need in marker.args))


def is_spec(path: Path, config: pytest.Config) -> bool:
    """Whether a file belongs to a suite."""
    return path.is_relative_to(config.rootpath / "suites")


def asks_for_specs(config: pytest.Config) -> bool:
    """Whether the run is to execute specs, by its arguments."""
    suites = config.rootpath / "suites"
    given = [config.invocation_params.dir / argument.split("::")[0] for argument in config.args]
    asked = any(path.is_relative_to(suites) or suites.is_relative_to(path) for path in given)
    return asked and not config.option.collectonly


def _mistake(item: pytest.Item) -> str:
    """What is wrong with a spec's markers; empty when nothing is."""
    register = item.config.stash[REGISTER]
    named = [marker.args for marker in item.iter_markers("claim")]
    governed = item.path.is_relative_to(item.config.rootpath / "suites" / register.id)
    if len(named) > 1 or any(len(arguments) != 1 for arguments in named):
        return f"{item.nodeid} must name exactly one claim, as in @pytest.mark.claim({next(iter(register.claims))!r})."
    if not named and governed:
        return f"{item.nodeid} names no claim; add @pytest.mark.claim with an ID of claims/{register.id}.yaml."
    if named and named[0][0] not in register.claims:
        return f"{item.nodeid} names {named[0][0]}, which is not in claims/{register.id}.yaml; `make claims` lists the IDs."
    wrong = [need for marker in item.iter_markers("needs") for need in marker.args if not isinstance(need, Capability)]
    return f"{item.nodeid} needs {wrong[0]!r}, which is not a Capability." if wrong else ""


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if is_spec(collector.path, collector.config) and report.passed:
        mistakes = [mistake for node in report.result if isinstance(node, pytest.Item) and (mistake := _mistake(node))]
        if mistakes:
            report.outcome = "failed"
            report.longrepr = "\n".join(mistakes)
            report.result = []
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    config.stash[SHARED].update(claim.id for item in items if (claim := claim_of(item)))
    for item in items:
        if isinstance(item, pytest.Function) and (item.get_closest_marker("claim") or item.get_closest_marker("needs")):
            # First in line, before fixtures of any scope: a cluster without MySQL is not asked to start one.
            item.fixturenames = ["supported_here", *item.fixturenames]
    chosen = config.stash[CHOSEN]
    if len(chosen) < len(config.stash[REGISTER].claims):
        others = [item for item in items if is_spec(item.path, config) and not ((claim := claim_of(item)) and claim.id in chosen)]
        items[:] = [item for item in items if item not in others]
        config.hook.pytest_deselected(items=others)


@pytest.fixture
def supported_here(request: pytest.FixtureRequest) -> None:
    """The one place that decides that a spec is not supported: by the version of its claim and the cluster's capabilities."""
    claim = claim_of(request.node)
    if claim and (reason := claim.out_of_range(request.config.stash[MINOR])):
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
    if is_spec(item.path, item.config):
        # The parameter keeps the same spec on two versions apart in history, the label lets Allure group by version.
        allure.dynamic.parameter("kubernetes", item.config.stash[MINOR])
        allure.dynamic.label("kubernetes", item.config.stash[MINOR])


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    # Not earlier: allure-pytest overwrites title and description when set-up ends.
    if call.when == "setup" and (claim := claim_of(item)):
        _describe(item, claim)
    return report


def _describe(item: pytest.Item, claim: Claim) -> None:
    register, lang = item.config.stash[REGISTER], item.config.stash[LANG]
    spec = item.name.removeprefix("test_").replace("_", " ")
    allure.dynamic.title(claim.sentence(lang) + (f" ({spec})" if item.config.stash[SHARED][claim.id] > 1 else ""))
    allure.dynamic.parent_suite(register.title_zh if lang == "zh" else register.title)
    allure.dynamic.suite(claim.section.title_zh if lang == "zh" else claim.section.title)
    allure.dynamic.sub_suite(claim.id)
    allure.dynamic.label("level", claim.level)
    allure.dynamic.severity(SEVERITIES[claim.level])
    for need in needs_of(item):
        allure.dynamic.label("needs", need)
    allure.dynamic.link(f"{_page_of_claims()}#{claim.anchor}", name=f"{claim.id} in docs/claims.md")
    own_words = item.obj.__doc__ if isinstance(item, pytest.Function) else None
    paragraphs = [own_words or "", markdown(claim.statement), markdown(claim.statement_zh)]
    if claim.reading:
        paragraphs.append(f"Reading: {markdown(claim.reading.text)} Reason: {markdown(claim.reading.reason)}")
    allure.dynamic.description("\n\n".join(paragraph.strip() for paragraph in paragraphs if paragraph))


def _page_of_claims() -> str:
    """docs/claims.md as seen from the report: on GitHub for a report made there, else from reports/html/ of a clone."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        return "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/blob/{GITHUB_SHA}/docs/claims.md".format_map(os.environ)
    return "../../docs/claims.md"


@dataclass(frozen=True)
class Collected:
    """A spec as far as it is known without running it."""

    nodeid: str
    needs: tuple[Capability, ...]


class _Collector:
    def __init__(self) -> None:
        self.specs: dict[str, list[Collected]] = defaultdict(list)

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        if claim := claim_of(item):
            self.specs[claim.id].append(Collected(item.nodeid, tuple(needs_of(item))))


def collect_specs(suite: Path) -> dict[str, list[Collected]]:
    """The specs of each claim, without running one. UserError carries what pytest says when it cannot collect."""
    collector = _Collector()
    said = io.StringIO()
    arguments = [str(suite), "--collect-only", "-q", "-p", "no:cacheprovider", "-o", "addopts="]
    with contextlib.redirect_stdout(said):
        status = pytest.main(arguments, plugins=[collector])
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise UserError(f"The specs cannot be collected; correct what pytest says:\n{said.getvalue()}")
    return collector.specs
