"""The node image that kind starts: the published one by digest, or one of ours, built from packages."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from headless_conformance.core.errors import StepFailed, UserError
from headless_conformance.core.paths import log_dir
from headless_conformance.core.plan import Step
from headless_conformance.core.process import output_of, run_logged, tail
from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import Images, Settings
from headless_conformance.core.versions import Release
from headless_conformance.engine.engine import Engine, find_engine
from headless_conformance.images.archive import PREFIX
from headless_conformance.images.node.build import build_image, build_parts, planned_image, reference_of
from headless_conformance.images.node.parts import Parts, content_key_of, parts_of
from headless_conformance.images.workloads import ensure_archives, substitute_images
from headless_conformance.toolchain.go import planned_build

REGISTRY_SECONDS = 10.0
"""How long a registry may take to say whether it has an image before `auto` builds instead."""
_PULL_SECONDS = 1800.0


@dataclass(frozen=True)
class NodeImage:
    """An image that the engine has.

    `workloads` maps the public images of the manifests to what it carries in their place.
    """

    reference: str
    content_id: str
    workloads: Mapping[str, str]


def planned_node_image(release: Release, settings: Settings) -> list[Step]:
    """The steps that `ensure_node_image` is going to take, as far as is known without asking a registry.

    Where no engine runs, what its images are is not known: then there is one if all of its parts are.
    Raises UserError where there is no Go.
    """
    engine = find_engine()
    if settings.images is not Images.BUILD and engine and _identity(release.node_image, engine) is not None:
        return []
    if settings.images is Images.PULL:
        return [Step(_pull_title(release))]
    parts = parts_of(release, settings)
    missing = any(planned_build(source) for source in parts.sources)
    return planned_image(parts) if missing or (engine and not _built_before(release, engine)) else []


def _pull_title(release: Release) -> str:
    return f"pull {release.node_image.partition('@')[0]}"


def ensure_node_image(release: Release, engine: Engine, settings: Settings, progress: Progress) -> NodeImage:
    """The release's node image in the engine: the one that is there, else pulled, else built, as IMAGES
    allows.

    Raises UserError when it can be neither pulled nor built, or when IMAGES=pull and no registry has it.
    """
    if settings.images is Images.BUILD:
        return _built(release, engine, settings, progress)
    if (content_id := _identity(release.node_image, engine)) is not None:
        return NodeImage(release.node_image, content_id, {})
    if settings.images is Images.PULL:
        return _pulled(release, engine, progress)
    # What our image would be called takes all of its inputs: not asked where none was ever built.
    if _built_before(release, engine) and (found := _ours(release, settings, progress).present(engine)):
        return found
    if _registry_has(release.node_image, engine):
        try:
            return _pulled(release, engine, progress)
        except UserError as error:
            progress.say(str(error))
    progress.say(f"{release.node_image} is out of reach: building the node image from packages")
    return _built(release, engine, settings, progress)


@dataclass(frozen=True)
class _OwnImage:
    """The image that would be built now."""

    parts: Parts
    key: str
    archives: Mapping[str, Path]

    def present(self, engine: Engine) -> NodeImage | None:
        return _present(reference_of(self.parts, self.key), substitute_images(self.archives), engine)


def _ours(release: Release, settings: Settings, progress: Progress) -> _OwnImage:
    parts = parts_of(release, settings)
    archives = ensure_archives(settings, progress)
    return _OwnImage(parts, content_key_of(parts, list(archives.values())), archives)


def _built(release: Release, engine: Engine, settings: Settings, progress: Progress) -> NodeImage:
    # The image's name takes the workload images. Where none was ever built, they are made beside other parts.
    if _built_before(release, engine) and (found := _ours(release, settings, progress).present(engine)):
        return found
    build_parts(parts_of(release, settings), settings, progress)
    ours = _ours(release, settings, progress)
    if (found := ours.present(engine)) is None:
        build_image(ours.parts, ours.key, ours.archives, engine, settings, progress)
        found = ours.present(engine)
    if found is None:
        raise StepFailed("The node image was built and is not in the engine any more; run again.")
    return found


def _built_before(release: Release, engine: Engine) -> bool:
    return bool(
        engine.docker(
            "image", "ls", "--quiet", "--filter", f"reference={PREFIX}/node:v{release.patch}-*"
        ).strip()
    )


def _present(reference: str, workloads: Mapping[str, str], engine: Engine) -> NodeImage | None:
    identity = _identity(reference, engine)
    return NodeImage(reference, identity, workloads) if identity else None


def _pulled(release: Release, engine: Engine, progress: Progress) -> NodeImage:
    reference, log, env = release.node_image, log_dir() / "pull.log", {**os.environ, **engine.env}
    try:
        with progress.step(_pull_title(release)):
            run_logged(
                f"Pulling {reference}", ["docker", "pull", reference], log, env=env, timeout=_PULL_SECONDS
            )
    except StepFailed as error:
        words = tail(log, 1).strip()
        raise UserError(
            f"{reference} cannot be pulled; check the network or use IMAGES=build (log: {log}, "
            f"which ends with: {words})."
        ) from error
    content_id = _identity(reference, engine)
    if content_id is None:
        raise StepFailed(f"{reference} was pulled and is not in the engine; use IMAGES=build.")
    return NodeImage(release.node_image, content_id, {})


def _identity(reference: str, engine: Engine) -> str | None:
    """The ID of an image, or None when the engine does not have it."""
    try:
        return engine.docker("image", "inspect", "--format", "{{.Id}}", reference).strip()
    except StepFailed as error:
        if "no such image" in str(error).lower():
            return None
        raise


def _registry_has(reference: str, engine: Engine) -> bool:
    """Whether a registry answers for an image, within REGISTRY_SECONDS."""
    try:
        output_of(
            ["docker", "manifest", "inspect", reference],
            env={**os.environ, **engine.env},
            timeout=REGISTRY_SECONDS,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return False
    return True
