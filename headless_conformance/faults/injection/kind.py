"""A kind cluster with a scenario's changes, undone when the run ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from headless_conformance.cluster.model import Cluster
from headless_conformance.faults.injection.corefile import changed_corefile
from headless_conformance.faults.injection.kubectl import with_kubectl
from headless_conformance.faults.injection.placeholders import words_of_run
from headless_conformance.faults.model import CorefileChange, Scenario
from headless_conformance.providers.interface import RunContext
from headless_conformance.providers.kind.provider import KindProvider
from headless_conformance.providers.kind.tools import KindTools
from headless_conformance.providers.readiness import configure_dns, require_ready, stored_corefile


class ChangedKindProvider(KindProvider):
    """Finds or creates a kind cluster and changes it as a scenario wants it; `undo` puts it back."""

    def __init__(self, scenario: Scenario, undo: ExitStack) -> None:
        self._scenario = scenario
        self._undo = undo

    @contextmanager
    def session(self, context: RunContext[KindTools]) -> Iterator[Cluster]:
        changes = [change for change in self._scenario.injected(CorefileChange) if not change.after]
        with super().session(context) as cluster:
            change_dns(cluster, changes, words_of_run(context.settings), self._undo)
            yield with_kubectl(cluster, self._scenario)


def change_dns(
    cluster: Cluster, changes: Sequence[CorefileChange], words: Mapping[str, str], undo: ExitStack
) -> None:
    """Restart the DNS servers with these changes, if there are any, and have `undo` put them back."""
    before = text = stored_corefile(cluster)
    for change in changes:
        text = changed_corefile(text, change, words)
    if text != before:
        undo.callback(_restart_dns, cluster, before)
        _restart_dns(cluster, text)


def _restart_dns(cluster: Cluster, corefile: str) -> None:
    configure_dns(cluster, corefile)
    require_ready(cluster)
