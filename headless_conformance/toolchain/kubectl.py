"""A kubectl for clusters that bring none along."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from headless_conformance.core.kubectl_environment import kubectl_environment
from headless_conformance.core.plan import Step
from headless_conformance.core.process import output_of
from headless_conformance.core.progress import Progress
from headless_conformance.core.versions import Release, Versions
from headless_conformance.toolchain.go import go_programs, planned_build, source_of


def kubectl_for(release: Release, versions: Versions, progress: Progress) -> Path:
    """A kubectl of the server's minor: the person's when it is of that minor, else the table's closest one,
    built if need be."""
    own = shutil.which("kubectl")
    if own and _minor_of(own) == release.minor:
        return Path(own)
    return kubectl_of(versions.closest_row(release.minor), progress)


def kubectl_of(row: Release, progress: Progress) -> Path:
    """The kubectl of a row of the table, built if need be and nothing else of Kubernetes."""
    return go_programs("kubernetes", row.patch, progress, ["kubectl"]) / "kubectl"


def planned_kubectl(release: Release, versions: Versions) -> list[Step]:
    """The step that `kubectl_for` would take. Raises UserError where there is no Go."""
    own = shutil.which("kubectl")
    if own and _minor_of(own) == release.minor:
        return []
    return planned_build(source_of("kubernetes", versions.closest_row(release.minor).patch), ["kubectl"])


def _minor_of(kubectl: str) -> str:
    try:
        command = [kubectl, "version", "--client", "-o", "json"]
        printed = output_of(command, env=kubectl_environment(), timeout=20)
        said = json.loads(printed)["clientVersion"]["gitVersion"]
    except (subprocess.SubprocessError, OSError, ValueError, LookupError):
        return ""
    return ".".join(str(said).removeprefix("v").split(".")[:2])
