"""What every provider of clusters answers to.

A provider is a folder beside this file and one line of `core.provider_names`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from headless_conformance.cluster.model import Cluster
from headless_conformance.core.errors import UserError
from headless_conformance.core.interrupts import Remainder
from headless_conformance.core.plan import Step
from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import Settings
from headless_conformance.core.versions import Release, Versions
from headless_conformance.engine.engine import Engine

if TYPE_CHECKING:
    from headless_conformance.providers.run_context import RunContext

Tools = TypeVar("Tools")
"""What a provider makes ready before its cluster: a dataclass that goes through JSON."""


class ClusterProvider(ABC, Generic[Tools]):
    """Where the clusters of a run come from."""

    name: ClassVar[str]
    """As PROVIDER= names it."""
    description: ClassVar[str]
    """What such a cluster is, in whole sentences for a person."""
    tools_type: type[Tools]
    prepares: ClassVar[bool] = True
    """Whether anything can be made ready long before a run."""
    automatic: ClassVar[bool] = False
    """Whether it may be chosen where the person named none."""
    can_keep: ClassVar[bool] = True
    """Whether a cluster can be kept for the next run."""
    many_pods: ClassVar[bool] = False
    """Whether a cluster can have more than 10,000 Pods."""
    pytest_workers: ClassVar[int] = 4
    """How many pytest workers share the work: tests wait more than they compute."""

    # What the person asked for

    def release_of(self, versions: Versions, asked: str) -> Release:
        """The release that K8S=`asked` means. Raises UserError."""
        return versions.row(asked)

    def checked(self, settings: Settings) -> Settings:
        """The settings with this provider's own defaults. UserError when they ask for what it cannot do."""
        if settings.keep and not self.can_keep:
            raise UserError(f"KEEP=1 is not possible with PROVIDER={self.name}; leave it out.")
        if settings.slow and not self.many_pods:
            raise UserError(
                "SLOW=1 is for simulated nodes, which alone can have that many Pods; add PROVIDER=simulated."
            )
        if settings.target.statefulset:
            raise UserError(
                "TARGET is a StatefulSet on a cluster of your own; add PROVIDER=existing or leave it out."
            )
        return settings

    def why_impossible(self) -> str | None:
        """One sentence that says why this machine can have no such cluster; None when it can, as far as is
        known.

        Raises UserError for what is no lack but a failure.
        """
        return None

    # Before the cluster

    def begun(self, settings: Settings, run: str) -> Settings:
        """The settings of a run that begins, with what only the cluster itself knows. Writes nothing there.

        Raises UserError.
        """
        return settings

    def introduction(self, settings: Settings) -> str:
        """What a run is going to use, in whole sentences for a person.

        The settings are those that `begun` returned.
        """
        return f"Provider {self.name}: {self.description}"

    def dry_run(self, settings: Settings) -> Sequence[str] | None:
        """What a run would do, as lines for a person, when they asked for that and nothing else; None when
        they did not."""
        return None

    def planned_steps(self, settings: Settings) -> Sequence[Step]:
        """The progress steps that `prepare` is going to take, as far as looking tells. Changes nothing."""
        return ()

    @abstractmethod
    def prepare(self, settings: Settings, run: str, progress: Progress) -> Tools:
        """Make everything ready up to the cluster; quick when it is there.

        Raises UserError with what a person can do.
        """

    # The cluster

    @abstractmethod
    def session(self, context: RunContext[Tools]) -> AbstractContextManager[Cluster]:
        """The cluster of a run, for one worker.

        Raises UserError when none can be had; leaves nothing behind then.
        """

    def outlives(self, context: RunContext[Tools]) -> bool:
        """Whether the cluster is there after the run, so that what the run created in it has to be
        removed."""
        return False

    def export_logs(self, context: RunContext[Tools]) -> None:
        """Save the nodes' logs below reports/, where there is a cluster of this run that can give them."""

    def end_session(self, context: RunContext[Tools]) -> None:
        """Keep or delete the cluster when no test is going to use it any more; nothing to do is fine."""

    def end_run(self, context: RunContext[Tools]) -> None:
        """What is left to do after pytest, however that ended."""
        self.end_session(context)

    # What this clone left

    def clusters_of_clone(self, engine: Engine) -> Sequence[str]:
        """Names of the clusters that this clone created on a container engine."""
        return ()

    def delete_cluster(self, engine: Engine, name: str, progress: Progress) -> None:
        """Delete one of `clusters_of_clone`. Raises UserError."""
        raise NotImplementedError

    def remains(self) -> Sequence[Remainder]:
        """What runs of this clone began and have neither removed nor kept yet, as its own work files say.

        Asks no other program.
        """
        return ()
