"""Provider existing: a cluster of the person's own.

Never created, never deleted; only read until they consent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from headless_conformance.cluster.model import Cluster
from headless_conformance.cluster.shared import LEDGER, folder_of_run
from headless_conformance.core.errors import UserError
from headless_conformance.core.interrupts import INTERRUPTS, Leftover
from headless_conformance.core.paths import command_line
from headless_conformance.core.plan import Step
from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import Settings
from headless_conformance.core.validation import OBJECT_NAME
from headless_conformance.core.versions import Release, Versions
from headless_conformance.providers.existing.cluster import (
    EXISTING_NAME,
    existing_cluster,
    outline,
    require_possible,
)
from headless_conformance.providers.existing.connection import (
    Connection,
    connect,
    copied_kubeconfig,
    remove_namespaces,
    require_consent,
    runs_with_credentials,
)
from headless_conformance.providers.existing.trial import try_images
from headless_conformance.providers.interface import ClusterProvider, RunContext
from headless_conformance.toolchain.kubectl import kubectl_for, planned_kubectl, require_kubectl

TRIAL = "a Pod with each image on your cluster"
"""The step before the tests."""
STATEFULSET = re.compile(rf"{OBJECT_NAME}/{OBJECT_NAME}")


@dataclass(frozen=True)
class ExistingTools:
    """The person's cluster, which they let us use, and a kubectl for it."""

    connection: Connection
    kubectl: Path
    stand_ins: Mapping[str, str]
    """What the images are that stand for public ones, by the names that manifests have."""


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
        only = settings.target.only_namespace
        if only and settings.asked_namespace not in ("", only):
            raise UserError(
                f"NAMESPACE={settings.asked_namespace} is not ONLY_NAMESPACE={only}; leave one of them out."
            )
        return settings.with_changes(namespace=only or settings.asked_namespace)

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
            return [*planned_kubectl(settings.release, settings.versions), Step(TRIAL)]
        return (Step(TRIAL),)

    def prepare(self, settings: Settings, run: str, progress: Progress) -> ExistingTools:
        connection = connect(settings, run)
        # What cannot be done needs no question.
        require_possible(settings, connection)
        only = settings.target.only_namespace
        what = f"create objects in namespace {only}" if only else "create namespaces of our own"
        require_consent(connection, settings, f"{what}, and remove them afterwards,")
        kubectl = kubectl_for(settings.release, settings.versions, progress)
        cluster = existing_cluster(settings, connection, kubectl)
        try:
            with progress.step(TRIAL):
                stand_ins = try_images(cluster, run, progress.say)
        except BaseException:
            with INTERRUPTS.deferred():
                _remove_namespaces(settings, connection, progress, run)
                copied_kubeconfig(run).unlink(missing_ok=True)
            raise
        return ExistingTools(connection, kubectl, stand_ins)

    @contextmanager
    def session(self, context: RunContext[ExistingTools]) -> Iterator[Cluster]:
        tools = context.tools
        found = existing_cluster(context.settings, tools.connection, tools.kubectl)
        yield replace(found, stand_ins=tools.stand_ins)

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
            _remove_namespaces(context.settings, context.tools.connection, context.progress, context.run)
        finally:
            self.end_session(context)


def _remove_namespaces(settings: Settings, connection: Connection, progress: Progress, run: str) -> None:
    """Those of a run, which has none where it may use one namespace only."""
    if not settings.target.only_namespace:
        remove_namespaces(connection, progress, run)


PROVIDER = ExistingProvider()
