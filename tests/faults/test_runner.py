"""Tests of which runs are made where, and of the cluster that those on kind share. No cluster."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from headless_conformance.core import run_identity
from headless_conformance.core.errors import UserError
from headless_conformance.core.progress import Progress
from headless_conformance.core.run_identity import only_run_of_clone
from headless_conformance.engine.engine import Engine
from headless_conformance.faults import detection, runner
from headless_conformance.faults.catalogue import find_faults
from headless_conformance.faults.injection.plugin import RECORD_VARIABLE, SCENARIO_VARIABLE
from headless_conformance.faults.model import KIND, SIMULATED, Fault, Scenario
from headless_conformance.faults.run_record import RunRecord
from headless_conformance.faults.runner import PlannedRun, assign, environment_of, summary
from headless_conformance.providers.kind.provider import KindProvider
from headless_conformance.providers.kind.tools import KindTools
from headless_conformance.providers.registry import settings_of_run
from headless_conformance.providers.simulated.control_plane import Programs
from headless_conformance.providers.simulated.provider import SimulatedProvider
from tests.faults.examples import failure, fault, record, run


def named(name: str, **values: object) -> Fault:
    made = fault(**values)
    made._path = Path(f"faults/dns/{name}.yaml")
    return made


BOTH, ONLY = named("both"), named("only", providers=["kind"])
MORE = named("more", failures_on_kind={"DOC-A-02": {"observed": "x"}})


def names(assigned: Sequence[tuple[str, list[Scenario]]]) -> list[tuple[str, list[str]]]:
    return [(provider, [scenario.name for scenario in scenarios]) for provider, scenarios in assigned]


def test_what_the_simulated_provider_cannot_show_runs_on_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "why_no_engine", lambda: None)
    assert names(assign([BOTH, ONLY], "")) == [(SIMULATED, ["both"]), (KIND, ["only"])]
    assert names(assign([MORE], "")) == [(SIMULATED, ["more"])]
    monkeypatch.setattr(runner, "why_no_engine", lambda: "No engine.")
    with pytest.raises(UserError, match="only needs kind: No engine"):
        assign([BOTH, ONLY], "")


def test_the_provider_that_was_asked_for_runs_what_it_can() -> None:
    assert names(assign([BOTH, ONLY], KIND)) == [(KIND, ["both", "only"])]
    assert names(assign([BOTH, MORE], KIND)) == [(KIND, ["more", "both"])]
    assert names(assign([BOTH, ONLY], SIMULATED)) == [(SIMULATED, ["both"])]
    with pytest.raises(UserError, match="only cannot be injected on simulated; use PROVIDER=kind"):
        assign([ONLY], SIMULATED)
    with pytest.raises(UserError, match="only"):
        assign([BOTH, ONLY], SIMULATED, named=True)


def test_a_run_knows_its_scenario_and_what_it_verifies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KEEP", raising=False)
    monkeypatch.setenv("DOCUMENT", "another")
    scenario = named("one", environment={"NAMESPACE": "kube-public"})
    env = environment_of(
        PlannedRun(scenario, KIND, {"K8S": "1.36"}, ("DOC-A-01", "DOC-A-02")), tmp_path, hand_on=True
    )
    assert (env["PROVIDER"], env["KEEP"], env["NAMESPACE"]) == ("kind", "1", "kube-public")
    assert env["K8S"] == "1.36"
    assert env["REQUIREMENT"] == "DOC-A-01,DOC-A-02"
    assert (env[SCENARIO_VARIABLE], env[RECORD_VARIABLE]) == (
        "faults/dns/one.yaml",
        str(tmp_path / "record.json"),
    )
    everything = environment_of(PlannedRun(scenario, SIMULATED, {"KEEP": ""}), tmp_path, hand_on=True)
    assert (everything["REQUIREMENT"], everything["DOCUMENT"]) == ("", "")
    assert everything["KEEP"] == ""


def test_a_line_says_what_came_of_a_run() -> None:
    good = run(BOTH, DOC_A_01=record("failed", failure()))
    assert summary(good) == "both: 1 detected in 1.0 s"
    audited = replace(good, audit_seconds=0.4)
    assert summary(audited) == "both: 1 detected in 1.0 s, 0.4 s of them the audit"
    bad = run(BOTH, DOC_A_01=record("passed"), DOC_A_02=record("failed", failure(message="a\nb")))
    assert summary(bad).splitlines() == [
        "both: 1 missed, 1 unexpected failure in 1.0 s",
        "    DOC-A-01 missed: its outcome is passed",
        "        none of its tests failed",
        "    DOC-A-02 unexpected failure",
        "        a",
        "        b",
    ]


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
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    environment: dict[str, str],
    ended: list[tuple[str, bool]],
) -> None:
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    seen = list[tuple[str, bool]]()
    monkeypatch.setattr(detection, "run_all", interrupted)
    tools = KindTools(Engine({}, private=False), Path(), Path(), Path(), "node", {})
    monkeypatch.setattr(KindProvider, "prepare", lambda *_: tools)
    monkeypatch.setattr(SimulatedProvider, "prepare", lambda *_: Programs(*[Path()] * 4))
    monkeypatch.setattr(KindProvider, "end_run", lambda _, context: seen.append((context.run, context.keep)))
    monkeypatch.setattr(run_identity, "work_dir", lambda: tmp_path)
    first = next(found for found in find_faults() if len(found.providers) > 1)
    with pytest.raises(KeyboardInterrupt):
        detection.detect(settings_of_run(environment), "faults", [first.name])
    assert seen == ended


def test_faults_do_not_run_beside_another_run_of_the_clone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(run_identity, "work_dir", lambda: tmp_path)
    with only_run_of_clone(), pytest.raises(UserError, match="Another run of this clone"):
        detection.detect(settings_of_run({"PROVIDER": "simulated"}), "faults", ["wrong-srv"])


def test_a_run_that_is_stopped_at_its_bound_has_no_result(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What it had decided until then may all have passed."""

    def start(planned: PlannedRun, folder: Path, *, hand_on: bool) -> runner.SuiteProcess:
        folder.mkdir(parents=True)
        passed = RunRecord(aborted={}, requirements={"DOC-A-01": record("passed")})
        (folder / "record.json").write_text(passed.model_dump_json())
        child = subprocess.Popen(["sleep", "60"], start_new_session=True)
        return runner.SuiteProcess(planned, folder, child, time.monotonic())

    monkeypatch.setattr(runner, "start", start)
    monkeypatch.setattr(runner, "_RUN_SECONDS", 0.1)
    (done,) = runner.run_all([PlannedRun(BOTH, SIMULATED, {})], tmp_path, Progress(1))
    assert done.problem.startswith("pytest did not end within")
    assert not done.as_expected
