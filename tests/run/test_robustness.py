"""How a disturbed run is judged."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import work_dir
from headless_conformance.core.settings import Settings
from headless_conformance.engine.engine import Engine
from headless_conformance.providers.interface import RunContext
from headless_conformance.providers.kind.provider import KindProvider
from headless_conformance.providers.kind.tools import KindTools
from headless_conformance.providers.run_context import context_of_environment
from headless_conformance.results.verdict import CaseResult, Outcome
from headless_conformance.run import robustness
from headless_conformance.run.robustness import (
    DISTURBANCES,
    DisturbedRun,
    all_ready,
    outcomes_of,
)
from tests.results.reports import report_of


def seen(**changes: object) -> DisturbedRun:
    row: dict[str, object] = {
        "name": "n",
        "status": 0,
        "seconds": 61.0,
        "outcomes": {"passed": ("DOC-A",)},
        "left": (),
    }
    return DisturbedRun(**{**row, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        ({"status": 2, "outcomes": {"passed": ("DOC-A",), "error": ("DOC-B",)}}, ""),
        ({"outcomes": {"failed": ("DOC-C",)}}, "DOC-C"),
        ({"status": None}, "had not ended"),
        ({"outcomes": {}}, "no report"),
        ({"left": ("0a1b",)}, "0a1b"),
    ],
    ids=["recovered", "could not tell", "failed", "hangs", "no report", "left"],
)
def test_an_error_is_honest_and_a_failure_is_not(changes: dict[str, object], said: str) -> None:
    problems = seen(**changes).problems()
    assert bool(problems) == bool(said)
    assert said in "".join(problems)
    assert said in str(seen(**changes))


def test_requirements_that_were_not_selected_do_not_count() -> None:
    outcomes = {"ONE-A-01": Outcome.PASSED, "ONE-A-02": Outcome.SKIPPED, "ONE-B-01": Outcome.ERROR}
    tests = [CaseResult(name, (name,), outcome) for name, outcome in outcomes.items()]
    assert outcomes_of(report_of(tests)) == {"passed": ("ONE-A-01", "TWO-A-01"), "error": ("ONE-B-01",)}


@pytest.mark.parametrize(
    ("lines", "ready"),
    [
        ("3 3\n", True),
        ("3 3\n3 3\n1 \n", True),
        ("3 2\n", False),
        ("3 3\n3 \n", False),
        ("1 1\n", False),
        ("", False),
    ],
    ids=["one", "two beside a small one", "not yet", "the other not yet", "too small", "none"],
)
def test_a_run_is_disturbed_when_its_large_stateful_sets_are_ready(lines: str, *, ready: bool) -> None:
    assert all_ready(lines) is ready


def test_tools_are_made_ready_once_and_each_disturbed_run_has_a_name_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    prepared: list[str] = []
    children: list[tuple[RunContext[Any], str]] = []

    def prepare(_provider: object, settings: Settings, *_: object) -> KindTools:
        prepared.append(settings.release.minor)
        return KindTools(Engine({}, private=True), tmp_path, tmp_path, tmp_path, "node:1", {})

    def disturb(env: Mapping[str, str], _target: object, name: str) -> DisturbedRun:
        child = context_of_environment(env)
        child.prepare()
        children.append((child, name))
        return seen(name=name)

    monkeypatch.setattr(KindProvider, "prepare", prepare)
    monkeypatch.setattr(robustness, "disturb", disturb)
    robustness.disturb_all({"K8S": "1.36", "KEEP": "1"}, [])
    assert [name for _, name in children] == list(DISTURBANCES)
    assert len({child.run for child, _ in children}) == len(DISTURBANCES)
    assert all((child.provider.name, child.keep) == ("kind", False) for child, _ in children)
    assert prepared == ["1.36"]
    assert [path for path in work_dir().rglob("*") if path.is_file()] == []


def test_an_unknown_disturbance_names_the_known_ones() -> None:
    with pytest.raises(UserError) as caught:
        robustness.disturb_all({}, ["earthquake"])
    assert all(name in str(caught.value) for name in DISTURBANCES)
