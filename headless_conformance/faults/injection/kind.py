"""A kind cluster with an experiment's changes, each undone when the run ends: the cluster may be kept for the next one.

A run that is killed undoes nothing. Its cluster is not a kept one any more, since the run took it over: the next makes its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from headless_conformance.cluster.model import DEFAULT_DOMAIN, Cluster
from headless_conformance.core.settings import Settings
from headless_conformance.faults.injection.corefile import changed
from headless_conformance.faults.injection.kubectl import with_kubectl
from headless_conformance.faults.model import Corefile, Experiment
from headless_conformance.providers.containers import ManagerFactory
from headless_conformance.providers.readiness import configure_dns, require_ready, stored_corefile

Make = Callable[[Settings, ManagerFactory], Cluster]

TO_UNDO: list[Callable[[], None]] = []
"""What puts the cluster back, in the order in which it was changed."""


def undo() -> None:
    """Put the cluster back, the last change first."""
    while TO_UNDO:
        TO_UNDO.pop()()


def with_experiment(make: Make, experiment: Experiment) -> Make:
    """`make` a kind cluster, changed as the experiment wants it."""

    def make_changed(settings: Settings, manager_factory: ManagerFactory) -> Cluster:
        cluster = make(settings, manager_factory)
        words = {"domain": settings.network.domain or DEFAULT_DOMAIN, "namespace": settings.namespace}
        change_dns(cluster, [item for item in experiment.inject if isinstance(item, Corefile) and not item.after], words)
        return with_kubectl(cluster, experiment.inject)

    return make_changed


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
