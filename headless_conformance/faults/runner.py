"""Runs of the suite under scenarios, each in a process of its own, some side by side."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import ROOT, SUITES, pytest_command
from headless_conformance.core.process import end_group, end_with_parent, tail
from headless_conformance.core.progress import Progress, clock
from headless_conformance.core.run_identity import RUN_VARIABLE
from headless_conformance.engine.engine import why_no_engine
from headless_conformance.faults.evaluation import Effect, ScenarioRun, evaluate
from headless_conformance.faults.injection.plugin import RECORD_VARIABLE, SCENARIO_VARIABLE
from headless_conformance.faults.model import KIND, SIMULATED, Scenario
from headless_conformance.faults.run_record import RunRecord
from headless_conformance.results.selection import SELECTING_VARIABLES

_PLUGIN = "headless_conformance.faults.injection.plugin"
_LEFT_OUT = ("reports", "diagnostics", "allure_fields")
"""Plugins that only serve reports: of these runs, the record is what is evaluated and shown."""
AT_ONCE = {SIMULATED: 6, KIND: 1}
"""Runs side by side on each provider: most of a run is waiting, and a kind cluster is one per clone."""
_RUN_SECONDS = 600.0
"""Bound on one run of the suite under one scenario."""
_STOP_SECONDS = 30.0
"""How long a run may take to remove its cluster after an interrupt."""
_POLL_SECONDS = 0.2
SHOWN_LINES = 3
"""Of a message on the terminal; the page has all of it."""


@dataclass(frozen=True)
class PlannedRun:
    """One run that is to be made."""

    scenario: Scenario
    provider: str
    environment: Mapping[str, str]
    """Variables by which it is a run like the one that starts it."""
    requirements: Sequence[str] = ()
    """What it verifies, by ID; empty for everything."""


@dataclass(frozen=True)
class SuiteProcess:
    """A run that goes on, in a process of its own."""

    planned: PlannedRun
    folder: Path
    child: subprocess.Popen[bytes]
    begun: float

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return time.monotonic() - self.begun


def environment_of(planned: PlannedRun, folder: Path, *, hand_on: bool) -> dict[str, str]:
    """The variables of a run, on top of the person's own."""
    env = {
        **os.environ,
        **planned.environment,
        **planned.scenario.environment,
        **dict.fromkeys(SELECTING_VARIABLES, ""),
        "PROVIDER": planned.provider,
        "PYTHONPATH": str(ROOT),
        RUN_VARIABLE: f"{os.getpid()}-{planned.provider}-{planned.scenario.name}",
        SCENARIO_VARIABLE: str(planned.scenario.path),
        "REQUIREMENT": ",".join(planned.requirements),
        RECORD_VARIABLE: str(folder / "record.json"),
    }
    # Or each of many runs would compile the same files.
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    if planned.provider == KIND and hand_on:
        env["KEEP"] = "1"
    return env


def start(planned: PlannedRun, folder: Path, *, hand_on: bool) -> SuiteProcess:
    """Start a run; everything it says goes into `folder`.

    With `hand_on`, its kind cluster is kept for the next run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "record.json").unlink(missing_ok=True)
    without = (f"-pno:headless_conformance.plugin.{name}" for name in _LEFT_OUT)
    command = pytest_command(str(SUITES), "-p", _PLUGIN, *without, "-q")
    with (folder / "pytest.log").open("wb") as log:
        child = subprocess.Popen(
            command,
            env=environment_of(planned, folder, hand_on=hand_on),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=partial(end_with_parent, signal.SIGINT, os.getpid()),
        )
    return SuiteProcess(planned, folder, child, time.monotonic())


def finish(process: SuiteProcess, stopped: bool = False) -> ScenarioRun:
    """Evaluate a run that has ended; one that was `stopped` at its bound has no result."""
    scenario, provider = process.planned.scenario, process.planned.provider
    record = process.folder / "record.json"
    if stopped or not record.exists():
        log = tail(process.folder / "pytest.log")
        ended = (
            f"did not end within {_RUN_SECONDS:.0f} s"
            if stopped
            else f"ended with status {process.child.returncode} and no record"
        )
        return ScenarioRun(scenario, provider, (), process.seconds, f"pytest {ended}\n{log}")
    return evaluate(scenario, provider, RunRecord.model_validate_json(record.read_bytes()), process.seconds)


def run_all(planned: Sequence[PlannedRun], folder: Path, progress: Progress) -> list[ScenarioRun]:
    """Make the runs, some side by side, on all providers at once, and print a line about each.

    Whatever ends this call ends every run that it started.
    """
    waiting: Mapping[str, list[PlannedRun]] = {
        provider: [run for run in planned if run.provider == provider] for provider in AT_ONCE
    }
    running, done = list[SuiteProcess](), list[ScenarioRun]()
    try:
        while running or any(waiting.values()):
            for provider, queue in waiting.items():
                while queue and sum(run.planned.provider == provider for run in running) < AT_ONCE[provider]:
                    run = queue.pop(0)
                    running.append(start(run, folder / provider / run.scenario.name, hand_on=bool(queue)))
            for process in list(running):
                if process.child.poll() is None and process.seconds < _RUN_SECONDS:
                    continue
                stopped = process.child.poll() is None
                if stopped:
                    process.child.send_signal(signal.SIGINT)
                    end_group(process.child, _STOP_SECONDS)
                running.remove(process)
                done.append(finish(process, stopped))
                progress.say(f"[{len(done):>2}/{len(planned)}] {summary(done[-1])}")
            time.sleep(_POLL_SECONDS)
    finally:
        for process in running:
            process.child.send_signal(signal.SIGINT)
        for process in running:
            end_group(process.child, _STOP_SECONDS)
    return sorted(done, key=lambda run: run.scenario.name)


def summary(run: ScenarioRun) -> str:
    """One line for a run that is as expected, more for the others."""
    head = f"{run.scenario.name}: "
    if run.problem:
        return f"{head}no result after {clock(run.seconds)}: {run.problem}"
    shown = [effect for effect in Effect if run.having(effect) and effect is not Effect.NONE]
    counts = ", ".join(f"{len(run.having(effect))} {effect}" for effect in shown)
    audit = f", {clock(run.audit_seconds)} of them the audit" if run.audit_seconds else ""
    lines = [f"{head}{counts or 'nothing failed'} in {clock(run.seconds)}{audit}"]
    for one in run.having(Effect.MISSED, Effect.UNEXPECTED):
        lines.append(f"    {one.requirement} {one.effect}{': ' + one.detail if one.detail else ''}")
        said = one.failure.message.splitlines()[:SHOWN_LINES] if one.failure else ["none of its tests failed"]
        lines += [f"        {line}" for line in said]
    return "\n".join(lines)


def assign(
    scenarios: Sequence[Scenario], asked: str, *, named: bool = False
) -> list[tuple[str, list[Scenario]]]:
    """The scenarios of each provider: the one asked for, else simulated if it can, else kind.

    What makes most requirements fail comes first, since it takes longest and none should be waited for alone.
    UserError when nothing of it can run, or not all of those that were asked for by name.
    """
    if asked:
        able = [scenario for scenario in scenarios if asked in scenario.providers]
        unable = [scenario for scenario in scenarios if asked not in scenario.providers]
        if unable and (named or not able):
            raise UserError(
                f"{unable[0].name} cannot be injected on {asked}; use PROVIDER={unable[0].providers[0]}."
            )
        return [(asked, _longest_first(able, asked))]
    simulated = [scenario for scenario in scenarios if SIMULATED in scenario.providers]
    rest = [scenario for scenario in scenarios if scenario not in simulated]
    if rest and (reason := why_no_engine()):
        raise UserError(
            f"{rest[0].name} needs kind: {reason} Use PROVIDER=simulated for what can be shown without."
        )
    assigned = ((SIMULATED, simulated), (KIND, rest))
    return [(provider, _longest_first(able, provider)) for provider, able in assigned if able]


def _longest_first(scenarios: Sequence[Scenario], provider: str) -> list[Scenario]:
    return sorted(scenarios, key=lambda scenario: len(scenario.expected_failures(provider)), reverse=True)
