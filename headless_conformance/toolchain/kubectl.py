"""A kubectl for clusters that bring none along."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from headless_conformance.core.errors import UserError
from headless_conformance.core.kubectl_environment import kubectl_environment
from headless_conformance.core.paths import IN_CLONE
from headless_conformance.core.plan import Step
from headless_conformance.core.process import output_of
from headless_conformance.core.progress import Progress
from headless_conformance.core.versions import Release, Versions
from headless_conformance.toolchain.go import go_programs, planned_build, source_of

SUPPORTED_SKEW = 1
"""Minors between kubectl and the API server that Kubernetes supports."""


def kubectl_for(release: Release, versions: Versions, progress: Progress) -> Path:
    """A kubectl for a server: the person's where Kubernetes supports it with that server.

    Else a clone has the table's closest one, built if need be. UserError where there is no clone to build in.
    """
    if (own := _own_kubectl(release)) is not None:
        return own
    require_kubectl(release)
    return kubectl_of(versions.closest_row(release.minor), progress)


def require_kubectl(release: Release) -> None:
    """UserError where `kubectl_for` could give none for this server: none is in PATH, or one of another
    age."""
    if IN_CLONE or _own_kubectl(release) is not None:
        return
    own = shutil.which("kubectl")
    is_there = (
        f"{own} is {_version_of(own) or 'none that says its version'}" if own else "There is no kubectl"
    )
    wanted = f"install kubectl {release.minor} and put it first in PATH"
    raise UserError(f"{is_there}, and the cluster is Kubernetes {release.patch}; {wanted}.")


def kubectl_of(row: Release, progress: Progress) -> Path:
    """The kubectl of a row of the table, built if need be and nothing else of Kubernetes."""
    return go_programs("kubernetes", row.patch, progress, ["kubectl"]) / "kubectl"


def planned_kubectl(release: Release, versions: Versions) -> list[Step]:
    """The step that `kubectl_for` would take. Raises UserError where there is no Go."""
    if _own_kubectl(release) is not None:
        return []
    return planned_build(source_of("kubernetes", versions.closest_row(release.minor).patch), ["kubectl"])


def _own_kubectl(release: Release) -> Path | None:
    """The one in PATH; None when it is more than SUPPORTED_SKEW minors from the server."""
    own = shutil.which("kubectl")
    said = _version_of(own).split(".") if own else []
    if own is None or len(said) < 2:
        return None
    minor = release.minor.split(".")
    near = said[0] == minor[0] and abs(int(said[1]) - int(minor[1])) <= SUPPORTED_SKEW
    return Path(own) if near else None


def _version_of(kubectl: str) -> str:
    """Such as `1.37.0`; empty where it does not say."""
    try:
        command = [kubectl, "version", "--client", "-o", "json"]
        said = json.loads(output_of(command, env=kubectl_environment(), timeout=20))
        return str(said["clientVersion"]["gitVersion"]).removeprefix("v")
    except (subprocess.SubprocessError, OSError, ValueError, LookupError):
        return ""
