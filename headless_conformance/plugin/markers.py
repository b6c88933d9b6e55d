"""Markers: which sentences a test stands for, what it needs of a cluster, and which tests take longest.

`@pytest.mark.requirement("ID", ...)`: one marker with one ID or more per test of a document's suite; an
unknown ID, no marker or two are a collection error. `document_sets=["ID", ...]` names those that the test
stands for on the document's own sets only: on the person's StatefulSet (TARGET) nothing is changed, and so no
requirement is judged there that needs a change.

`@pytest.mark.needs(Capability.KUBELET, ...)`: where the cluster has not got it, the
outcome is "not supported here".

`@pytest.mark.longest`: a test that waits longer than others; a document may have such tests begin first.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from headless_conformance.cluster.model import Capability, Cluster
from headless_conformance.core.errors import not_supported
from headless_conformance.plugin.context import RUN, is_suite_test
from headless_conformance.plugin.sets import runs_on_own_set
from headless_conformance.requirements.documents import Documents
from headless_conformance.requirements.model import Document, Requirement

DOCUMENT_SETS = "document_sets"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        f"requirement(id, ..., {DOCUMENT_SETS}=()): the requirements of registers that the test stands for; "
        "those named last on the document's sets only",
    )
    config.addinivalue_line(
        "markers", "needs(capability, ...): headless_conformance.cluster.model.Capability that the test needs"
    )
    config.addinivalue_line("markers", "longest: waits longer than other tests, and is to begin before them")


def requirements_of(item: pytest.Item) -> tuple[Requirement, ...]:
    """The requirements that a test names; none where it stands for none."""
    marker = item.get_closest_marker("requirement")
    if marker is None:
        return ()
    names = marker.args if runs_on_own_set(item) else _ids(marker)
    documents = item.config.stash[RUN].documents
    return tuple(documents.requirement(name) for name in dict.fromkeys(names))


def _ids(marker: pytest.Mark) -> tuple[str, ...]:
    return (*marker.args, *marker.kwargs.get(DOCUMENT_SETS, ()))


def needs_of(item: pytest.Item) -> list[Capability]:
    """What a test needs, in the order of its markers, each once."""
    return list(dict.fromkeys(need for marker in item.iter_markers("needs") for need in marker.args))


def _governing(documents: Documents, path: Path, suites: Path) -> Document | None:
    """The document whose suite a file belongs to."""
    return next((document for document in documents if path.is_relative_to(suites / document.id)), None)


def _mistake(item: pytest.Item) -> str:
    """What is wrong with a test's markers; empty when nothing is."""
    documents = item.config.stash[RUN].documents
    markers = list(item.iter_markers("requirement"))
    document = _governing(documents, item.path, item.config.rootpath / "suites")
    if len(markers) > 1 or any(not one.args or set(one.kwargs) - {DOCUMENT_SETS} for one in markers):
        example = next(iter(documents.requirements))
        return (
            f"{item.nodeid} must have one marker with its IDs, as in @pytest.mark.requirement({example!r})."
        )
    ids = _ids(markers[0]) if markers else ()
    for name in ids:
        if name not in documents.requirements:
            return (
                f"{item.nodeid} names {name}, which is in no suites/*/document.yaml; `make "
                "requirements` lists the IDs."
            )
    if document and not any(name in document.by_id for name in ids):
        register = f"suites/{document.id}/document.yaml"
        return (
            f"{item.nodeid} names no requirement of its document; add @pytest.mark.requirement with "
            f"an ID of {register}."
        )
    wrong = [
        need
        for marker in item.iter_markers("needs")
        for need in marker.args
        if not isinstance(need, Capability)
    ]
    return f"{item.nodeid} needs {wrong[0]!r}, which is not a Capability." if wrong else ""


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if is_suite_test(collector.path, collector.config) and report.passed:
        mistakes = [
            mistake for node in report.result if isinstance(node, pytest.Item) and (mistake := _mistake(node))
        ]
        if mistakes:
            report.outcome = "failed"
            report.longrepr = "\n".join(mistakes)
            report.result = []
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    run = config.stash[RUN]
    for item in items:
        marked = item.get_closest_marker("requirement") or item.get_closest_marker("needs")
        if isinstance(item, pytest.Function) and marked:
            # First in line, before fixtures of any scope: a cluster without MySQL is not asked to start one.
            item.fixturenames = ["supported_here", *item.fixturenames]
    if len(run.chosen) < len(run.documents.requirements):
        others = [
            item
            for item in items
            if is_suite_test(item.path, config) and not run.is_chosen(requirements_of(item))
        ]
        items[:] = [item for item in items if item not in others]
        config.hook.pytest_deselected(items=others)


@pytest.fixture
def supported_here(request: pytest.FixtureRequest) -> None:
    """The one place that decides that a test is not supported: by version of its requirements
    and the cluster's capabilities."""
    minor = request.config.stash[RUN].settings.release.minor
    reasons = [requirement.out_of_range(minor) for requirement in requirements_of(request.node)]
    if reasons and all(reasons):
        not_supported(reasons[0])
    needs = needs_of(request.node)
    if not needs:
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    missing = [need for need in needs if need not in cluster.capabilities]
    if missing:
        lacking = [
            cluster.lacking.get(need, f"the {cluster.provider} cluster has no {need}") for need in missing
        ]
        not_supported(", and ".join(dict.fromkeys(lacking)))
