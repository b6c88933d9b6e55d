"""A cluster of the person's own: reaching it, asking before anything is written there, and removing what is
ours."""

from __future__ import annotations

import os
import re
import sys
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from headless_conformance.cluster.api_client import api_client
from headless_conformance.core.errors import UserError
from headless_conformance.core.files import write_private
from headless_conformance.core.paths import command_line, work_dir
from headless_conformance.core.progress import Progress
from headless_conformance.core.run_identity import RUN_LABEL
from headless_conformance.core.settings import Settings
from headless_conformance.providers.existing.kubeconfig import flattened

OUR_CONTEXTS = re.compile(r"^(kind-hc-|k3d-pytest-hc-)")
"""Contexts of clusters that this project creates."""

REQUEST_SECONDS = 15
GONE_SECONDS = 240.0
"""Bound on namespaces disappearing: Pods' grace periods, volumes and finalizers are in it."""
POLL_SECONDS = 1.0
_UNAUTHORIZED, _NOT_FOUND = 401, 404


@dataclass(frozen=True)
class Connection:
    """One context, by a copy of the person's kubeconfig that only they can read."""

    kubeconfig: Path
    context: str
    server: str

    @classmethod
    def by(cls, kubeconfig: Path) -> Connection:
        """The connection that a copy of ours makes."""
        content = yaml.safe_load(kubeconfig.read_text())
        server = content["clusters"][0]["cluster"].get("server", "no address")
        return cls(kubeconfig, content["current-context"], str(server))

    @cached_property
    def api(self) -> Any:
        return api_client(self.kubeconfig)

    def version(self) -> str:
        """The server's version without `v` and whatever a vendor adds to it.

        UserError when it does not answer.
        """
        try:
            said: Any = client.VersionApi(self.api).get_code(_request_timeout=REQUEST_SECONDS)
        except (ApiException, HTTPError, config.ConfigException, OSError, ValueError) as error:
            if getattr(error, "status", None) == _UNAUTHORIZED:
                raise UserError(
                    f"The API server of context {self.context} ({self.server}) does not accept its "
                    "credentials, which may have expired; log in again, or correct KUBECONFIG=."
                ) from None
            reason = str(getattr(error, "reason", "") or error).partition("\n")[0]
            raise UserError(
                f"The API server of context {self.context} ({self.server}) does not answer: {reason}; "
                "check KUBECONFIG= and CONTEXT=."
            ) from None
        found = re.match(r"v?(\d+\.\d+(?:\.\d+)?)", said.git_version)
        if not found:
            raise UserError(
                f"The API server of context {self.context} states the version {said.git_version!r}, "
                "which is none; "
                "check that CONTEXT= names a Kubernetes cluster."
            )
        return found[1]

    def require_statefulset(self, target: str) -> None:
        """UserError when the StatefulSet `namespace/name` is not there, as far as this account may see."""
        namespace, _, name = target.partition("/")
        try:
            apps: Any = client.AppsV1Api(self.api)
            apps.read_namespaced_stateful_set(name, namespace, _request_timeout=REQUEST_SECONDS)
        except ApiException as error:
            if error.status == _NOT_FOUND:
                raise UserError(
                    f"Context {self.context} has no StatefulSet {target}; correct TARGET=."
                ) from None

    def remove(self) -> None:
        """Delete the copy."""
        self.kubeconfig.unlink(missing_ok=True)


def copied_kubeconfig(run: str) -> Path:
    """Where a run's copy of the person's kubeconfig is."""
    return work_dir() / f"existing-{run}.kubeconfig"


def runs_with_credentials() -> list[str]:
    """Runs that have a copy of the person's kubeconfig and have not ended well yet."""
    return [path.stem.removeprefix("existing-") for path in work_dir().glob("existing-*-*.kubeconfig")]


def _forget_copies_of_ended_runs() -> None:
    """A run that was killed could not remove its copy of the person's credentials; its name begins with its
    process."""
    for path in work_dir().glob("existing-*-*.kubeconfig"):
        try:
            os.kill(int(path.name.split("-")[1]), 0)
        except ProcessLookupError:
            path.unlink(missing_ok=True)
        except PermissionError:
            continue


def connect(settings: Settings, run: str) -> Connection:
    """Copy the asked context of the person's kubeconfig into this clone's work files, unless that is done.

    UserError when it cannot be read.
    """
    _forget_copies_of_ended_runs()
    path = copied_kubeconfig(run)
    if settings.target.kubeconfig != str(path):
        content = flattened(settings.target.kubeconfig, settings.target.context)
        write_private(path, yaml.safe_dump(content, sort_keys=False).encode())
    return Connection.by(path)


def require_consent(connection: Connection, settings: Settings, what: str) -> None:
    """Unless the context is one of ours or CONFIRM=1: ask the person on the terminal.

    UserError when they do not say yes.
    """
    if settings.target.confirmed or OUR_CONTEXTS.match(connection.context):
        return
    if not sys.stdin.isatty():
        raise UserError(
            f"Context {connection.context} ({connection.server}) is no cluster of ours; "
            f"set CONFIRM=1 to {what} there, or look first with DRY_RUN=1."
        )
    answer = input(
        f"Context {connection.context} ({connection.server}) is no cluster of ours. "
        f"Really {what} there? [yes/no] "
    )
    if answer.strip() != "yes":
        raise UserError("Nothing was done; answer `yes` or set CONFIRM=1 to go on.")


def own_namespaces(connection: Connection, run: str = "") -> list[str]:
    """Names of the namespaces that a run (any run when empty) created and that still exist."""
    selector = f"{RUN_LABEL}={run}" if run else RUN_LABEL
    try:
        found: Any = client.CoreV1Api(connection.api).list_namespace(
            label_selector=selector, _request_timeout=REQUEST_SECONDS
        )
    except (ApiException, HTTPError) as error:
        reason = getattr(error, "reason", None) or error
        raise UserError(
            f"The namespaces of context {connection.context} cannot be listed: {reason}; "
            "check CONTEXT=, or let an administrator apply manifests/rbac/account.yaml."
        ) from None
    return [item.metadata.name for item in found.items]


def remove_namespaces(connection: Connection, progress: Progress, run: str = "") -> int:
    """Delete the namespaces of a run (any run when empty), wait until they are gone, and return how many
    there were.

    UserError names those that are still there after GONE_SECONDS.
    """
    names = own_namespaces(connection, run)
    if not names:
        return 0
    core = client.CoreV1Api(connection.api)
    with progress.step(f"remove {len(names)} namespaces from {connection.context}"):
        for name in names:
            try:
                core.delete_namespace(name, _request_timeout=REQUEST_SECONDS)
            except ApiException as error:
                if error.status not in (404, 409):
                    raise UserError(
                        f"Namespace {name} cannot be deleted: {error.reason}; let an administrator delete it."
                    ) from None
        end = time.monotonic() + GONE_SECONDS
        while left := own_namespaces(connection, run):
            if time.monotonic() > end:
                raise UserError(
                    f"These namespaces are still being deleted after {GONE_SECONDS:.0f} s: "
                    f"{', '.join(left)}; "
                    f"see `kubectl get namespaces` and run `{command_line('clean-existing')}` later."
                )
            time.sleep(POLL_SECONDS)
    return len(names)


def clean_existing(settings: Settings) -> None:
    """Remove what runs that were killed left on the person's cluster, found by the label on its
    namespaces."""
    connection = connect(settings, "clean")
    try:
        connection.version()
        names = own_namespaces(connection)
        if not names:
            print(f"Nothing of ours is on {connection.context}.")
            return
        print(f"Namespaces of ours on {connection.context}: {', '.join(names)}")
        if settings.target.dry_run:
            return
        require_consent(connection, settings, "delete them")
        remove_namespaces(connection, Progress(total=1))
    finally:
        connection.remove()
