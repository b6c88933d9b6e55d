"""What every provider of clusters answers to, and the run that it works for.

A provider is a folder beside this file and one line of `core.provider_names`.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from filelock import FileLock
from pydantic import TypeAdapter

from headless_conformance.cluster.model import Cluster
from headless_conformance.core.errors import UserError
from headless_conformance.core.files import replacing
from headless_conformance.core.interrupts import Leftover
from headless_conformance.core.paths import work_dir
from headless_conformance.core.plan import Step
from headless_conformance.core.progress import Progress
from headless_conformance.core.run_identity import RUN_VARIABLE
from headless_conformance.core.settings import Settings, as_environment
from headless_conformance.core.versions import Release, Versions
from headless_conformance.engine.engine import Engine

TOOLS_VARIABLE = "HEADLESS_CONFORMANCE_TOOLS"
"""Path of a file with what was made ready, for processes that a run starts."""
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

    def remains(self) -> Sequence[Leftover]:
        """What runs of this clone began and have neither removed nor kept yet, as its own work files say.

        Asks no other program.
        """
        return ()

    def kept(self) -> Sequence[Leftover]:
        """What runs of this clone left for the next one, as its own work files say."""
        return ()


@dataclass
class RunContext(Generic[Tools]):
    """One run, in one of its processes."""

    settings: Settings
    provider: ClusterProvider[Tools]
    run: str
    """Names the run; a cluster of another run is used only when that run kept it."""
    handed_on: Path | None = None
    """The file with what another process of the run made ready."""
    keep: bool = field(init=False)
    """Whether the cluster is kept for the next run."""
    progress: Progress = field(default_factory=Progress)
    """Where this process says how far the run is."""
    _tools: Tools | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.keep = self.settings.keep

    @property
    def tools(self) -> Tools:
        """What the provider made ready: by this process, by one before it, or now. Raises UserError."""
        if self._tools is None:
            self._tools = self._shared()
        return self._tools

    def begin(self) -> None:
        """Take in what only the cluster itself knows. Raises UserError."""
        self.settings = self.provider.begun(self.settings, self.run)

    def prepare(self) -> Tools:
        """Make ready now what `tools` gives from then on, unless it was handed on."""
        self._tools = self._received() or self.provider.prepare(self.settings, self.run, self.progress)
        return self._tools

    def _received(self) -> Tools | None:
        """What the process that started this one made ready for settings like these."""
        return self._read(self.handed_on) if self.handed_on else None

    def _shared(self) -> Tools:
        """Made ready by the first worker that asks; its failure is every worker's."""
        if (received := self._received()) is not None:
            return received
        with FileLock(self._file.with_suffix(".lock")):
            found = self._read(self._file)
            if found is None:
                try:
                    found = self.provider.prepare(
                        self.provider.begun(self.settings, self.run), self.run, self.progress
                    )
                except UserError as error:
                    self._write({"failed": str(error)})
                    raise
                self._write_tools(found)
            return found

    @property
    def _file(self) -> Path:
        folder = work_dir() / "tools"
        folder.mkdir(exist_ok=True)
        return folder / f"{self.run}.json"

    @property
    def pipe(self) -> Path:
        """The named pipe by which workers tell how far they are."""
        return self._file.with_suffix(".pipe")

    @property
    def _made_for(self) -> dict[str, Any]:
        """What decides about the tools."""
        asked = self.settings
        return {
            "provider": self.provider.name,
            "release": asked.release.patch,
            "images": asked.images,
            "drift": asked.debian_drift,
        }

    def _read(self, path: Path) -> Tools | None:
        """What a file holds for settings like these; None when there is nothing.

        UserError when it could not be made ready.
        """
        if not path.exists():
            return None
        content = json.loads(path.read_text())
        if "failed" in content:
            raise UserError(content["failed"])
        if content["made_for"] != self._made_for:
            return None
        return TypeAdapter(self.provider.tools_type).validate_python(content["tools"])

    def _write(self, content: Mapping[str, Any]) -> None:
        with replacing(self._file) as temporary:
            temporary.write_text(json.dumps(content))

    def _write_tools(self, tools: Tools) -> None:
        plain = TypeAdapter(self.provider.tools_type).dump_python(tools, mode="json")
        self._write({"made_for": self._made_for, "tools": plain})

    def environment(self) -> dict[str, str]:
        """What a process that this run starts finds in its environment, to be the same run."""
        return {**self.environment_of_other_run(), RUN_VARIABLE: self.run}

    def environment_of_other_run(self) -> dict[str, str]:
        """What a process finds in its environment, to be another run with the same settings and tools."""
        self._write_tools(self.tools)
        return {**as_environment(self.settings), TOOLS_VARIABLE: str(self._file)}

    def end_session(self) -> None:
        """Keep or delete the cluster, when no test is going to use it any more."""
        self.provider.end_session(self)
        self.forget_tools()

    def end_run(self) -> None:
        """What is left to do after pytest, however that ended."""
        self.provider.end_run(self)
        self.forget_tools()

    def forget_tools(self) -> None:
        """Remove what was written for other processes."""
        for path in (self._file, self._file.with_suffix(".lock"), self.pipe):
            path.unlink(missing_ok=True)
