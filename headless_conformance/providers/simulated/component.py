"""A component of the simulated cluster: one process that dies with us and whose unexpected end is named at
once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from headless_conformance.core.errors import StepFailed
from headless_conformance.core.process import end_with_parent, tail

_WATCH_SECONDS = 0.1
"""How soon the end of a component is noticed."""


class Component:
    """A started process with its log. Its parent's death kills it, however the parent died."""

    def __init__(
        self, name: str, command: Sequence[str | Path], log: Path, env: Mapping[str, str], cwd: Path
    ) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=dict(env),
                cwd=cwd,
                start_new_session=True,
                preexec_fn=partial(end_with_parent, signal.SIGKILL, os.getpid()),
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def epitaph(self) -> str | None:
        """None while it runs, else a sentence with its exit status and its last log lines."""
        status = self._process.poll()
        if status is None:
            return None
        how = f"was killed by signal {-status}" if status < 0 else f"ended with exit status {status}"
        return (
            f"{self.name} of the simulated cluster {how}; run again.\n{tail(self.log)}\n    whole log: "
            f"{self.log}"
        )

    def stop(self) -> None:
        """Kill the process and its group, since its data is thrown away; nothing to do when it has ended."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


class Supervisor:
    """All components of a cluster, in the order of their start.

    Components must be started from the process's main thread: the parent-death signal follows the thread that
    forked.
    """

    def __init__(self) -> None:
        self._components: list[Component] = []
        self._ending = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="component-watch", daemon=True)
        self.death: str | None = None
        """The epitaph of the component that ended first although nobody stopped it."""

    def add(self, component: Component) -> None:
        """Watch a component from now on."""
        self._components.append(component)
        if not self._watcher.is_alive():
            self._watcher.start()

    def component(self, name: str) -> Component:
        """The component of that name; KeyError when there is none."""
        found = {component.name: component for component in self._components}
        return found[name]

    def remove(self, name: str) -> None:
        """Stop a component on purpose."""
        component = self.component(name)
        self._components.remove(component)
        component.stop()

    def require_alive(self) -> None:
        """StepFailed when a component has ended by itself."""
        self._look()
        if self.death is not None:
            raise StepFailed(self.death)

    def _look(self) -> None:
        if self.death is None:
            self.death = next(
                (text for component in list(self._components) if (text := component.epitaph())), None
            )

    def _watch(self) -> None:
        while not self._ending.wait(_WATCH_SECONDS):
            self._look()
            if self.death is not None:
                print(f"error: {self.death}", file=sys.__stderr__, flush=True)
                return

    def stop(self) -> None:
        """End every component, the last started first."""
        self._ending.set()
        if self._watcher.is_alive():
            self._watcher.join()
        while self._components:
            self._components.pop().stop()
