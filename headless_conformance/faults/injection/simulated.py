"""The simulated cluster with a scenario's changes to its size, its DNS servers and its components."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from headless_conformance.cluster.model import Cluster
from headless_conformance.core.settings import Settings
from headless_conformance.faults.injection.corefile import changed_corefile
from headless_conformance.faults.injection.kubectl import with_kubectl
from headless_conformance.faults.injection.placeholders import words_of_run
from headless_conformance.faults.model import ClusterSize, ComponentFlags, CorefileChange, Scenario
from headless_conformance.providers.interface import RunContext
from headless_conformance.providers.simulated import control_plane, corefile
from headless_conformance.providers.simulated.cluster import SimulatedCluster
from headless_conformance.providers.simulated.provider import SimulatedProvider


class ChangedSimulatedCluster(SimulatedCluster):
    """A simulated cluster as a scenario wants it."""

    def __init__(self, settings: Settings, programs: control_plane.Programs, scenario: Scenario) -> None:
        self._scenario = scenario
        self._words = words_of_run(settings)
        self._commands: dict[str, control_plane.Command] = {}
        self._servers: tuple[tuple[str, int], ...] = ()
        at_start = [change for change in scenario.injected(CorefileChange) if not change.after]
        self._of_one_replica = {f"coredns-{change.replica}": change for change in at_start if change.replica}
        text = corefile.default(self._words["domain"])
        for change in at_start:
            if not change.replica:
                text = changed_corefile(text, change, self._words)
        size = next(iter(scenario.injected(ClusterSize)), ClusterSize())
        super().__init__(
            settings, programs, nodes=size.nodes, dns_replicas=size.dns_replicas, dns_corefile=text
        )

    def start(self) -> Cluster:
        cluster = super().start()
        self._servers = cluster.host_dns
        return with_kubectl(cluster, self._scenario)

    def _run(self, name: str, command: control_plane.Command) -> None:
        if change := self._of_one_replica.get(name):
            _change_file(Path(command[-1]), change, self._words)
        for component in self._scenario.injected(ComponentFlags):
            if component.name == name and not component.after:
                command = [*command, *component.flags]
        self._commands[name] = command
        super()._run(name, command)

    def restart(self, change: ComponentFlags) -> None:
        """Stop a component and start it again with more flags."""
        self.components.remove(change.name)
        super()._run(change.name, [*self._commands[change.name], *change.flags])

    def change_dns(self, change: CorefileChange, words: Mapping[str, str]) -> None:
        """Restart the DNS servers, or one of them, with another configuration, and wait until they answer."""
        for number in range(1, len(self._servers) + 1):
            if change.replica in (None, number):
                name = f"coredns-{number}"
                _change_file(Path(self._commands[name][-1]), change, words)
                self.components.remove(name)
                super()._run(name, self._commands[name])
        self._until(lambda: self._require_dns(self._servers))


class ChangedSimulatedProvider(SimulatedProvider):
    """Starts a simulated cluster as a scenario wants it."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._cluster: ChangedSimulatedCluster | None = None

    def cluster_of(self, context: RunContext[control_plane.Programs]) -> ChangedSimulatedCluster:
        self._cluster = ChangedSimulatedCluster(context.settings, context.tools, self._scenario)
        return self._cluster

    @property
    def cluster(self) -> ChangedSimulatedCluster:
        """The one cluster of this process, which was started."""
        assert self._cluster, f"{self._scenario.name} changes a simulated cluster, and none was started"
        return self._cluster


def _change_file(path: Path, change: CorefileChange, words: Mapping[str, str]) -> None:
    """Change one server's file, in which `@port@` stands for its port."""
    text = path.read_text()
    port = re.search(r"^\.:(\d+) \{", text, re.MULTILINE)
    assert port, f"{path} has no server block for all names"
    path.write_text(changed_corefile(text, change, {**words, "port": port[1]}))
