"""One run from beginning to end: check what was asked, make things ready, run pytest, leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import FrameType

from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import REPORTS, ROOT
from headless_conformance.core.process import end_with_parent
from headless_conformance.core.progress import Progress, clock
from headless_conformance.core.run_identity import RUN_VARIABLE, new_run, only_run_of_clone
from headless_conformance.core.settings import Provider, Settings, from_env
from headless_conformance.engine.engine import why_no_engine
from headless_conformance.providers.existing.cluster import plan
from headless_conformance.providers.existing.connection import Connection, connect, remove_namespaces, require_consent
from headless_conformance.providers.session import finish_run, prepare_only
from headless_conformance.results.selection import as_requirements
from headless_conformance.results.verdict import STATUS_ERROR
from headless_conformance.toolchain.kubectl import kubectl_for

USAGE_ERROR = 4
"""What pytest ends with when it does not understand its arguments."""
GRACE_SECONDS = 150
"""How long pytest may take to delete its cluster after an interrupt, before it is killed and the runner deletes it."""
WORKERS = {Provider.SIMULATED: 2}
"""pytest workers by provider, four unless said: tests wait more than they compute. A simulated cluster belongs to one worker."""


def chosen_provider(settings: Settings) -> tuple[Provider, str]:
    """The provider of this run and the sentence that says why: kind wherever an engine is or can be started, else simulated."""
    if settings.provider is not None:
        return settings.provider, f"Provider {settings.provider}, as asked."
    reason = why_no_engine()
    if reason is None:
        return Provider.KIND, "Provider kind: real nodes in containers."
    return Provider.SIMULATED, (
        f"Provider simulated: {reason} Real API server, controllers and CoreDNS; "
        "what needs a kubelet, packets between pods or MySQL is not verified."
    )


def end_to_end(settings: Settings, pytest_arguments: Sequence[str]) -> int:
    """Run the suite and return the exit status: pytest's own, as fixtures/outcomes.py sets it; 130 after ^C, 143 after SIGTERM.

    Raises UserError before anything was started.
    """
    choice = as_requirements(os.environ)
    if settings.provider is Provider.EXISTING:
        return _on_existing(settings, choice, pytest_arguments)
    if settings.provider in (Provider.KIND, Provider.K3D) and (reason := why_no_engine()):
        raise UserError(reason)
    provider, sentence = chosen_provider(settings)
    run = new_run()

    def finish() -> None:
        finish_run(settings, run)

    print(f"Kubernetes {settings.release.patch}. {sentence}", flush=True)
    # Before pytest, whose time limits are made for tests and not for builds.
    prepare_only(replace(settings, provider=provider))
    return _run(sentence, {**choice, "PROVIDER": provider, RUN_VARIABLE: run}, pytest_arguments, finish)


def _on_existing(settings: Settings, choice: Mapping[str, str], pytest_arguments: Sequence[str]) -> int:
    """Run the suite on a cluster of the person's own, of whatever version it is."""
    run = new_run()
    connection = connect(settings, run)
    try:
        version = connection.version()
        asked = os.environ.get("K8S", "").removeprefix("v")
        if asked and asked != version and not version.startswith(f"{asked}."):
            raise UserError(f"Context {connection.context} is Kubernetes {version}, not {asked}; leave K8S out or correct it.")
        sentence = f"Provider existing: context {connection.context} at {connection.server}."
        print(f"Kubernetes {version}. {sentence}", flush=True)
        if settings.target.dry_run:
            print("\n".join(plan(settings, connection)))
            return 0
        if not settings.target.image_prefix:
            raise UserError("Set IMAGE_PREFIX= to where the nodes can pull the images that `make image-archive` writes.")
        require_consent(connection, settings, "create namespaces of our own")
        env = {
            **choice,
            "PROVIDER": Provider.EXISTING,
            RUN_VARIABLE: run,
            "K8S": version,
            "KUBECONFIG": str(connection.kubeconfig),
            "CONTEXT": connection.context,
            "CONFIRM": "1",
        }
        # Before pytest and its time limits here, too.
        kubectl_for(from_env({**os.environ, **env}).release, settings.versions, Progress(total=1))
        return _run(sentence, env, pytest_arguments, lambda: _leave(connection, run))
    finally:
        connection.remove()


def _leave(connection: Connection, run: str) -> None:
    remove_namespaces(connection, Progress(total=1), run)


def _run(sentence: str, variables: Mapping[str, str], pytest_arguments: Sequence[str], finish: Callable[[], None]) -> int:
    """Run pytest with this clone's lock held, then `finish`, whatever became of it."""
    with only_run_of_clone():
        begun = time.monotonic()
        try:
            status = _pytest({**os.environ, **variables, "PYTHONPATH": str(ROOT)}, pytest_arguments)
        finally:
            finish()
    print(
        f"{sentence} Exit status {status} after {clock(time.monotonic() - begun)}; reports are in {REPORTS.relative_to(ROOT)}/.",
        flush=True,
    )
    return status


def _pytest(env: dict[str, str], arguments: Sequence[str]) -> int:
    """Run pytest; its exit status, that of wrong input for arguments that it refuses, or 130 or 143 after an interrupt."""
    REPORTS.mkdir(exist_ok=True)
    workers = WORKERS.get(Provider(env["PROVIDER"]), 4)
    status = supervised([sys.executable, "-m", "pytest", "-n", str(workers), "--dist=loadgroup", *arguments], env, GRACE_SECONDS)
    return STATUS_ERROR if status == USAGE_ERROR else status


def supervised(command: Sequence[str], env: Mapping[str, str], grace: float) -> int:
    """Run a child in a session of its own; ^C and SIGTERM reach it once, and it gets `grace` seconds to clean up.

    Returns its exit status, or 128 and the number of the signal.
    """
    child = subprocess.Popen(
        command, cwd=ROOT, env=dict(env), start_new_session=True, preexec_fn=partial(end_with_parent, signal.SIGINT, os.getpid())
    )
    interrupted: list[int] = []

    def forward(number: int, _frame: FrameType | None) -> None:
        if not interrupted:
            print("\nInterrupted: removing what this run started …", file=sys.stderr, flush=True)
            child.send_signal(signal.SIGINT)
        interrupted.append(number)

    before = {number: signal.signal(number, forward) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        while True:
            # Asked before the wait: an interrupt in the middle of it begins the grace with the next one.
            cleaning_up = bool(interrupted)
            try:
                status = child.wait(timeout=grace if cleaning_up else 1.0)
                return 128 + interrupted[0] if interrupted else status
            except subprocess.TimeoutExpired:
                if cleaning_up:
                    os.killpg(child.pid, signal.SIGKILL)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
