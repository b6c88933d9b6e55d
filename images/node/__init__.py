"""The node image that kind starts: the published one by digest, or one of ours, built from packages."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from conformance.engine import Engine
from conformance.errors import StepFailed, UserError
from conformance.paths import log_dir
from conformance.process import output_of, run_logged
from conformance.progress import Progress
from conformance.settings import Images, Settings
from conformance.versions import Release
from images.node.build import build_image, reference_of
from images.node.parts import content_key_of, parts_of
from images.workloads import ensure_archives, substitutes

REGISTRY_SECONDS = 10.0
"""How long a registry may take to say whether it has an image before `auto` builds instead."""
PULL_SECONDS = 1800.0


@dataclass(frozen=True)
class NodeImage:
    """An image that the engine has. `workloads` maps the manifests' image names to what the image carries for them."""

    reference: str
    content_id: str
    workloads: Mapping[str, str]


def ensure_node_image(release: Release, engine: Engine, settings: Settings, progress: Progress) -> NodeImage:
    """The release's node image in the engine: the one that is there, else pulled, else built, as IMAGES allows.

    Raises UserError when it can be neither pulled nor built, or when IMAGES=pull and no registry has it.
    """
    if settings.images is not Images.BUILD:
        published = _published(release, engine, settings, progress)
        if published is not None:
            return published
    parts = parts_of(release, settings)
    workloads = ensure_archives(settings, progress)
    key = content_key_of(parts, list(workloads.values()))
    reference = reference_of(parts, key)
    identity = _identity(reference, engine)
    if identity is None:
        build_image(parts, key, workloads, engine, settings, progress)
        identity = engine.docker("image", "inspect", "--format", "{{.Id}}", reference).strip()
    return NodeImage(reference, identity, substitutes(workloads))


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
        output_of(["docker", "manifest", "inspect", reference], env={**os.environ, **engine.env}, timeout=REGISTRY_SECONDS)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return False
    return True


def _published(release: Release, engine: Engine, settings: Settings, progress: Progress) -> NodeImage | None:
    """The published image, pulled if need be; None when `auto` shall build."""
    reference = release.node_image
    identity = _identity(reference, engine)
    if identity is None:
        if settings.images is Images.AUTO and not _registry_has(reference, engine):
            progress.say(f"{reference} is out of reach: building the node image from packages")
            return None
        try:
            log = log_dir() / "pull.log"
            env = {**os.environ, **engine.env}
            run_logged(f"Pulling {reference}", ["docker", "pull", reference], log, env=env, timeout=PULL_SECONDS)
        except StepFailed as error:
            if settings.images is Images.PULL:
                raise UserError(f"{reference} cannot be pulled; check the network or use IMAGES=build. {error}") from error
            progress.say(f"{reference} cannot be pulled: building the node image from packages")
            return None
        identity = _identity(reference, engine)
        if identity is None:
            raise StepFailed(f"{reference} was pulled and is not in the engine; run again, or use IMAGES=build.")
    return NodeImage(reference, identity, {})
