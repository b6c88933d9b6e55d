"""What a kind cluster needs before it can start: an engine, kind, the row's kubectl, a node image, workload
images."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from headless_conformance.core.errors import UserError
from headless_conformance.core.kubectl_environment import kubectl_environment
from headless_conformance.core.parallel import beside
from headless_conformance.core.paths import cache_dir
from headless_conformance.core.plan import Step
from headless_conformance.core.process import output_of
from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import Settings
from headless_conformance.engine.engine import ENGINE_STEP, Engine, ensure_engine
from headless_conformance.images.node import NodeImage, ensure_node_image, planned_node_image
from headless_conformance.providers.containers import ContainerTools, tool_folder
from headless_conformance.toolchain.go import go_program, planned_build, source_of
from headless_conformance.toolchain.go_build_cache import shared_build_cache


@dataclass(frozen=True)
class KindTools(ContainerTools):
    """Everything that `kind create cluster` and the tests call."""

    node_image: str
    workloads: Mapping[str, str]
    """The public images of the manifests and what the node image carries in their place."""


def _user_kind(version: str) -> Path | None:
    found = shutil.which("kind")
    if found is None:
        return None
    try:
        said = output_of([found, "version", "-q"], timeout=10).strip()
    except (subprocess.SubprocessError, OSError):
        return None
    return Path(found) if said == version.removeprefix("v") else None


def kind_binary(settings: Settings, progress: Progress) -> Path:
    """The user's kind when it is exactly the table's release (node images belong to it), else our build of
    its Go module.

    Raises UserError when neither can be had.
    """
    wanted = settings.versions.kind
    own = _user_kind(wanted)
    if own is not None:
        return own
    try:
        return go_program("kind", wanted, "kind", progress)
    except UserError as error:
        found = shutil.which("kind")
        here = f"the kind in PATH ({found}) is another release" if found else "there is no kind in PATH"
        raise UserError(f"kind {wanted} is needed, {here} and it cannot be built: {error}") from error


def kubectl_of_image(image: NodeImage, engine: Engine, patch: str) -> Path:
    """The kubectl that the node image carries, copied out once per image; never the user's.

    Raises UserError when it is another version.
    """
    target = cache_dir() / "kubectl" / image.content_id.removeprefix("sha256:")[:16] / "kubectl"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        container = engine.docker("create", image.reference).strip()
        partial = target.with_name(f"kubectl.{os.getpid()}")
        try:
            engine.docker("cp", f"{container}:/usr/bin/kubectl", str(partial))
            partial.rename(target)
        finally:
            engine.docker("rm", "-f", container)
    said = output_of([target, "version", "--client"], env=kubectl_environment())
    if f"v{patch}" not in said.split():
        raise UserError(
            f"Node image {image.reference} carries a kubectl that is not v{patch}; "
            "remove that image and run again."
        )
    return target


def planned_kind_tools(settings: Settings) -> list[Step]:
    """The steps that `ensure_kind_tools` is going to take."""
    planned = [Step(ENGINE_STEP)]
    with suppress(UserError):
        if _user_kind(settings.versions.kind) is None:
            planned += planned_build(source_of("kind", settings.versions.kind), lane="kind")
        planned += planned_node_image(settings.release, settings)
    return planned


@shared_build_cache()
def ensure_kind_tools(settings: Settings, progress: Progress) -> KindTools:
    """Make everything ready, from what is there, by pulling or by building; quick when nothing is to be done.

    Raises UserError with what a person can do about it.
    """
    with beside(partial(kind_binary, settings, progress)) as kind_found:
        with progress.step(ENGINE_STEP):
            engine = ensure_engine(settings, progress)
        image = ensure_node_image(settings.release, engine, settings, progress)
        kubectl = kubectl_of_image(image, engine, settings.release.patch)
    kind = kind_found.result()
    folder = tool_folder({"kind": kind, "kubectl": kubectl}, settings.release.minor)
    return KindTools(engine, kind, kubectl, folder, image.reference, image.workloads)
