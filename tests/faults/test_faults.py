"""Tests of the catalogue of faults and of what judges a run under one. No cluster."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from headless_conformance.core import run_identity
from headless_conformance.core.errors import UserError
from headless_conformance.core.run_identity import only_run_of_clone
from headless_conformance.core.settings import from_env
from headless_conformance.engine.engine import Engine
from headless_conformance.faults import model as experiments
from headless_conformance.faults import report as matrix
from headless_conformance.faults import runner as detection
from headless_conformance.faults.evaluation import FAILURE_SECONDS, Cell, Judged, judge, requirements_without_fault
from headless_conformance.faults.injection.changes import patched
from headless_conformance.faults.injection.corefile import changed
from headless_conformance.faults.injection.kubectl import filled
from headless_conformance.faults.model import FAULTS, VARIATIONS, Corefile, Experiment, Kubectl
from headless_conformance.providers.kind.provider import KindProvider
from headless_conformance.providers.kind.tools import KindTools
from headless_conformance.providers.simulated.control_plane import Programs
from headless_conformance.providers.simulated.corefile import default
from headless_conformance.providers.simulated.provider import SimulatedProvider
from headless_conformance.requirements.documents import load_documents

DOCUMENTS = load_documents()
CATALOGUE = experiments.load_all(FAULTS)
FAULT = replace(CATALOGUE[0], must_fail={"A": "wrong record"}, must_fail_on_kind={}, others_unknown="")


def row(outcome: str, *failures: tuple[str, str], seconds: float = 1.0) -> dict[str, Any]:
    return {
        "outcome": outcome,
        "failures": [{"spec": "spec", "outcome": how, "message": message, "seconds": seconds} for how, message in failures],
    }


def judged(fault: Experiment, **rows: dict[str, Any]) -> Judged:
    return judge(fault, "simulated", {"aborted": {}, "requirements": rows}, 1.0)


def cells(fault: Experiment, **rows: dict[str, Any]) -> dict[str, Cell]:
    return {finding.requirement: finding.cell for finding in judged(fault, **rows).findings}


@pytest.mark.parametrize("fault", CATALOGUE, ids=lambda fault: fault.name)
def test_every_fault_turns_claims_of_the_register_red(fault: Experiment) -> None:
    failures = {**fault.must_fail, **fault.must_fail_on_kind}
    assert failures
    assert set(failures) <= set(DOCUMENTS.requirements)
    for pattern in (*failures.values(), fault.others_unknown):
        re.compile(pattern)


def test_what_an_experiment_creates_on_a_cluster_that_may_be_kept_it_deletes_again() -> None:
    for experiment in (*CATALOGUE, *experiments.load_all(VARIATIONS)):
        for change in experiment.inject:
            if isinstance(change, Kubectl) and any("create" in command.words for command in change.run):
                assert any("delete" in command.words for command in change.undo), experiment.name


def test_variations_turn_nothing_red() -> None:
    for variation in experiments.load_all(VARIATIONS):
        assert not variation.must_fail
        assert not variation.must_fail_on_kind


def test_the_page_is_generated() -> None:
    assert matrix.PAGE.read_text() == matrix.page(CATALOGUE), "run `make pages`"


def test_a_red_for_the_right_reason_is_a_kill() -> None:
    one = judged(FAULT, A=row("failed", ("failed", "of another sort"), ("failed", "the\nwrong record")))
    assert [finding.cell for finding in one.findings] == [Cell.KILLED]
    assert one.good


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (row("passed"), "it is passed"),
        (row("failed", ("failed", "a time-out")), "no message matches"),
        (row("broken", ("broken", "wrong record")), "it is broken"),
        (row("failed", ("failed", "wrong record"), seconds=FAILURE_SECONDS + 1), "red after"),
    ],
)
def test_anything_else_is_a_miss(found: dict[str, Any], why: str) -> None:
    one = judged(FAULT, A=found)
    assert [finding.cell for finding in one.findings] == [Cell.MISSED]
    assert why in one.findings[0].detail
    assert not one.good


def test_only_the_documented_delay_may_take_longer_to_turn_red() -> None:
    slow = row("failed", ("failed", "wrong record"), seconds=60.4)
    fault = replace(FAULT, must_fail={"A": "wrong record", "SEED-NID-07": "wrong record"})
    assert cells(fault, **{"A": slow, "SEED-NID-07": slow}) == {"A": Cell.MISSED, "SEED-NID-07": Cell.KILLED}


def test_a_claim_that_cannot_be_verified_here_is_not_applicable() -> None:
    assert cells(FAULT, A=row("not_supported")) == {"A": Cell.NOT_APPLICABLE}


@pytest.mark.parametrize("outcome", ["failed", "broken"])
def test_any_other_red_is_unexpected(outcome: str) -> None:
    found = cells(FAULT, A=row("failed", ("failed", "wrong record")), B=row(outcome, (outcome, "x")), C=row("passed"))
    assert found == {"A": Cell.KILLED, "B": Cell.UNEXPECTED, "C": Cell.GREEN}


def test_where_nothing_else_can_be_told_broken_claims_are_unknown_and_failed_ones_are_not() -> None:
    fault = replace(FAULT, others_unknown="nothing was deployed")
    told = ("broken", "nothing was deployed")
    found = cells(
        fault, A=row("failed", ("failed", "wrong record")), B=row("broken", told), C=row("failed", told, ("failed", "x"))
    )
    assert found == {"A": Cell.KILLED, "B": Cell.UNKNOWN, "C": Cell.UNEXPECTED}


def test_a_fault_may_turn_more_red_on_kind() -> None:
    fault = replace(FAULT, must_fail_on_kind={"B": "x"})
    assert (list(fault.failures("simulated")), list(fault.failures("kind"))) == (["A"], ["A", "B"])


def test_a_run_that_was_aborted_is_no_verdict() -> None:
    one = judge(FAULT, "simulated", {"aborted": {"suite.py": "SyntaxError"}, "requirements": {"A": row("passed")}}, 1.0)
    assert "SyntaxError" in one.problem
    assert not one.good


def test_claims_that_no_fault_lists_are_named() -> None:
    listed = set(CATALOGUE[0].must_fail) | set(CATALOGUE[0].must_fail_on_kind)
    assert requirements_without_fault(DOCUMENTS, CATALOGUE[:1]) == [
        requirement for requirement in DOCUMENTS.requirements if requirement not in listed
    ]


def test_a_file_that_is_not_a_fault_is_named_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump({"title": "x", "changes": "y", "providers": ["laptop"]}))
    with pytest.raises(UserError, match=r"bad\.yaml: \$\.providers\[0\]: 'laptop' is not one of"):
        experiments.load(tmp_path / "bad.yaml")
    with pytest.raises(UserError, match=r"There is no .*/worse\.yaml; use one of bad\."):
        experiments.load_all(tmp_path, ["worse"])


def test_what_the_simulated_provider_cannot_show_runs_on_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    both = replace(FAULT, name="both", providers=("simulated", "kind"))
    only = replace(FAULT, name="only", providers=("kind",))
    monkeypatch.setattr(detection, "why_no_engine", lambda: None)
    assert detection.plan([both, only], "") == [("simulated", [both]), ("kind", [only])]
    more = replace(both, name="more", must_fail_on_kind={"SEED-NID-05": "x"})
    assert detection.plan([more], "") == [("simulated", [more])]
    assert detection.plan([both, only], "kind") == [("kind", [both, only])]
    assert detection.plan([both, more], "kind") == [("kind", [more, both])]
    with pytest.raises(UserError, match="only cannot be injected on simulated; use PROVIDER=kind"):
        detection.plan([only], "simulated")
    assert detection.plan([both, only], "simulated") == [("simulated", [both])]
    with pytest.raises(UserError, match=only.name):
        detection.plan([both, only], "simulated", named=True)
    monkeypatch.setattr(detection, "why_no_engine", lambda: "No engine.")
    with pytest.raises(UserError, match="only needs kind: No engine"):
        detection.plan([both, only], "")


@pytest.mark.parametrize(
    ("environment", "ended"),
    [
        ({"PROVIDER": "kind"}, [("kept", False)]),
        ({"PROVIDER": "kind", "KEEP": "1"}, [("kept", True)]),
        ({"PROVIDER": "simulated"}, []),
    ],
    ids=["not kept", "KEEP=1", "nothing on kind"],
)
def test_the_cluster_that_runs_share_goes_at_the_end_however_that_comes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, environment: dict[str, str], ended: list[tuple[str, bool]]
) -> None:
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    seen = list[tuple[str, bool]]()
    monkeypatch.setattr(detection, "run_all", interrupted)
    tools = KindTools(Engine({}, private=False), Path(), Path(), Path(), "node", {}, ())
    monkeypatch.setattr(KindProvider, "prepare", lambda *_: tools)
    monkeypatch.setattr(SimulatedProvider, "prepare", lambda *_: Programs(*[Path()] * 4))
    monkeypatch.setattr(KindProvider, "end_run", lambda _, context: seen.append((context.run, context.keep)))
    monkeypatch.setattr(run_identity, "work_dir", lambda: tmp_path)
    env = {"FAULT": CATALOGUE[0].name, **environment}
    with pytest.raises(KeyboardInterrupt):
        detection.catalogue(from_env(env), env, "faults")
    assert seen == ended


def test_faults_do_not_run_beside_another_run_of_the_clone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(run_identity, "work_dir", lambda: tmp_path)
    env = {"FAULT": CATALOGUE[0].name, "PROVIDER": "kind"}
    with only_run_of_clone(), pytest.raises(UserError, match="Another run of this clone"):
        detection.catalogue(from_env(env), env, "faults")


@pytest.mark.parametrize(
    ("item", "change", "expected"),
    [
        ({"a": 1, "b": 2}, {"b": None, "c": 3}, {"a": 1, "c": 3}),
        ({"a": {"x": 1}}, {"a": {"y": 2}}, {"a": {"x": 1, "y": 2}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": [{"x": 1}, {"x": 2}]}, {"a": {1: {"y": 3}}}, {"a": [{"x": 1}, {"x": 2, "y": 3}]}),
        ({"a": [1]}, {"a": {"+": 2}}, {"a": [1, 2]}),
    ],
)
def test_patches(item: object, change: object, expected: object) -> None:
    assert patched(item, change) == expected


def test_a_change_of_the_corefile_goes_into_the_main_block() -> None:
    words = {"domain": "cluster.local"}
    text = changed(default("cluster.local"), Corefile("template IN A @domain@ {\n}", {"ttl 30": "ttl 5"}), words)
    assert text.startswith(".:53 {\n    errors\n    template IN A cluster.local {\n    }\n    health {")
    assert "ttl 5" in text
    with pytest.raises(ValueError, match="'ttl 31' is not in the Corefile"):
        changed(text, Corefile(replace={"ttl 31": ""}), words)


def test_words_are_filled_in_and_braces_stay() -> None:
    assert filled("{{ .Name }} @domain@$", {"domain": "kube.local"}) == "{{ .Name }} kube.local$"


def test_the_matrix_shows_messages_and_escapes_them(tmp_path: Path) -> None:
    one = judged(FAULT, A=row("failed", ("failed", "<b>wrong record</b>")))
    matrix.write(tmp_path, "faults", DOCUMENTS, [one], ["B"], "1.37.0")
    data = yaml.safe_load((tmp_path / "faults.yaml").read_text())
    assert data["pairs"] == {"killed": 1, "missed": 0, "unexpected failure": 0, "not applicable": 0, "unknown": 0}
    assert data["faults"][0]["requirements"][0]["message"] == "<b>wrong record</b>"
    assert "&lt;b&gt;wrong record" in (tmp_path / "faults.html").read_text()
