"""Building a node image: its parts into one image, then the control plane's images into its containerd."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from conformance import host
from conformance.engine import Engine
from conformance.paths import CLONE_LABEL, cache_dir, clone_id, log_dir
from conformance.process import run_logged
from conformance.progress import Progress
from conformance.settings import Settings
from images.archive import Config, write_archive, write_layer
from images.debian.build import rootfs
from images.gobuild import alone, build, folder_built
from images.node.parts import FILES, PATH_VARIABLE, PREFIX, Parts, node_entries, write_images

IMPORT_SECONDS = 600.0


def reference_of(parts: Parts, key: str) -> str:
    """The name of a built image."""
    return f"{PREFIX}/node:v{parts.release.patch}-{key}"


def build_image(
    parts: Parts, key: str, workloads: Mapping[str, Path], engine: Engine, settings: Settings, progress: Progress
) -> str:
    """Build the node image and return its name. What is in the cache is not built again.

    Raises UserError (disk, Go, Debian packages, a platform that is not linux/amd64) or StepFailed.
    """
    host.require_linux_amd64()
    host.require_free_disk()
    missing = [source for source in parts.sources if not folder_built(source).exists()]
    progress.expect(len(missing) + 3)
    for source in missing:
        build(source, progress)
    with alone("node-image", progress), _scratch() as folder:
        with progress.step("root file system of the node"):
            packages = rootfs("node", settings, progress)
            write_layer(folder / "node.layer", node_entries(parts, progress))
        with progress.step("images of the control plane"):
            mounted = folder / "mounted"
            mounted.mkdir()
            shutil.copy(FILES / "finish.sh", mounted)
            (mounted / "finish.sh").chmod(0o755)
            for number, archive in enumerate([*write_images(parts, folder, settings, progress), *workloads.values()]):
                (mounted / f"{number:02}.tar").hardlink_to(archive)
        with progress.step(f"node image for Kubernetes {parts.release.patch}"):
            return _commit(parts, key, [packages, folder / "node.layer"], mounted, engine)


@contextmanager
def _scratch() -> Iterator[Path]:
    """An empty folder; one name for all, so that what a killed run left goes with the next build."""
    folder = cache_dir() / "node-build"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _commit(parts: Parts, key: str, layers: list[Path], mounted: Path, engine: Engine) -> str:
    """Load the node's file system into the engine, run finish.sh in it, keep the result."""
    base, container, reference = f"{PREFIX}/node-base:{key}", f"{PREFIX}-node-{key}", reference_of(parts, key)
    log, env = log_dir() / f"node-image-{parts.release.patch}.log", {**os.environ, **engine.env}
    archive = layers[-1].with_name("node.tar")
    _forget_bases(engine)
    start = ("/usr/local/bin/entrypoint", "/sbin/init")
    write_archive(archive, [base], layers, Config(entrypoint=start, env=(PATH_VARIABLE, ("container", "docker"))))
    run_logged("Loading the node's file system", ["docker", "load", "--input", archive], log, env=env, timeout=IMPORT_SECONDS)
    archive.unlink()
    try:
        _remove(container, engine)
        command = [
            *("docker", "run", "--name", container, "--label", f"{CLONE_LABEL}={clone_id()}", "--network=none"),
            *("--security-opt=seccomp=unconfined", "--mount", f"type=bind,source={mounted},target=/mnt,readonly"),
            *("--entrypoint=/mnt/finish.sh", base),
        ]
        run_logged("Importing images into the node image", command, log, env=env, timeout=IMPORT_SECONDS)
        # systemd ends on this signal; on SIGTERM it would start itself again.
        changes = ("STOPSIGNAL SIGRTMIN+3", f'ENTRYPOINT ["{start[0]}", "{start[1]}"]')
        words = [word for change in changes for word in ("--change", change)]
        engine.docker("commit", *words, container, reference, timeout=IMPORT_SECONDS)
    finally:
        _remove(container, engine)
        _forget_bases(engine)
    return reference


def _forget_bases(engine: Engine) -> None:
    """Remove the names of loaded file systems: the image keeps what it needs of them, and a killed run leaves the rest."""
    names = engine.docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", f"{PREFIX}/node-base").split()
    if names:
        engine.docker("image", "rm", "--force", *names)


def _remove(container: str, engine: Engine) -> None:
    """Remove a build container of ours, also one that a killed run left."""
    found = engine.docker("ps", "--all", "--quiet", "--filter", f"name=^{container}$", "--filter", f"label={CLONE_LABEL}")
    for identity in found.split():
        engine.docker("rm", "--force", "--volumes", identity)
