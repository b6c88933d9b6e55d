"""One run from beginning to end: check what was asked, make things ready, run pytest, leave nothing
behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from headless_conformance.core.errors import UserError
from headless_conformance.core.interrupts import INTERRUPTS
from headless_conformance.core.paths import REPORTS, ROOT, pytest_command
from headless_conformance.core.process import end_with_parent
from headless_conformance.core.progress import Progress, clock
from headless_conformance.core.run_identity import new_run, only_run_of_clone
from headless_conformance.core.settings import Settings
from headless_conformance.providers.interface import ClusterProvider, RunContext
from headless_conformance.providers.registry import all_providers, provider_named
from headless_conformance.providers.run_plan import (
    PLAN_VARIABLE,
    handed_on_plan,
    plan_of_run,
    preparation,
    remember_seconds,
)
from headless_conformance.requirements.documents import load_documents
from headless_conformance.results.report_file import REPORT_NAME, read_report
from headless_conformance.results.selection import select_requirements, selection_by_requirement
from headless_conformance.results.summary import should_sentence
from headless_conformance.results.verdict import STATUS_ERROR
from headless_conformance.run.undoing import undone_when_interrupted

USAGE_ERROR = 4
"""What pytest ends with when it does not understand its arguments."""
GRACE_SECONDS = 150
"""How long pytest may take to delete its cluster after an interrupt, before it is killed and the runner
deletes it."""


def chosen_provider(settings: Settings) -> tuple[ClusterProvider[Any], str]:
    """The provider of a run, and why it is not the one that would be taken first; empty when that is it or
    was asked for.

    Raises UserError when the machine fails to say what it can have.
    """
    if settings.provider:
        return provider_named(settings.provider), ""
    why = ""
    for provider in (one for one in all_providers() if one.automatic):
        reason = provider.why_impossible()
        if reason is None:
            return provider, why
        why = why or reason
    raise UserError(why)


def e2e_command() -> Sequence[str]:
    """The command that is one whole run."""
    return [sys.executable, "-m", "headless_conformance", "e2e"]


def prepare_only(settings: Settings) -> None:
    """Make everything ready for a run and start nothing. Raises UserError with what a person can do."""
    provider, why = chosen_provider(settings)
    if not provider.prepares:
        raise UserError(
            f"Nothing is prepared for PROVIDER={provider.name}; "
            "`make image-archive` writes the images that it needs."
        )
    print(" ".join(filter(None, (why, provider.introduction(settings)))), flush=True)
    with undone_when_interrupted():
        provider.prepare(settings, new_run(), preparation(provider, settings))


def end_to_end(settings: Settings, pytest_arguments: Sequence[str], *, handed_on: Path | None = None) -> int:
    """Run the suite; the exit status is pytest's own, as `plugin.outcomes` sets it, 130 after ^C, and 143
    after SIGTERM.

    `handed_on` is the file with what another process made ready for runs like this one. Raises UserError
    before anything was started.
    """
    documents = load_documents()
    selection = selection_by_requirement(documents, settings.selection)
    share = len(select_requirements(documents, selection)) / len(documents.requirements)
    provider, why = chosen_provider(settings)
    settings = settings.with_changes(provider=provider.name, selection=selection)
    context = RunContext(settings, provider, new_run(), handed_on)
    with undone_when_interrupted(context.end_session):
        context.begin()
        introduction = " ".join(filter(None, (why, provider.introduction(context.settings))))
        print(f"Kubernetes {context.settings.release.patch}. {introduction}", flush=True)
        if (lines := provider.dry_run(context.settings)) is not None:
            print("\n".join(lines))
            return 0
        planned = plan_of_run(provider, context.settings, share)
        width = shutil.get_terminal_size((110, 24)).columns
        wrapped = (textwrap.fill(line, width, subsequent_indent="    ") for line in planned.lines())
        print("\n".join(wrapped), flush=True)
        context.progress = Progress(out=sys.stdout, plan=planned.plan, remember=remember_seconds)
        # Before pytest, whose time limits are made for tests and not for builds.
        context.prepare()
        return _run(context, introduction, pytest_arguments)


def _run(context: RunContext[Any], introduction: str, pytest_arguments: Sequence[str]) -> int:
    """Run pytest with this clone's lock held, then end the run, whatever became of it."""
    with only_run_of_clone():
        begun_at = time.time()
        try:
            status = _pytest(context, pytest_arguments)
        finally:
            context.progress.restore_terminal()
            with INTERRUPTS.deferred():
                context.end_run()
    took = clock(time.monotonic() - context.progress.begun)
    end = f"Exit status {status} after {took}; reports are in {REPORTS}."
    print(" ".join(filter(None, (introduction, _unmet(REPORTS / REPORT_NAME, begun_at), end))), flush=True)
    return status


def _unmet(report: Path, since: float) -> str:
    """What the exit status does not say: the SHOULD that failed, by a report that was written since then."""
    try:
        if report.stat().st_mtime < since:
            return ""
        rows = read_report(report).requirements()
    except (OSError, UserError):
        return ""
    return should_sentence((row.id, row.level, row.outcome) for row in rows)


def _pytest(context: RunContext[Any], arguments: Sequence[str]) -> int:
    """Run pytest; its exit status, that of wrong input for arguments that it refuses, or 130 or 143 after an
    interrupt."""
    REPORTS.mkdir(exist_ok=True)
    workers = str(context.provider.pytest_workers)
    # In the order of the tests: a group, which xdist would begin with, is what comes last.
    distribution = ("-n", workers, "--dist=loadgroup", "--no-loadscope-reorder")
    command = pytest_command(*distribution, *arguments)
    env = {**os.environ, **context.environment(), "PYTHONPATH": str(ROOT)}
    env[PLAN_VARIABLE] = handed_on_plan(context.progress)
    status = supervised(command, env, GRACE_SECONDS)
    return STATUS_ERROR if status == USAGE_ERROR else status


def supervised(command: Sequence[str], env: Mapping[str, str], grace: float) -> int:
    """Run a child in a session of its own; the first interrupt reaches it, and it gets `grace` seconds to
    clean up. What it has not ended itself ends with it.

    Returns its exit status, or 128 and the number of the signal.
    """
    child = subprocess.Popen(
        command,
        env=dict(env),
        start_new_session=True,
        preexec_fn=partial(end_with_parent, signal.SIGINT, os.getpid()),
    )
    with INTERRUPTS.passed_on(child):
        while True:
            # Asked before the wait: an interrupt in the middle of it begins the grace with the next one.
            cleaning_up = INTERRUPTS.status is not None
            try:
                status = child.wait(timeout=grace if cleaning_up else 1.0)
                break
            except subprocess.TimeoutExpired:
                if cleaning_up:
                    os.killpg(child.pid, signal.SIGKILL)
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    return INTERRUPTS.status or status
