"""What a k3d cluster needs before it can start: an engine, k3d, a kubectl, the k3s image, workload images."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from headless_conformance.core.errors import StepFailed, UserError
from headless_conformance.core.plan import Step
from headless_conformance.core.process import output_of
from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import Images, Settings
from headless_conformance.engine.engine import ENGINE_STEP, Engine, ensure_engine
from headless_conformance.images.workloads import ensure_archives
from headless_conformance.providers.containers import ContainerTools, tool_folder
from headless_conformance.toolchain.debian.apt import archive_root
from headless_conformance.toolchain.go import go_program, planned_build, source_of
from headless_conformance.toolchain.kubectl import kubectl_for, planned_kubectl

TOOLS_IMAGE_STEP = "k3d's tools image"
WORKLOADS_STEP = "workload images"
_PULL_SECONDS = 300.0
TOOLS_IMAGE = "ghcr.io/k3d-io/k3d-tools"
_TOOLS_VARIABLE = "K3D_IMAGE_TOOLS"
"""By which k3d itself is told another one."""


@dataclass(frozen=True)
class K3dTools(ContainerTools):
    """Everything that k3d and the tests call."""

    archives: Mapping[str, Path]
    """Workload images by reference."""


def k3d_binary(settings: Settings, progress: Progress) -> Path:
    """The user's k3d when it is exactly the table's release, else our build of its Go module."""
    wanted = settings.versions.components["k3d"]
    return _users_k3d(wanted) or go_program("k3d", wanted, "k3d", progress)


def _users_k3d(wanted: str) -> Path | None:
    found = shutil.which("k3d")
    return Path(found) if found and _version_of(found) == wanted else None


def _version_of(k3d: str) -> str:
    try:
        words = output_of([k3d, "--version"], timeout=20).split()
    except (subprocess.SubprocessError, OSError):
        return ""
    return words[2].removeprefix("v") if len(words) > 2 else ""


def ensure_k3s_image(settings: Settings, engine: Engine) -> None:
    """Pull the row's k3s image where it is not there. UserError in one sentence when it cannot be had."""
    image = settings.release.k3s_image
    if reason := _why_not_had(engine, image):
        raise UserError(
            f"{image} is not there and cannot be pulled, and k3s cannot be built from packages; "
            f"use PROVIDER=kind, or load that image into the engine ({reason})."
        )


def ensure_tools_image(settings: Settings, engine: Engine) -> None:
    """The same for the image of the container by which k3d prepares every cluster."""
    image = os.environ.get(_TOOLS_VARIABLE) or f"{TOOLS_IMAGE}:{settings.versions.components['k3d']}"
    if reason := _why_not_had(engine, image):
        raise UserError(
            f"{image}, which k3d needs for every cluster, is not there and cannot be pulled; "
            f"load it into the engine, or set {_TOOLS_VARIABLE}= to an image that is there "
            f"and whose program takes any argument ({reason})."
        )


def _why_not_had(engine: Engine, image: str) -> str:
    """Docker's last line about an image that is not there and cannot be pulled; empty when it is there
    now."""
    if engine.docker("images", "-q", image).strip():
        return ""
    try:
        engine.docker("pull", "--quiet", image, timeout=_PULL_SECONDS)
    except StepFailed as error:
        return str(error).strip().splitlines()[-1]
    return ""


def workload_archives(settings: Settings, progress: Progress) -> Mapping[str, Path]:
    """Stand-ins for the public images from Debian packages, by reference, where apt knows Debian; else none:
    the nodes pull the public ones then."""
    try:
        archive_root()
    except UserError:
        if settings.images is Images.BUILD:
            raise
        return {}
    return ensure_archives(settings, progress)


def planned_k3d_tools(settings: Settings) -> list[Step]:
    """The steps that `ensure_k3d_tools` is going to take."""
    planned = [Step(ENGINE_STEP), Step(_image_title(settings)), Step(TOOLS_IMAGE_STEP)]
    with suppress(UserError):
        wanted = settings.versions.components["k3d"]
        if _users_k3d(wanted) is None:
            planned += planned_build(source_of("k3d", wanted))
        planned += planned_kubectl(settings.release, settings.versions)
    return [*planned, Step(WORKLOADS_STEP)]


def _image_title(settings: Settings) -> str:
    return f"image {settings.release.k3s_image}"


def ensure_k3d_tools(settings: Settings, progress: Progress) -> K3dTools:
    """Make everything ready; quick when nothing is to be done. Raises UserError with what a person can do."""
    with progress.step(ENGINE_STEP):
        engine = ensure_engine(settings, progress)
    with progress.step(_image_title(settings)):
        ensure_k3s_image(settings, engine)
    with progress.step(TOOLS_IMAGE_STEP):
        ensure_tools_image(settings, engine)
    k3d = k3d_binary(settings, progress)
    kubectl = kubectl_for(settings.release, settings.versions, progress)
    with progress.step(WORKLOADS_STEP):
        archives = workload_archives(settings, progress)
    folder = tool_folder({"k3d": k3d, "kubectl": kubectl}, f"k3d-{settings.release.minor}")
    return K3dTools(engine, k3d, kubectl, folder, archives)
