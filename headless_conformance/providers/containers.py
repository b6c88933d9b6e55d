"""A cluster of containers on an engine: created once through pytest-kubernetes, found again when kept,
deleted only when ours."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import yaml
from pytest_kubernetes.options import ClusterOptions
from pytest_kubernetes.providers import select_provider_manager

from headless_conformance.cluster.model import Cluster
from headless_conformance.core.errors import StepFailed, UserError
from headless_conformance.core.interrupts import Leftover
from headless_conformance.core.kubectl_environment import NO_KUBERC, without_kubectl_variables
from headless_conformance.core.paths import cache_dir, clone_id, command_line, work_dir
from headless_conformance.core.process import own_environment
from headless_conformance.core.settings import Settings
from headless_conformance.engine.engine import Engine
from headless_conformance.providers.creation import end_creation
from headless_conformance.providers.readiness import is_api_ready, require_ready

CREATE_SECONDS = 300
"""Bound on the creation, after which pytest-kubernetes gives up."""
REMOVE_SECONDS = 120.0
"""Bound on the removal of a cluster."""
_SETTLE_SECONDS = 3.0
"""How long after the end of the program that creates a cluster a container may still appear."""
_LOOK_SECONDS = 0.5
"""Between two looks at what is left of a cluster."""
TO_STAY = "keep"
"""In the state of a cluster: whether its run leaves it for the next one."""
KEPT = "kept"
"""Stands for the run in the state of a cluster that is there for whoever comes next."""

ManagerFactory = Callable[[str], type]
"""pytest-kubernetes' way from a provider's name to its manager class."""


@dataclass(frozen=True)
class ContainerTools:
    """What a cluster of containers needs before it can be created."""

    engine: Engine
    program: Path
    """What creates and deletes such clusters, of exactly the table's release."""
    kubectl: Path
    folder: Path
    """Links to these programs, to be first in PATH."""

    @property
    def env(self) -> Mapping[str, str]:
        """The environment of `program`: it asks this engine, finds our tools first, is in no cluster, and has
        no settings of the person's for kubectl."""
        env = {**without_kubectl_variables(), **self.engine.env, **NO_KUBERC}
        env["PATH"] = f"{self.folder}{os.pathsep}{env['PATH']}"
        return env


def tool_folder(tools: Mapping[str, Path], name: str) -> Path:
    """A folder of links, to be first in PATH, so that the programs in it are the ones of this run."""
    folder = cache_dir() / "tools" / name
    folder.mkdir(parents=True, exist_ok=True)
    for program, target in tools.items():
        link = folder / program
        if link.is_symlink() and link.readlink() == target:
            continue
        fresh = folder / f".{program}.{os.getpid()}"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(target)
        fresh.replace(link)
    return folder


ContainerToolsT = TypeVar("ContainerToolsT", bound=ContainerTools)


@dataclass(frozen=True)
class ContainerCluster(ABC, Generic[ContainerToolsT]):
    """The one cluster of a run. `create`, `attach`, `keep` and `delete` are idempotent."""

    settings: Settings
    tools: ContainerToolsT
    run: str
    """Names the run; a cluster of another run is attached to only when that run kept it."""

    PROGRAM: ClassVar[str]
    """The program that makes such clusters, which is pytest-kubernetes' name for it too."""
    PREFIX: ClassVar[str]
    LABEL: ClassVar[str]
    """On every container of a cluster, with the cluster's name."""
    DELETE: ClassVar[tuple[str, ...]]
    """What the program is told before a cluster's name to delete it."""
    LOGS: ClassVar[str] = ""
    """Where `export_logs` puts them, as the end of a sentence."""

    @classmethod
    @abstractmethod
    def own(cls, engine: Engine) -> list[str]:
        """Names of the clusters that this clone created on this engine."""

    @abstractmethod
    def _config(self) -> Mapping[str, object]:
        """The program's configuration file."""

    @abstractmethod
    def _cluster(self) -> Cluster: ...

    def _options(self) -> list[str]:
        """What the program is told beside its configuration file."""
        return []

    def _environment(self) -> Mapping[str, str]:
        """What the program finds in its environment."""
        return self.tools.env

    def _load_images(self, manager: Any) -> None:
        """Bring the workload images into the cluster that `manager` created."""

    def _identity(self) -> dict[str, object]:
        """What must be the same for a cluster to be taken over."""
        return {}

    def _adjust(self, cluster: Cluster) -> None:
        """Make the cluster what tests expect, before it is waited for."""

    def export_logs(self) -> None:
        """Save the nodes' logs below reports/, where the program can; a cluster that cannot give them gives
        none."""

    @classmethod
    def name_of(cls, minor: str) -> str:
        """The name that this clone gives its cluster of a minor."""
        return f"{cls.PREFIX}{clone_id()}-{minor.replace('.', '-')}"

    @classmethod
    def containers_of(cls, engine: Engine, name: str) -> list[str]:
        """IDs of all containers of a cluster, running or not."""
        return engine.docker("ps", "-aq", "--filter", f"label={cls.LABEL}={name}").split()

    @classmethod
    def exists(cls, settings: Settings, run: str) -> bool:
        """Whether this run began or took over a cluster that is neither deleted nor kept yet.

        Asks no engine.
        """
        state = cls._state_of(settings)
        return state.exists() and json.loads(state.read_text())["run"] == run

    @classmethod
    def remains(cls) -> list[Leftover]:
        """The clusters of this clone that a run began or took over and has neither deleted nor kept yet.

        Asks no engine.
        """
        return [cls._leftover(name, state) for name, state in cls._recorded().items() if state["run"] != KEPT]

    @classmethod
    def kept(cls) -> list[Leftover]:
        """The clusters of this clone that are there for whoever comes next. Asks no engine."""
        return [cls._leftover(name, state) for name, state in cls._recorded().items() if state["run"] == KEPT]

    @classmethod
    def _leftover(cls, name: str, state: Mapping[str, Any]) -> Leftover:
        is_to_stay = bool(state.get(TO_STAY))
        return Leftover(f"the {cls.PROGRAM} cluster {name}", command_line("clean"), is_to_stay)

    @classmethod
    def _recorded(cls) -> dict[str, dict[str, Any]]:
        """What our own work files have of this clone's clusters, by the cluster's name."""
        found = {}
        for path in sorted(work_dir().glob(f"{cls.PREFIX}{clone_id()}-*.json")):
            with suppress(OSError, ValueError):
                found[path.stem] = {"run": "", **json.loads(path.read_text())}
        return found

    @classmethod
    def remove(cls, engine: Engine, name: str) -> None:
        """Delete all that there is of a cluster, also of one that is still being created.

        Somebody else may be deleting it too. StepFailed when something is left after REMOVE_SECONDS.
        """
        folder = cls._folder_of(name)
        begun = time.monotonic()
        settled = begun + (_SETTLE_SECONDS if end_creation(cls.PROGRAM, folder) else 0.0)
        while True:
            found = cls.containers_of(engine, name)
            try:
                if found:
                    engine.docker("rm", "--force", "--volumes", *found)
                cls._remove_rest(engine, name)
            except StepFailed:
                if time.monotonic() > begun + REMOVE_SECONDS:
                    raise
                time.sleep(_LOOK_SECONDS)
                continue
            if not found and time.monotonic() >= settled:
                break
            time.sleep(_LOOK_SECONDS if found else _LOOK_SECONDS / 2)
        shutil.rmtree(folder, ignore_errors=True)
        for suffix in (".json", ".kubeconfig"):
            (work_dir() / f"{name}{suffix}").unlink(missing_ok=True)

    @classmethod
    def _remove_rest(cls, engine: Engine, name: str) -> None:
        """Delete what the program made for this cluster beside its containers."""

    @classmethod
    def _folder_of(cls, name: str) -> Path:
        """What the program reads and writes for a cluster, in our own files."""
        return work_dir() / f"{name}.files"

    @classmethod
    def _state_of(cls, settings: Settings) -> Path:
        return work_dir() / f"{cls.name_of(settings.release.minor)}.json"

    @property
    def name(self) -> str:
        return self.name_of(self.settings.release.minor)

    @property
    def kubeconfig(self) -> Path:
        return work_dir() / f"{self.name}.kubeconfig"

    @property
    def _state(self) -> Path:
        return self._state_of(self.settings)

    def _record(self, run: str) -> None:
        self._state.write_text(json.dumps({"run": run, TO_STAY: self.settings.keep, **self._identity()}))

    def _require_ours(self) -> None:
        engine = self.tools.engine
        if self.containers_of(engine, self.name) and self.name not in self.own(engine):
            raise UserError(
                f"A {self.PROGRAM} cluster named {self.name} exists that this clone did not create; "
                f"delete it with `{' '.join((self.PROGRAM, *self.DELETE, self.name))}`."
            )

    def attach(self) -> Cluster | None:
        """The cluster of this run, or a kept one, when it is whole, as requested and answers; else None.

        Starts nothing.
        """
        self._require_ours()
        if not (self._state.exists() and self.kubeconfig.exists()):
            return None
        state = json.loads(self._state.read_text())
        state.pop(TO_STAY, None)
        if state.pop("run") not in (KEPT, self.run) or state != self._identity():
            return None
        if not is_api_ready(self.kubeconfig):
            return None
        self._record(self.run)
        return self._cluster()

    def joined(self) -> Cluster:
        """The cluster that another worker of this run found or made, and saw answer."""
        return self._cluster()

    def keep(self) -> None:
        """Leave the cluster for the next run."""
        self._record(KEPT)

    def create(self, manager_named: ManagerFactory = select_provider_manager) -> Cluster:
        """Create the cluster through pytest-kubernetes; what an earlier, killed run left under our name goes
        first.

        Raises UserError with the program's own words; nothing stays behind then.
        """
        self.delete()
        # Whoever kills us now finds what to delete; nobody attaches to it.
        self._state.write_text(json.dumps({"run": self.run, "unfinished": True}))
        begun = time.monotonic()
        try:
            self._create(manager_named)
        except BaseException as error:
            waited = time.monotonic() - begun
            if isinstance(error, Exception):
                self.export_logs()
            self.delete()
            if isinstance(error, subprocess.CalledProcessError):
                raise UserError(f"{self.PROGRAM} could not create the cluster: {_words(error)}") from None
            if isinstance(error, subprocess.TimeoutExpired | RuntimeError):
                raise UserError(
                    f"The cluster {self.name} was not ready after {waited:.0f} s{self.LOGS}."
                ) from error
            raise
        self._record(self.run)
        return self._cluster()

    def _create(self, manager_named: ManagerFactory) -> None:
        folder = self._folder_of(self.name)
        folder.mkdir(parents=True, exist_ok=True)
        config, kubeconfig = folder / "config.yaml", folder / "kubeconfig"
        config.write_text(yaml.safe_dump(self._config()))
        options = ClusterOptions(
            provider_config=config,
            api_version=self.settings.release.patch,
            cluster_timeout=CREATE_SECONDS,
            kubeconfig_path=kubeconfig,
        )
        # pytest-kubernetes runs its programs with the environment of this process.
        with own_environment(self._environment()):
            manager = manager_named(self.PROGRAM)(self.name, str(config))
            manager.create(options, timeout=60, options=self._options())
            self._load_images(manager)
        kubeconfig.replace(self.kubeconfig)

    def settle(self, cluster: Cluster) -> None:
        """Return when the created cluster answers. Raises UserError; nothing stays behind then."""
        try:
            self._adjust(cluster)
            require_ready(cluster)
        except BaseException as error:
            if isinstance(error, Exception):
                self.export_logs()
            self.delete()
            raise

    def delete(self) -> None:
        """Delete the cluster if this clone created it; UserError if another did. Nothing to do is fine."""
        self._require_ours()
        self.remove(self.tools.engine, self.name)


def _words(error: subprocess.CalledProcessError) -> str:
    said = error.stderr if isinstance(error.stderr, str) else error.stderr.decode(errors="replace")
    return "\n    ".join(said.strip().splitlines()[-15:])
