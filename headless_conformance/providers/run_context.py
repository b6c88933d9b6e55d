"""One run: its settings, its provider, and what was made ready for it, once, for the runner and every pytest
worker."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic

from filelock import FileLock
from pydantic import TypeAdapter

from headless_conformance.core.errors import UserError
from headless_conformance.core.files import replacing
from headless_conformance.core.paths import work_dir
from headless_conformance.core.progress import Progress
from headless_conformance.core.run_identity import RUN_VARIABLE, new_run
from headless_conformance.core.settings import Settings, as_environment
from headless_conformance.providers.interface import ClusterProvider, Tools
from headless_conformance.providers.registry import first_provider, provider_named, settings_of_run

TOOLS_VARIABLE = "HEADLESS_CONFORMANCE_TOOLS"
"""Path of a file with what was made ready, for processes that a run starts."""


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


def tools_handed_on(env: Mapping[str, str]) -> Path | None:
    """The file with what the process that started this one made ready; None when there is none."""
    return Path(env[TOOLS_VARIABLE]) if env.get(TOOLS_VARIABLE) else None


def context_of_environment(env: Mapping[str, str]) -> RunContext[Any]:
    """The run that this process belongs to, or a new one. Raises UserError as `settings_of_run`."""
    settings = settings_of_run(env)
    return RunContext(
        settings=settings,
        provider=provider_named(settings.provider) if settings.provider else first_provider(),
        run=env.get(RUN_VARIABLE) or new_run(),
        handed_on=tools_handed_on(env),
    )
