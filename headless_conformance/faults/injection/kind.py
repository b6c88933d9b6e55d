"""A kind cluster with an experiment's changes, each undone when the run ends: the cluster may be kept for the next one.

A run that is killed undoes nothing. Its cluster is not a kept one any more, since the run took it over: the next makes its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

from headless_conformance.cluster.model import DEFAULT_DOMAIN, Cluster
from headless_conformance.faults.injection.corefile import changed
from headless_conformance.faults.injection.kubectl import with_kubectl
from headless_conformance.faults.model import Corefile, Experiment
from headless_conformance.providers.kind.provider import KindProvider
from headless_conformance.providers.kind.tools import KindTools
from headless_conformance.providers.readiness import configure_dns, require_ready, stored_corefile
from headless_conformance.providers.run_context import RunContext

TO_UNDO: list[Callable[[], None]] = []
"""What puts the cluster back, in the order in which it was changed."""


def undo() -> None:
    """Put the cluster back, the last change first."""
    while TO_UNDO:
        TO_UNDO.pop()()


class ChangedKindProvider(KindProvider):
    """Finds or creates a kind cluster and changes it as the experiment wants it."""

    def __init__(self, experiment: Experiment) -> None:
        self._experiment = experiment

    @contextmanager
    def session(self, context: RunContext[KindTools]) -> Iterator[Cluster]:
        settings, inject = context.settings, self._experiment.inject
        words = {"domain": settings.network.domain or DEFAULT_DOMAIN, "namespace": settings.namespace}
        with super().session(context) as cluster:
            change_dns(cluster, [item for item in inject if isinstance(item, Corefile) and not item.after], words)
            yield with_kubectl(cluster, inject)


def change_dns(cluster: Cluster, changes: Sequence[Corefile], words: Mapping[str, str]) -> None:
    """Restart the DNS servers with these changes; nothing to do without any."""
    before = text = stored_corefile(cluster)
    for change in changes:
        text = changed(text, change, words)
    if text != before:
        TO_UNDO.append(partial(_restart_dns, cluster, before))
        _restart_dns(cluster, text)


def _restart_dns(cluster: Cluster, corefile: str) -> None:
    configure_dns(cluster, corefile)
    require_ready(cluster)
