"""Provider simulated: the control plane and DNS servers as processes, on simulated nodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from headless_conformance.cluster.model import Cluster
from headless_conformance.core.errors import UserError
from headless_conformance.core.interrupts import Leftover
from headless_conformance.core.paths import command_line, work_dir
from headless_conformance.core.plan import Step
from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import Settings
from headless_conformance.providers.interface import ClusterProvider, RunContext
from headless_conformance.providers.simulated.cluster import (
    SIMULATED_NAME,
    SimulatedCluster,
    ensure_programs,
    planned_programs,
)
from headless_conformance.providers.simulated.control_plane import Programs
from headless_conformance.providers.simulated.run_directory import sweep, there


class SimulatedProvider(ClusterProvider[Programs]):
    """Starts a cluster of processes for each pytest worker; it ends with its worker."""

    name = SIMULATED_NAME
    description = (
        "real API server, controllers and CoreDNS; what needs a kubelet, "
        "packets between Pods or MySQL is not verified."
    )
    tools_type = Programs
    automatic = True
    many_pods = True
    pytest_workers = 2

    def planned_steps(self, settings: Settings) -> Sequence[Step]:
        with suppress(UserError):
            return planned_programs(settings)
        return ()

    def prepare(self, settings: Settings, run: str, progress: Progress) -> Programs:
        return ensure_programs(settings, progress)

    @contextmanager
    def session(self, context: RunContext[Programs]) -> Iterator[Cluster]:
        with self.cluster_of(context) as cluster:
            yield cluster

    def end_run(self, context: RunContext[Programs]) -> None:
        # A worker that was killed could not remove its own; its processes have ended with it.
        sweep(_directories())

    def remains(self) -> Sequence[Leftover]:
        return [Leftover(f"the cluster {name}", command_line("clean")) for name in there(_directories())]

    def cluster_of(self, context: RunContext[Programs]) -> SimulatedCluster:
        """A cluster that has not been started."""
        return SimulatedCluster(context.settings, context.tools)


def _directories() -> Path:
    return work_dir() / "simulated"


PROVIDER = SimulatedProvider()
