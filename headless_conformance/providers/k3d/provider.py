"""Provider k3d: k3s on nodes that are containers."""

from __future__ import annotations

from collections.abc import Sequence

from headless_conformance.core.plan import Step
from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import Settings
from headless_conformance.providers.container_provider import ContainerProvider
from headless_conformance.providers.k3d.cluster import K3D_NAME, K3dCluster
from headless_conformance.providers.k3d.tools import K3dTools, ensure_k3d_tools, planned_k3d_tools


class K3dProvider(ContainerProvider[K3dTools]):
    """Creates k3d clusters. They are never kept: a stopped one may not come back."""

    name = K3D_NAME
    description = "k3s on nodes in containers."
    tools_type = K3dTools
    cluster_type = K3dCluster
    can_keep = False

    def planned_steps(self, settings: Settings) -> Sequence[Step]:
        return planned_k3d_tools(settings)

    def prepare(self, settings: Settings, run: str, progress: Progress) -> K3dTools:
        return ensure_k3d_tools(settings, progress)


PROVIDER = K3dProvider()
