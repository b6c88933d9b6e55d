"""The cluster of a run: made ready, created once for all workers, found again, kept or deleted when no test needs it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from headless_conformance.cluster.model import Cluster
from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import work_dir
from headless_conformance.core.progress import Progress
from headless_conformance.core.run_identity import RUN_VARIABLE
from headless_conformance.core.settings import Provider, Settings
from headless_conformance.providers.containers import ContainerCluster, ManagerFactory
from headless_conformance.providers.existing.connection import copied_kubeconfig
from headless_conformance.providers.k3d.cluster import K3dCluster
from headless_conformance.providers.k3d.prepare import STEPS as K3D_STEPS
from headless_conformance.providers.k3d.prepare import for_k3d
from headless_conformance.providers.kind import prepare
from headless_conformance.providers.kind.cluster import KindCluster
from headless_conformance.providers.readiness import require_ready
from headless_conformance.providers.simulated.cluster import ensure_programs

CONTAINER_PROVIDERS: tuple[type[ContainerCluster[Any]], ...] = (KindCluster, K3dCluster)


def prepare_only(settings: Settings) -> None:
    """Everything up to the cluster: engine, tools, images; or the programs of the simulated one. Quick when all is there."""
    if settings.provider is Provider.SIMULATED:
        ensure_programs(settings, Progress(total=1))
    elif settings.provider is Provider.K3D:
        for_k3d(settings, Progress(total=K3D_STEPS))
    else:
        prepare.for_kind(settings, Progress(total=prepare.PREPARE_STEPS))


def _failure(run: str) -> Path:
    return work_dir() / f"{run}.no-cluster"


def tried_once(run: str, create: Callable[[], Cluster]) -> Cluster:
    """What `create` returns; where it failed for one worker of a run, the others get the same UserError and do not try again."""
    failure = _failure(run)
    if failure.exists():
        raise UserError(failure.read_text())
    try:
        return create()
    except UserError as error:
        failure.write_text(str(error))
        raise


def kind_cluster(settings: Settings, manager_factory: ManagerFactory) -> Cluster:
    """The kind cluster of this run."""
    return of_containers(KindCluster, settings, manager_factory)


def of_containers(provider: type[ContainerCluster[Any]], settings: Settings, manager_factory: ManagerFactory) -> Cluster:
    """The cluster of this run, a kept one, or a new one. Raises UserError when none can be had; leaves nothing behind then."""
    mine = provider.prepare(settings, os.environ[RUN_VARIABLE])
    os.environ.update(mine.prepared.env)
    os.environ.pop("KUBERNETES_SERVICE_HOST", None)
    progress = Progress(total=2, out=sys.stderr)
    found = mine.attach()
    if found is not None:
        progress.skip(f"cluster {mine.name}", "already there")
        with progress.step("cluster answers"):
            require_ready(found)
        return found
    with progress.step(f"cluster {mine.name}: {mine.description}"):
        created = mine.create(manager_factory)
    with progress.step("cluster answers: API, nodes, CoreDNS"):
        mine.settle(created)
    return created


def container_clusters(settings: Settings, run: str) -> Iterator[ContainerCluster[Any]]:
    """The clusters in containers that this run began or took over, and that are neither deleted nor kept yet."""
    for provider in CONTAINER_PROVIDERS:
        if provider.exists(settings, run):
            yield provider.prepare(settings, run)


def finish_run(settings: Settings, run: str) -> None:
    """What is left to do for a run's cluster when no test is going to use it any more; nothing when there is none."""
    copied_kubeconfig(run).unlink(missing_ok=True)
    _failure(run).unlink(missing_ok=True)
    for mine in container_clusters(settings, run):
        if settings.keep:
            mine.keep()
        else:
            mine.delete()
