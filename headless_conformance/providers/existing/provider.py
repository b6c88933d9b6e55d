"""Provider existing: a cluster of the person's own.

Never created, never deleted; only read until they consent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from headless_conformance.cluster.model import Cluster
from headless_conformance.cluster.shared import LEDGER, folder_of_run
from headless_conformance.core.errors import UserError
from headless_conformance.core.interrupts import Leftover
from headless_conformance.core.paths import command_line
from headless_conformance.core.plan import Step
from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import Settings
from headless_conformance.core.validation import OBJECT_NAME
from headless_conformance.core.versions import Release, Versions
from headless_conformance.providers.existing.cluster import EXISTING_NAME, existing_cluster, outline
from headless_conformance.providers.existing.connection import (
    Connection,
    connect,
    copied_kubeconfig,
    remove_namespaces,
    require_consent,
    runs_with_credentials,
)
from headless_conformance.providers.interface import ClusterProvider, RunContext
from headless_conformance.toolchain.kubectl import kubectl_for, planned_kubectl, require_kubectl

STATEFULSET = re.compile(rf"{OBJECT_NAME}/{OBJECT_NAME}")


@dataclass(frozen=True)
class ExistingTools:
    """The person's cluster, which they let us use, and a kubectl for it."""

    connection: Connection
    kubectl: Path


class ExistingProvider(ClusterProvider[ExistingTools]):
    """Works on the person's cluster, in namespaces of our own."""

    name = EXISTING_NAME
    description = "a cluster of your own."
    tools_type = ExistingTools
    prepares = False

    def release_of(self, versions: Versions, asked: str) -> Release:
        return versions.nearest(asked)

    def checked(self, settings: Settings) -> Settings:
        network = settings.network
        ours = {
            "KEEP": settings.keep,
            "SLOW": settings.slow,
            "POD_CIDR": network.pod_cidr,
            "SERVICE_CIDR": network.service_cidr,
            "CLUSTER_DOMAIN": network.domain,
        }
        for name in (name for name, value in ours.items() if value):
            raise UserError(f"{name} is for clusters that we create; leave it out with PROVIDER=existing.")
        secret = settings.target.pull_secret
        if secret is not None and not secret.is_file():
            raise UserError(
                f"PULL_SECRET={secret} is not a file; name a Docker configuration file with the "
                "registry's credentials."
            )
        target = settings.target.statefulset
        if target and not STATEFULSET.fullmatch(target):
            raise UserError(f"TARGET={target} names no StatefulSet; write NAMESPACE/STATEFULSET.")
        return settings.with_changes(namespace=settings.asked_namespace)

    def begun(self, settings: Settings, run: str) -> Settings:
        """By a copy of their kubeconfig; the release is what the API server says."""
        connection = connect(settings, run)
        version, asked = connection.version(), settings.asked_release.removeprefix("v")
        if asked and asked != version and not version.startswith(f"{asked}."):
            raise UserError(
                f"Context {connection.context} is Kubernetes {version}, not {asked}; "
                "leave K8S out or correct it."
            )
        if settings.target.statefulset:
            connection.require_statefulset(settings.target.statefulset)
        target = settings.target.model_copy(
            update={"kubeconfig": str(connection.kubeconfig), "context": connection.context}
        )
        release = settings.versions.nearest(version)
        require_kubectl(release)
        return settings.with_changes(release=release, target=target)

    def introduction(self, settings: Settings) -> str:
        connection = Connection.by(Path(settings.target.kubeconfig))
        return f"Provider {self.name}: context {connection.context} at {connection.server}."

    def dry_run(self, settings: Settings) -> Sequence[str] | None:
        return (
            outline(settings, Connection.by(Path(settings.target.kubeconfig)))
            if settings.target.dry_run
            else None
        )

    def planned_steps(self, settings: Settings) -> Sequence[Step]:
        with suppress(UserError):
            return planned_kubectl(settings.release, settings.versions)
        return ()

    def prepare(self, settings: Settings, run: str, progress: Progress) -> ExistingTools:
        if not settings.target.image_prefix:
            raise UserError(
                "Set IMAGE_PREFIX= to where the nodes can pull the images that `make image-archive` writes."
            )
        connection = connect(settings, run)
        require_consent(connection, settings, "create namespaces of our own")
        # For the end, when the copy may be gone.
        assert connection.api
        return ExistingTools(connection, kubectl_for(settings.release, settings.versions, progress))

    @contextmanager
    def session(self, context: RunContext[ExistingTools]) -> Iterator[Cluster]:
        yield existing_cluster(context.settings, context.tools.connection, context.tools.kubectl)

    def outlives(self, context: RunContext[ExistingTools]) -> bool:
        return True

    def remains(self) -> Sequence[Leftover]:
        namespaces = Leftover("the namespaces of this run on your cluster", command_line("clean-existing"))
        begun = [run for run in runs_with_credentials() if any(folder_of_run(run).glob(f"*/{LEDGER}"))]
        return [namespaces] if begun else []

    def end_session(self, context: RunContext[ExistingTools]) -> None:
        copied_kubeconfig(context.run).unlink(missing_ok=True)

    def end_run(self, context: RunContext[ExistingTools]) -> None:
        try:
            remove_namespaces(context.tools.connection, context.progress, context.run)
        finally:
            self.end_session(context)


PROVIDER = ExistingProvider()
