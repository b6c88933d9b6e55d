"""The simulated cluster with an experiment's changes to its size, its DNS servers and its components."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from headless_conformance.cluster.model import DEFAULT_DOMAIN, Cluster
from headless_conformance.core.settings import Settings
from headless_conformance.faults.injection.corefile import changed
from headless_conformance.faults.injection.kubectl import with_kubectl
from headless_conformance.faults.model import Component, Corefile, Experiment, Size
from headless_conformance.providers.run_context import RunContext
from headless_conformance.providers.simulated import control_plane, corefile
from headless_conformance.providers.simulated.cluster import SimulatedCluster
from headless_conformance.providers.simulated.provider import SimulatedProvider


class ExperimentCluster(SimulatedCluster):
    """A simulated cluster as `experiment` wants it."""

    experiment: ClassVar[Experiment]
    _running: ClassVar[ExperimentCluster]

    def __init__(self, settings: Settings, programs: control_plane.Programs) -> None:
        sizes = [injection for injection in self.experiment.inject if isinstance(injection, Size)] or [Size()]
        corefiles = [injection for injection in self.experiment.inject if isinstance(injection, Corefile)]
        domain = settings.network.domain or DEFAULT_DOMAIN
        self._words = {"domain": domain, "namespace": settings.namespace}
        text = corefile.default(domain)
        for change in corefiles:
            if not change.replica and not change.after:
                text = changed(text, change, self._words)
        self._of_one_replica = {
            f"coredns-{change.replica}": change for change in corefiles if change.replica and not change.after
        }
        self._commands: dict[str, control_plane.Command] = {}
        super().__init__(settings, programs, nodes=sizes[0].nodes, dns_replicas=sizes[0].dns_replicas, dns_corefile=text)

    @classmethod
    def running(cls) -> ExperimentCluster:
        """The one that was started last."""
        return cls._running

    def __enter__(self) -> Cluster:
        cluster = super().__enter__()
        type(self)._running = self
        self._servers = cluster.host_dns
        return with_kubectl(cluster, self.experiment.inject)

    def _run(self, name: str, command: control_plane.Command) -> None:
        if change := self._of_one_replica.get(name):
            _change(Path(command[-1]), change, self._words)
        for injection in self.experiment.inject:
            if isinstance(injection, Component) and injection.name == name and not injection.after:
                command = [*command, *injection.flags]
        self._commands[name] = command
        super()._run(name, command)

    def restart(self, change: Component) -> None:
        """Stop a component and start it again with more flags."""
        self.components.remove(change.name)
        super()._run(change.name, [*self._commands[change.name], *change.flags])

    def change_dns(self, change: Corefile, words: Mapping[str, str]) -> None:
        """Restart the DNS servers, or one of them, with another configuration, and wait until they answer."""
        for number in range(1, len(self._servers) + 1):
            if change.replica in (0, number):
                name = f"coredns-{number}"
                _change(Path(self._commands[name][-1]), change, words)
                self.components.remove(name)
                super()._run(name, self._commands[name])
        self._until(lambda: self._require_dns(self._servers))


def _change(path: Path, change: Corefile, words: Mapping[str, str]) -> None:
    """Change one server's file, in which `@port@` stands for its port."""
    text = path.read_text()
    port = re.search(r"^\.:(\d+) \{", text, re.MULTILINE)
    assert port, f"{path} has no server block for all names"
    path.write_text(changed(text, change, {**words, "port": port[1]}))


class ChangedSimulatedProvider(SimulatedProvider):
    """Starts clusters as the experiment wants them."""

    def cluster_of(self, context: RunContext[control_plane.Programs]) -> SimulatedCluster:
        return ExperimentCluster(context.settings, context.tools)
