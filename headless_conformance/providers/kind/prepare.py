"""What a kind cluster needs before it can start: an engine, kind, the row's kubectl, a node image, workload images."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import cache_dir
from headless_conformance.core.process import output_of
from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import Settings
from headless_conformance.engine.engine import Engine, ensure_engine
from headless_conformance.images.node import NodeImage, ensure_node_image
from headless_conformance.images.workloads import ensure_archives
from headless_conformance.toolchain.go import binary

PREPARE_STEPS = 3
"""How many progress steps `for_kind` takes, builds not counted."""


@dataclass(frozen=True)
class Prepared:
    """Everything that `kind create cluster` and the tests call. `env` has our tools first in PATH and no in-cluster address."""

    engine: Engine
    kind: Path
    kubectl: Path
    node_image: str
    workloads: Mapping[str, str]
    to_load: tuple[str, ...]
    env: Mapping[str, str]


def _tools() -> Path:
    return cache_dir() / "tools"


def _user_kind(version: str) -> Path | None:
    # A preparation before this one, in the same process, has put our own links into PATH.
    folders = [folder for folder in os.environ["PATH"].split(os.pathsep) if not Path(folder).is_relative_to(_tools())]
    found = shutil.which("kind", path=os.pathsep.join(folders))
    if found is None:
        return None
    try:
        said = output_of([found, "version", "-q"], timeout=10).strip()
    except (subprocess.SubprocessError, OSError):
        return None
    return Path(found) if said == version.removeprefix("v") else None


def kind_binary(settings: Settings, progress: Progress) -> Path:
    """The user's kind when it is exactly the table's release (node images belong to it), else our build of its Go module.

    Raises UserError when neither can be had.
    """
    wanted = settings.versions.kind
    own = _user_kind(wanted)
    if own is not None:
        return own
    try:
        return binary("kind", wanted, "kind", progress)
    except UserError as error:
        found = shutil.which("kind")
        here = f"the kind in PATH ({found}) is another release" if found else "there is no kind in PATH"
        raise UserError(f"kind {wanted} is needed, {here} and it cannot be built: {error}") from error


def kubectl_of(image: NodeImage, engine: Engine, patch: str) -> Path:
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
    said = output_of([target, "version", "--client"])
    if f"v{patch}" not in said.split():
        raise UserError(f"Node image {image.reference} carries a kubectl that is not v{patch}; remove that image and run again.")
    return target


def for_kind(settings: Settings, progress: Progress) -> Prepared:
    """Make everything ready, from what is there, by pulling or by building; idempotent and quick when nothing is to be done.

    Raises UserError with what a person can do about it.
    """
    with progress.step("container engine"):
        engine = ensure_engine(settings, progress)
    with progress.step(f"kind {settings.versions.kind}"):
        kind = kind_binary(settings, progress)
    image = ensure_node_image(settings.release, engine, settings, progress)
    with progress.step(f"kubectl {settings.release.patch}"):
        kubectl = kubectl_of(image, engine, settings.release.patch)
    tools = tool_folder({"kind": kind, "kubectl": kubectl}, settings.release.minor)
    env = {**os.environ, **engine.env}
    env["PATH"] = f"{tools}{os.pathsep}{env['PATH']}"
    env.pop("KUBERNETES_SERVICE_HOST", None)
    return Prepared(engine, kind, kubectl, image.reference, image.workloads, image.to_load, env)


def write_image_archives(settings: Settings, folder: Path) -> None:
    """Write each workload image as an archive that `docker load` and `ctr images import` take, for sites without our builds."""
    progress = Progress(total=2)
    with progress.step("workload images"):
        archives = ensure_archives(settings, progress)
    with progress.step(f"archives into {folder}/"):
        folder.mkdir(parents=True, exist_ok=True)
        targets = {folder / f"{reference.rpartition('/')[2].replace(':', '-')}.tar": reference for reference in archives}
        for target, reference in targets.items():
            shutil.copyfile(archives[reference], target)
    print("Push each into your registry under the name on the right, and run with that IMAGE_PREFIX=:")
    print("\n".join(f"  {target} -> IMAGE_PREFIX/{reference.rpartition('/')[2]}" for target, reference in targets.items()))


def tool_folder(tools: Mapping[str, Path], minor: str) -> Path:
    """A folder of links, to be first in PATH, so that kind and kubectl are the ones of this run."""
    folder = _tools() / minor
    folder.mkdir(parents=True, exist_ok=True)
    for name, target in tools.items():
        link = folder / name
        if link.is_symlink() and link.readlink() == target:
            continue
        fresh = folder / f".{name}.{os.getpid()}"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(target)
        fresh.replace(link)
    return folder
