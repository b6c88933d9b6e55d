"""What a run does when its cluster is disturbed in the middle of it.

Each disturbance meets a run of its own on kind. The run must end in time, must not say that a promise is
broken (it recovers, or it says that it could not tell), and must leave nothing behind.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import REPORTS
from headless_conformance.core.process import end_group
from headless_conformance.core.progress import clock
from headless_conformance.core.run_identity import new_run
from headless_conformance.engine.engine import Engine
from headless_conformance.providers.interface import RunContext
from headless_conformance.providers.kind.cluster import KindCluster
from headless_conformance.providers.kind.provider import PROVIDER
from headless_conformance.providers.registry import settings_of_run
from headless_conformance.providers.run_plan import preparation
from headless_conformance.results.report import Report
from headless_conformance.results.report_file import REPORT_NAME, read_report
from headless_conformance.results.verdict import Outcome
from headless_conformance.run.runner import e2e_command

BEGIN_SECONDS = 600.0
"""Bound on a run having its StatefulSets Ready."""
END_SECONDS = 300.0
"""Bound on the rest of a run, which usually takes two minutes: no disturbance may make it hang."""
AMID_SECONDS = 5.0
"""From the StatefulSets being Ready, when most tests begin, to the disturbance."""
PAUSE_SECONDS = 20.0
CONTROL_PLANE_PAUSE_SECONDS = 30.0
_POLL_SECONDS = 1.0
REPLICAS = 3
"""Pods of the StatefulSets for which most tests wait."""
IN_NODE = ("kubectl", "--kubeconfig=/etc/kubernetes/admin.conf")


@dataclass(frozen=True)
class DisturbedCluster:
    """The cluster of a run that is going on."""

    engine: Engine
    name: str

    def on_control_plane(self, *words: str) -> str:
        return self.engine.docker("exec", f"{self.name}-control-plane", *words)


def _restart_api_server(target: DisturbedCluster) -> None:
    """Its kubelet starts it again."""
    target.on_control_plane("pkill", "-KILL", "-x", "kube-apiserver")


def _delete_dns_pods(target: DisturbedCluster, *, count: int) -> None:
    """This many of them at once, from the first on; others take their places."""
    pods = target.on_control_plane(
        *IN_NODE, "-n", "kube-system", "get", "pods", "-l", "k8s-app=kube-dns", "-o", "name"
    ).split()
    if len(pods) < count:
        raise UserError(f"The cluster has {len(pods)} DNS servers; {count} are needed.")
    target.on_control_plane(*IN_NODE, "-n", "kube-system", "delete", *pods[:count], "--wait=false")


def _pause(target: DisturbedCluster, *, node: str, seconds: float) -> None:
    container = f"{target.name}-{node}"
    target.engine.docker("pause", container)
    try:
        time.sleep(seconds)
    finally:
        # Not there when the run ended, and deleted its cluster, meanwhile.
        if container in target.engine.docker("ps", "--format", "{{.Names}}").split():
            target.engine.docker("unpause", container)


def _end(target: DisturbedCluster, *, node: str, how: str) -> None:
    """For good: `how` is what docker is told to do with the node."""
    target.engine.docker(how, f"{target.name}-{node}")


DISTURBANCES: Mapping[str, Callable[[DisturbedCluster], None]] = {
    "api-server-killed": _restart_api_server,
    "dns-pod-deleted": partial(_delete_dns_pods, count=1),
    "dns-pods-deleted": partial(_delete_dns_pods, count=2),
    "node-paused": partial(_pause, node="worker", seconds=PAUSE_SECONDS),
    "node-paused-for-good": partial(_end, node="worker2", how="pause"),
    "node-stopped": partial(_end, node="worker3", how="stop"),
    "control-plane-paused": partial(_pause, node="control-plane", seconds=CONTROL_PLANE_PAUSE_SECONDS),
    "control-plane-paused-for-good": partial(_end, node="control-plane", how="pause"),
}


@dataclass(frozen=True)
class DisturbedRun:
    """How a disturbed run ended."""

    name: str
    status: int | None
    """None when it had to be ended by us."""
    seconds: float
    outcomes: Mapping[str, tuple[str, ...]]
    """Requirements by outcome."""
    left: tuple[str, ...]
    """Containers that it left."""

    def problems(self) -> list[str]:
        """What must not be; empty when the suite took it well."""
        found = []
        if self.status is None:
            found.append(f"the run had not ended after {END_SECONDS:.0f} s")
        if not self.outcomes:
            found.append("the run wrote no report")
        if failed := self.outcomes.get(Outcome.FAILED, ()):
            found.append(f"a disturbance was taken for a broken promise: {', '.join(failed)}")
        if self.left:
            found.append(f"containers were left behind: {', '.join(self.left)}")
        return found

    def __str__(self) -> str:
        counts = ", ".join(
            f"{len(requirements)} {outcome}" for outcome, requirements in self.outcomes.items()
        )
        verdict = "; ".join(self.problems()) or "well taken"
        return (
            f"{self.name}: {verdict} ({counts or 'no requirements'}; exit status {self.status}, "
            f"{clock(self.seconds)})"
        )


def outcomes_of(report: Report) -> dict[str, tuple[str, ...]]:
    """Requirements by outcome, without those that were not selected."""
    found: dict[str, tuple[str, ...]] = {}
    for row in report.requirements():
        if row.tests and row.outcome is not Outcome.SKIPPED:
            found[row.outcome] = (*found.get(row.outcome, ()), row.id)
    return found


def disturb(env: Mapping[str, str], target: DisturbedCluster, name: str) -> DisturbedRun:
    """One run with one disturbance, by the variables of `env`. UserError when the run does not get as far as
    that."""
    report = REPORTS / REPORT_NAME
    report.unlink(missing_ok=True)
    begun = time.monotonic()
    child = subprocess.Popen(e2e_command(), env={**os.environ, **env}, start_new_session=True)
    try:
        _await_stateful_sets(target, child)
        time.sleep(AMID_SECONDS)
        print(f"\n=== {name} ===", flush=True)
        DISTURBANCES[name](target)
        try:
            status: int | None = child.wait(timeout=END_SECONDS)
        except subprocess.TimeoutExpired:
            status = None
    finally:
        end_group(child, grace=200.0)
    outcomes = outcomes_of(read_report(report)) if report.exists() else {}
    return DisturbedRun(
        name,
        status,
        time.monotonic() - begun,
        outcomes,
        tuple(KindCluster.containers_of(target.engine, target.name)),
    )


def _await_stateful_sets(target: DisturbedCluster, child: subprocess.Popen[bytes]) -> None:
    """Wait until the run has StatefulSets of at least REPLICAS Pods and all of them are Ready."""
    end = time.monotonic() + BEGIN_SECONDS
    while time.monotonic() < end:
        if child.poll() is not None:
            raise UserError(
                "The run ended before it could be disturbed; `make e2e PROVIDER=kind` must work first."
            )
        if _is_well_under_way(target):
            return
        time.sleep(_POLL_SECONDS)
    raise UserError(
        f"The run had no StatefulSets Ready after {BEGIN_SECONDS:.0f} s; "
        "`make e2e PROVIDER=kind` must work first."
    )


def _is_well_under_way(target: DisturbedCluster) -> bool:
    form = 'jsonpath={range .items[*]}{.spec.replicas} {.status.readyReplicas}{"\\n"}{end}'
    try:
        said = target.on_control_plane(*IN_NODE, "get", "statefulsets", "--all-namespaces", "-o", form)
    except UserError:
        return False
    return all_ready(said)


def all_ready(lines: str) -> bool:
    """Whether there are StatefulSets of at least REPLICAS Pods and all of them are Ready, each line being the
    wanted number of Pods and that of the Ready ones (nothing for 0)."""
    counts = [line.split() for line in lines.splitlines()]
    large = [words for words in counts if words and int(words[0]) >= REPLICAS]
    return bool(large) and all(words[0] == words[-1] and len(words) == 2 for words in large)


def disturb_all(env: Mapping[str, str], names: Sequence[str]) -> list[DisturbedRun]:
    """Run the disturbances, all or those of these names. UserError when a run could not be disturbed."""
    unknown = [name for name in names if name not in DISTURBANCES]
    if unknown:
        raise UserError(f"{unknown[0]} is not a disturbance; use {', '.join(DISTURBANCES)}.")
    settings = settings_of_run({**env, "PROVIDER": PROVIDER.name, "KEEP": ""})
    context = RunContext(settings, PROVIDER, new_run(), progress=preparation(PROVIDER, settings))
    # Once, before the runs, of whose time what has to be built takes nothing.
    tools = context.prepare()
    target = DisturbedCluster(tools.engine, KindCluster.name_of(settings.release.minor))
    try:
        handed_on = context.environment_of_other_run()
        return [disturb(handed_on, target, name) for name in names or DISTURBANCES]
    finally:
        context.forget_tools()
