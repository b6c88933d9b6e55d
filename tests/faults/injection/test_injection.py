"""Tests of what puts a scenario into a run. No cluster."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from kubernetes.client.exceptions import ApiException

from headless_conformance.cluster.waiting import ObservationError
from headless_conformance.core.errors import StepFailed, UserError
from headless_conformance.core.mismatch import Mismatch, Observation
from headless_conformance.core.paths import MANIFESTS
from headless_conformance.faults.injection import manifests
from headless_conformance.faults.injection.corefile import changed_corefile
from headless_conformance.faults.injection.manifests import ChangedManifestFolder
from headless_conformance.faults.injection.placeholders import filled
from headless_conformance.faults.injection.plugin import Injector
from headless_conformance.faults.model import CorefileChange, ManifestChange
from headless_conformance.faults.run_record import RunRecord
from headless_conformance.plugin.outcomes import TestError, mismatch_fields
from headless_conformance.providers.run_context import context_of_environment
from headless_conformance.providers.simulated.corefile import default
from headless_conformance.requirements.model import Requirement
from headless_conformance.results.verdict import CaseResult, Outcome, Verdict
from tests.faults.examples import fault

MISMATCH = Mismatch(Observation("A a.example.", "{10.0.0.1}", "NXDOMAIN"))
CHANGE = {
    "file": "doc/a*.yaml",
    "kind": "Pod",
    "patch": [
        {"op": "remove", "path": "/spec/a"},
        {"op": "replace", "path": "/spec/b/0", "value": 3},
        {"op": "add", "path": "/spec/b/-", "value": None},
    ],
    "add": [{"kind": "Secret"}],
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ChangedManifestFolder:
    monkeypatch.setattr(manifests, "MANIFESTS", tmp_path)
    (tmp_path / "doc").mkdir()
    for name in ("a1.yaml", "b.yaml"):
        text = yaml.safe_dump_all([{"kind": "Pod", "spec": {"a": 1, "b": [1]}}, {"kind": "Service"}])
        (tmp_path / "doc" / name).write_text(text)
    return ChangedManifestFolder(tmp_path / "doc", [ManifestChange.model_validate(CHANGE)])


def test_manifests_are_patched_by_file_and_kind(folder: ChangedManifestFolder) -> None:
    assert folder.load("a1.yaml") == [
        {"kind": "Pod", "spec": {"b": [3, None]}},
        {"kind": "Service"},
        {"kind": "Secret"},
    ]
    assert folder.load("b.yaml") == [{"kind": "Pod", "spec": {"a": 1, "b": [1]}}, {"kind": "Service"}]


def test_a_patch_that_does_not_fit_is_named(folder: ChangedManifestFolder) -> None:
    wrong = {**CHANGE, "patch": [{"op": "remove", "path": "/spec/absent"}]}
    with pytest.raises(UserError, match="The patch of Pod in doc/a"):
        ChangedManifestFolder(folder.path, [ManifestChange.model_validate(wrong)]).load("a1.yaml")


def test_every_patch_of_the_catalogue_fits_a_shipped_manifest() -> None:
    from headless_conformance.faults.catalogue import find_faults, find_variations

    paths = [path for path in MANIFESTS.glob("*/*.yaml") if path.parent.name != "rbac"]
    for scenario in (*find_faults(), *find_variations()):
        for change in scenario.injected(ManifestChange):
            differing = [
                path
                for path in paths
                if ChangedManifestFolder(path.parent, [change]).load(path.name)
                != ChangedManifestFolder(path.parent).load(path.name)
            ]
            assert differing, f"{scenario.name} changes no manifest"


def test_a_change_of_the_corefile_goes_into_the_main_block() -> None:
    words = {"domain": "cluster.local"}
    change = CorefileChange(insert="template IN A @domain@ {\n}", replace={"ttl 30": "ttl 5"})
    text = changed_corefile(default("cluster.local"), change, words)
    assert text.startswith(".:53 {\n    errors\n    template IN A cluster.local {\n    }\n    health {")
    assert "ttl 5" in text
    with pytest.raises(ValueError, match="'ttl 31' is not in the Corefile"):
        changed_corefile(text, CorefileChange(replace={"ttl 31": ""}), words)


def test_words_are_filled_in_and_braces_stay() -> None:
    assert filled("{{ .Name }} @domain@$", {"domain": "kube.local"}) == "{{ .Name }} kube.local$"


def case(error: BaseException, outcome: Outcome) -> tuple[Any, CaseResult]:
    """A test that ended with an exception: what pytest hands to hooks about it, and its result."""
    seen = CaseResult("t", ("DOC-A-01",), outcome, "a", "a\nb", mismatch_fields(error), 9.0, 1.23)
    return SimpleNamespace(excinfo=SimpleNamespace(value=error)), seen


@pytest.mark.parametrize(
    ("error", "outcome", "expected"),
    [
        (MISMATCH, Outcome.FAILED, ("Mismatch", None, "NXDOMAIN")),
        (ApiException(status=422, reason="Invalid"), Outcome.ERROR, ("ApiException", 422, None)),
        (TestError(MISMATCH), Outcome.ERROR, ("Mismatch", None, "NXDOMAIN")),
        (
            ObservationError("late", MISMATCH.observation),
            Outcome.ERROR,
            ("ObservationError", None, "NXDOMAIN"),
        ),
        (ObservationError("late"), Outcome.ERROR, ("ObservationError", None, None)),
    ],
    ids=["a mismatch", "an error", "a mismatch in a fixture", "waited in vain", "an error without fields"],
)
def test_a_failure_is_recorded_with_its_fields(
    tmp_path: Path, error: BaseException, outcome: Outcome, expected: tuple[object, ...]
) -> None:
    injector = Injector(fault(), context_of_environment({"PROVIDER": "simulated"}), tmp_path / "record.json")
    call, seen = case(error, outcome)
    node: Any = SimpleNamespace(nodeid="t")
    injector.pytest_exception_interact(node, call)
    requirement, other = (Requirement.model_construct(id=name) for name in ("DOC-A-01", "DOC-A-02"))
    documents = SimpleNamespace(equivalents=lambda name: (name,))
    verdicts = [Verdict(one, outcome, "a", (seen,)) for one in (requirement, other)]
    chosen = {requirement.id: requirement}
    run: Any = SimpleNamespace(aborted={}, documents=documents, chosen=chosen, verdicts=verdicts)
    injector.pytest_conformance_finished(run)
    written = RunRecord.model_validate_json((tmp_path / "record.json").read_bytes())
    assert list(written.requirements) == ["DOC-A-01"], "the other one is not verified by the run"
    (found,) = written.requirements["DOC-A-01"].failures
    assert (found.error, found.status, found.mismatch.get("observed")) == expected
    assert (found.message, found.seconds, found.outcome) == ("a\nb", 1.2, outcome)


def test_everything_is_put_back_whatever_fails(tmp_path: Path) -> None:
    def fail() -> None:
        raise StepFailed("no API server")

    undone = list[int]()
    injector = Injector(fault(), context_of_environment({"PROVIDER": "kind"}), tmp_path / "record.json")
    injector.undo.callback(undone.append, 1)
    injector.undo.callback(fail)
    with pytest.raises(StepFailed):
        injector.pytest_conformance_undo()
    assert undone == [1]


def test_a_change_that_was_never_made_makes_the_run_worth_nothing(tmp_path: Path) -> None:
    waiting = fault(inject=[{"kubectl": {"after": "some_fixture", "run": [{"words": ["version"]}]}}])
    injector = Injector(waiting, context_of_environment({"PROVIDER": "simulated"}), tmp_path / "record.json")
    run: Any = SimpleNamespace(aborted={}, verdicts=[])
    injector.pytest_conformance_finished(run)
    written = RunRecord.model_validate_json((tmp_path / "record.json").read_bytes())
    assert written.aborted == {
        "some_fixture": "no test used this fixture, so that nothing was changed after it"
    }
