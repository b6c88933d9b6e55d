"""Detection power: run the suite under every fault and every healthy variation, or those that FAULT names, and judge what fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import REPORTS, ROOT
from headless_conformance.core.process import end_group, end_with_parent, tail
from headless_conformance.core.progress import Progress, clock
from headless_conformance.core.run_identity import RUN_VARIABLE, only_run_of_clone
from headless_conformance.core.settings import Settings
from headless_conformance.engine.engine import why_no_engine
from headless_conformance.faults import model as experiments
from headless_conformance.faults import report as matrix
from headless_conformance.faults.evaluation import Cell, Judged, judge, requirements_without_fault
from headless_conformance.faults.model import KIND, SIMULATED, Client, Experiment
from headless_conformance.providers.containers import KEPT
from headless_conformance.providers.registry import provider_named
from headless_conformance.providers.run_context import RunContext
from headless_conformance.requirements.documents import load_documents
from headless_conformance.toolchain.kubectl import kubectl_of

AT_ONCE = {SIMULATED: 6, KIND: 1}
"""Runs side by side on each provider: most of a run is waiting, and a kind cluster is one per clone."""
RUN_SECONDS = 600.0
"""Bound on one run of the suite under one experiment."""
STOP_SECONDS = 30.0
"""How long a run may take to remove its cluster after an interrupt."""
POLL_SECONDS = 0.2
SHOWN_LINES = 3
"""Of a message on the terminal; the page has all of it."""


@dataclass(frozen=True)
class Running:
    """One run of the suite, in a process of its own."""

    experiment: Experiment
    provider: str
    folder: Path
    child: subprocess.Popen[bytes]
    begun: float

    @property
    def log(self) -> Path:
        return self.folder / "pytest.log"

    def seconds(self) -> float:
        return time.monotonic() - self.begun


def start(experiment: Experiment, provider: str, folder: Path, environment: Mapping[str, str], *, hand_on: bool) -> Running:
    """Start the suite under an experiment; everything it says goes into `folder`. A kind cluster is handed on or goes with it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "result.json").unlink(missing_ok=True)
    env = {
        **os.environ,
        **environment,
        **experiment.environment,
        "PROVIDER": provider,
        "PYTHONPATH": str(ROOT),
        RUN_VARIABLE: f"{os.getpid()}-{provider}-{experiment.name}",
        "HEADLESS_CONFORMANCE_EXPERIMENT": str(experiment.path),
        "HEADLESS_CONFORMANCE_RESULT": str(folder / "result.json"),
    }
    # Or each of many runs would compile the same files.
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    if provider == KIND and hand_on:
        env["KEEP"] = "1"
    if provider == KIND and experiment.failures(provider):
        # A whole run takes minutes there; what must stay green is looked for on the simulated provider.
        env["REQUIREMENT"] = ",".join(experiment.failures(provider))
    # No reports, and no evidence for them: the messages are what is judged and shown.
    without = ["-p", "no:headless_conformance.plugin.reports", "-p", "no:headless_conformance.plugin.diagnostics"]
    command = [sys.executable, "-m", "pytest", "suites", "-p", "headless_conformance.faults.injection", *without, "-q"]
    with (folder / "pytest.log").open("wb") as log:
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=partial(end_with_parent, signal.SIGINT, os.getpid()),
        )
    return Running(experiment, provider, folder, child, time.monotonic())


def finish(run: Running) -> Judged:
    """Judge a run that has ended."""
    result = run.folder / "result.json"
    if not result.exists():
        problem = f"pytest ended with status {run.child.returncode} and no result\n{tail(run.log)}"
        return Judged(run.experiment, run.provider, (), run.seconds(), problem)
    return judge(run.experiment, run.provider, json.loads(result.read_text()), run.seconds())


def run_all(
    planned: Sequence[tuple[str, list[Experiment]]],
    folder: Path,
    progress: Progress,
    environments: Mapping[str, Mapping[str, str]],
) -> list[Judged]:
    """Run experiments, some side by side, on all providers at once. Whatever ends this call ends every run that it started."""
    waiting = {provider: list(chosen) for provider, chosen in planned}
    total = sum(map(len, waiting.values()))
    running, done = list[Running](), list[Judged]()
    try:
        while running or any(waiting.values()):
            for provider, chosen in waiting.items():
                while chosen and sum(run.provider == provider for run in running) < AT_ONCE[provider]:
                    experiment = chosen.pop(0)
                    place = folder / provider / experiment.name
                    running.append(start(experiment, provider, place, environments[provider], hand_on=bool(chosen)))
            for run in list(running):
                if run.child.poll() is None and run.seconds() < RUN_SECONDS:
                    continue
                if run.child.poll() is None:
                    run.child.send_signal(signal.SIGINT)
                    end_group(run.child, STOP_SECONDS)
                running.remove(run)
                judged = finish(run)
                done.append(judged)
                progress.say(f"[{len(done):>2}/{total}] {summary(judged)}")
            time.sleep(POLL_SECONDS)
    finally:
        for run in running:
            run.child.send_signal(signal.SIGINT)
        for run in running:
            end_group(run.child, STOP_SECONDS)
    return sorted(done, key=lambda judged: judged.experiment.name)


def summary(judged: Judged) -> str:
    """One line for a good run, more for the others."""
    head = f"{judged.experiment.name}: "
    if judged.problem:
        return f"{head}no verdict after {clock(judged.seconds)}: {judged.problem}"
    counts = ", ".join(f"{len(judged.of(cell))} {cell}" for cell in Cell if judged.of(cell) and cell is not Cell.GREEN)
    lines = [f"{head}{counts or 'all green'} in {clock(judged.seconds)}"]
    for finding in judged.of(Cell.MISSED, Cell.UNEXPECTED):
        lines.append(f"    {finding.requirement} {finding.cell}{': ' + finding.detail if finding.detail else ''}")
        said = finding.failure.message.splitlines()[:SHOWN_LINES] if finding.failure else ["no spec of it is red"]
        lines += [f"        {line}" for line in said]
    return "\n".join(lines)


def plan(chosen: Sequence[Experiment], asked: str, *, named: bool = False) -> list[tuple[str, list[Experiment]]]:
    """Who runs where: on the provider that was asked for; else on the simulated one what it can show, and on kind what it cannot.

    What turns most red comes first, since it takes longest and none should be waited for alone. UserError when nothing of it can
    run, or not all of those that were asked for by name.
    """
    if asked:
        able = [experiment for experiment in chosen if asked in experiment.providers]
        unable = [experiment for experiment in chosen if asked not in experiment.providers]
        if unable and (named or not able):
            raise UserError(f"{unable[0].name} cannot be injected on {asked}; use PROVIDER={unable[0].providers[0]}.")
        return [(asked, _longest_first(able, asked))]
    simulated = [experiment for experiment in chosen if SIMULATED in experiment.providers]
    rest = [experiment for experiment in chosen if experiment not in simulated]
    if rest and (reason := why_no_engine()):
        raise UserError(f"{rest[0].name} needs kind: {reason} Use PROVIDER=simulated for what can be shown without.")
    planned = ((SIMULATED, simulated), (KIND, rest))
    return [(provider, _longest_first(able, provider)) for provider, able in planned if able]


def _longest_first(chosen: Sequence[Experiment], provider: str) -> list[Experiment]:
    return sorted(chosen, key=lambda experiment: len(experiment.failures(provider)), reverse=True)


def catalogue(settings: Settings, env: Mapping[str, str], kind: str) -> int:
    """Run faults or variations, write reports/KIND.yaml and reports/KIND.html; 1 when anything is not as it must be.

    The runs on kind hand one cluster on to each other; the last deletes it unless it is to be kept, and whatever ends them does.
    """
    names = env.get("FAULT", "").replace(",", " ").split()
    chosen = experiments.load_all(experiments.FAULTS if kind == "faults" else experiments.VARIATIONS, names)
    planned = plan(chosen, settings.provider, named=bool(names))
    contexts = {name: RunContext(settings.with_changes(provider=name), provider_named(name), KEPT) for name, _ in planned}
    with only_run_of_clone():
        for provider, able in planned:
            context = contexts[provider]
            context.prepare(Progress(total=context.provider.prepare_steps))
            for minor in sorted({item.minor for one in able for item in one.inject if isinstance(item, Client)}):
                kubectl_of(settings.versions.row(minor), Progress(total=1))
            print(f"{len(able)} {kind} on {provider}, Kubernetes {settings.release.patch}", flush=True)
        # What was built does not count.
        begun = time.monotonic()
        try:
            environments = {name: context.environment() for name, context in contexts.items()}
            total = Progress(sum(len(able) for _, able in planned))
            judged = run_all(planned, REPORTS / kind, total, environments)
        finally:
            for context in contexts.values():
                context.end_run()
    documents = load_documents()
    bare = (
        requirements_without_fault(documents, experiments.load_all(experiments.FAULTS)) if kind == "faults" and not names else []
    )
    matrix.write(REPORTS, kind, documents, judged, bare, settings.release.patch)
    wrong = [one for one in judged if not one.good]
    killed, missed, unexpected = (
        sum(len(one.of(cell)) for one in judged) for cell in (Cell.KILLED, Cell.MISSED, Cell.UNEXPECTED)
    )
    print(
        f"{len(judged) - len(wrong)} of {len(judged)} {kind} as they must be, Kubernetes {settings.release.patch}: "
        f"{killed} of {killed + missed} failures seen, {unexpected} unexpected, in {clock(time.monotonic() - begun)}; "
        f"see reports/{kind}.html."
    )
    if bare:
        print(f"requirements without a fault: {', '.join(bare)}")
    return 1 if wrong or bare else 0
