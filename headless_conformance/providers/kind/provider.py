"""Provider kind: Kubernetes on nodes that are containers."""

from __future__ import annotations

from collections.abc import Sequence

from headless_conformance.core.plan import Step
from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import Settings
from headless_conformance.providers.container_provider import ContainerProvider
from headless_conformance.providers.kind.cluster import KIND_NAME, KindCluster
from headless_conformance.providers.kind.tools import KindTools, ensure_kind_tools, planned_kind_tools


class KindProvider(ContainerProvider[KindTools]):
    """Creates kind clusters."""

    name = KIND_NAME
    description = "real nodes in containers."
    tools_type = KindTools
    cluster_type = KindCluster
    automatic = True
    # One waits for the database servers, and another for a Pod to go.
    pytest_workers = 6

    def planned_steps(self, settings: Settings) -> Sequence[Step]:
        return planned_kind_tools(settings)

    def prepare(self, settings: Settings, run: str, progress: Progress) -> KindTools:
        return ensure_kind_tools(settings, progress)


PROVIDER = KindProvider()
