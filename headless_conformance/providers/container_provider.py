"""What providers of clusters in containers have in common: one cluster per run, shared by all of its
workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from headless_conformance.cluster.model import Cluster
from headless_conformance.core.errors import UserError
from headless_conformance.core.interrupts import Leftover
from headless_conformance.core.paths import work_dir
from headless_conformance.core.progress import Progress
from headless_conformance.engine.engine import Engine, why_no_engine
from headless_conformance.providers.containers import ContainerCluster, ContainerToolsT
from headless_conformance.providers.interface import ClusterProvider, RunContext
from headless_conformance.providers.readiness import require_ready

ATTACH_OR_CREATE_SECONDS = 900
"""How long a worker waits while another one creates the cluster."""


class ContainerProvider(ClusterProvider[ContainerToolsT]):
    """Creates clusters of containers on a container engine."""

    cluster_type: type[ContainerCluster[ContainerToolsT]]

    def why_impossible(self) -> str | None:
        return why_no_engine()

    def cluster_of(self, context: RunContext[ContainerToolsT]) -> ContainerCluster[ContainerToolsT]:
        """The one cluster of a run, whether it is there or not."""
        return self.cluster_type(context.settings, context.tools, context.run)

    @contextmanager
    def session(self, context: RunContext[ContainerToolsT]) -> Iterator[Cluster]:
        with FileLock(work_dir() / "cluster.lock", timeout=ATTACH_OR_CREATE_SECONDS):
            found = tried_once(context.run, lambda: self._found_or_created(context))
        yield found

    def _found_or_created(self, context: RunContext[ContainerToolsT]) -> Cluster:
        """The cluster of this run, a kept one, or a new one.

        Raises UserError when none can be had; leaves nothing then.
        """
        mine = self.cluster_of(context)
        if _answered(context.run).exists():
            return mine.joined()
        found = mine.attach()
        if found is not None:
            require_ready(found)
        else:
            found = mine.create()
            mine.settle(found)
        _answered(context.run).touch()
        return found

    def outlives(self, context: RunContext[ContainerToolsT]) -> bool:
        return context.keep

    def export_logs(self, context: RunContext[ContainerToolsT]) -> None:
        if self.cluster_type.exists(context.settings, context.run):
            self.cluster_of(context).export_logs()

    def end_session(self, context: RunContext[ContainerToolsT]) -> None:
        for state in (_failure(context.run), _answered(context.run)):
            state.unlink(missing_ok=True)
        if not self.cluster_type.exists(context.settings, context.run):
            return
        if context.keep:
            self.cluster_of(context).keep()
        else:
            self.cluster_of(context).delete()

    def clusters_of_clone(self, engine: Engine) -> Sequence[str]:
        return self.cluster_type.own(engine)

    def delete_cluster(self, engine: Engine, name: str, progress: Progress) -> None:
        with progress.step(f"delete cluster {name}"):
            self.cluster_type.remove(engine, name)

    def remains(self) -> Sequence[Leftover]:
        return self.cluster_type.remains()

    def kept(self) -> Sequence[Leftover]:
        return self.cluster_type.kept()


def _failure(run: str) -> Path:
    return work_dir() / f"{run}.no-cluster"


def _answered(run: str) -> Path:
    """Is there when a worker of a run has seen that the cluster answers; the others need not look again."""
    return work_dir() / f"{run}.cluster-answers"


def tried_once(run: str, create: Callable[[], Cluster]) -> Cluster:
    """What `create` returns; where it failed for one worker of a run, the others get the same UserError and
    do not try again."""
    failure = _failure(run)
    if failure.exists():
        raise UserError(failure.read_text())
    try:
        return create()
    except UserError as error:
        failure.write_text(str(error))
        raise
