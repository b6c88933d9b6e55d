"""Building a node image: its parts into one image, then the control plane's images into its containerd."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from headless_conformance.core.errors import StepFailed
from headless_conformance.core.parallel import in_parallel
from headless_conformance.core.paths import cache_dir, clone_id, log_dir
from headless_conformance.core.plan import Step
from headless_conformance.core.process import output_of, run_logged
from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import Settings
from headless_conformance.engine.engine import Engine
from headless_conformance.host import packages as host
from headless_conformance.images.archive import PATH_VARIABLE, PREFIX, ImageConfig, write_archive, write_layer
from headless_conformance.images.node.parts import FILES, Parts, control_plane, node_entries, write_images
from headless_conformance.images.workloads import ensure_archives
from headless_conformance.toolchain.debian.build import rootfs
from headless_conformance.toolchain.go import Source, ensure_built, only_build_of, planned_build
from headless_conformance.toolchain.go_build_cache import shared_build_cache

IMPORT_SECONDS = 600.0
BUILT_BY = "io.headless-conformance.built-by"
"""Label of a built image: the clone that built it.

Containers inherit it, so it says nothing about whose a container is.
"""


def reference_of(parts: Parts, key: str) -> str:
    """The name of a built image."""
    return f"{PREFIX}/node:v{parts.release.patch}-{key}"


FILE_SYSTEMS = "Debian packages, file systems and busybox"
IMAGE_STEPS = tuple(
    Step(title) for title in ("root file system of the node", "images of the control plane", "node image")
)
"""What comes after the parts."""


def planned_image(parts: Parts) -> list[Step]:
    """The steps of `build_parts` and `build_image`. Raises UserError where there is no Go."""

    def in_lane(lane: str, sources: Iterable[Source]) -> list[Step]:
        return [step for source in sources for step in planned_build(source, lane=lane)]

    return [
        *in_lane("kubernetes", parts.kubernetes_and_its_clients),
        *(Step(FILE_SYSTEMS, "rest"), *in_lane("rest", parts.others)),
        *IMAGE_STEPS,
    ]


def build_image(
    parts: Parts,
    key: str,
    workloads: Mapping[str, Path],
    engine: Engine,
    settings: Settings,
    progress: Progress,
) -> str:
    """Put the node image together and return its name, once `build_parts` has made what goes into it.

    Raises UserError or StepFailed.
    """
    _require_agreement(parts, progress)
    with only_build_of("node-image", progress), _scratch() as folder:
        rootfs_step, images_step, node_step = IMAGE_STEPS
        with progress.step(rootfs_step.title):
            packages = rootfs("node", settings, progress)
            write_layer(folder / "node.layer", node_entries(parts, progress))
        with progress.step(images_step.title):
            mounted = folder / "mounted"
            mounted.mkdir()
            shutil.copy(FILES / "finish.sh", mounted)
            (mounted / "finish.sh").chmod(0o755)
            for number, archive in enumerate(
                [*write_images(parts, folder, settings, progress), *workloads.values()]
            ):
                (mounted / f"{number:02}.tar").hardlink_to(archive)
        with progress.step(node_step.title):
            return _commit(parts, key, [packages, folder / "node.layer"], mounted, engine)


def build_parts(parts: Parts, settings: Settings, progress: Progress) -> None:
    """Make all that the image is made of and that takes long, unless it is in the cache.

    One thread compiles Kubernetes and what takes packages from it. Another one makes the file systems first,
    which wait for the network and for single processes, and then the other programs: by then Kubernetes has
    compiled the standard library for them, and its linker leaves processors idle. Raises UserError (disk, Go,
    Debian packages, a platform that is not linux/amd64) or StepFailed.
    """
    host.require_linux_amd64()
    host.require_free_disk()

    def of_kubernetes() -> None:
        for source in parts.kubernetes_and_its_clients:
            ensure_built(source, progress)

    def of_the_rest() -> None:
        with progress.step(FILE_SYSTEMS):
            ensure_archives(settings, progress)
            rootfs("node", settings, progress)
        for source in parts.others:
            ensure_built(source, progress)

    with shared_build_cache():
        in_parallel([of_kubernetes, of_the_rest])


def _require_agreement(parts: Parts, progress: Progress) -> None:
    """StepFailed when kubeadm asks for other images than the table's row has: no cluster would start, or with
    another DNS."""
    kubeadm = ensure_built(parts.kubernetes, progress) / "kubeadm"
    asked = output_of([kubeadm, "config", "images", "list", f"--kubernetes-version=v{parts.release.patch}"])
    missing = set(asked.split()) ^ set(control_plane(parts.release).values())
    if missing:
        names = ", ".join(sorted(missing))
        raise StepFailed(
            f"kubeadm {parts.release.patch} and the row of versions.yaml do not agree on {names}; "
            "correct the row."
        )


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
    base, reference = f"{PREFIX}/node-base:{key}", reference_of(parts, key)
    log, env = log_dir() / f"node-image-{parts.release.patch}.log", {**os.environ, **engine.env}
    archive = layers[-1].with_name("node.tar")
    remove_build_leftovers(engine)
    start = ("/usr/local/bin/entrypoint", "/sbin/init")
    write_archive(
        archive, [base], layers, ImageConfig(entrypoint=start, env=(PATH_VARIABLE, ("container", "docker")))
    )
    run_logged(
        "Loading the node's file system",
        ["docker", "load", "--input", archive],
        log,
        env=env,
        timeout=IMPORT_SECONDS,
    )
    archive.unlink()
    try:
        command = [
            *(
                "docker",
                "run",
                "--name",
                _build_container(),
                "--network=none",
                "--security-opt=seccomp=unconfined",
            ),
            *(
                "--mount",
                f"type=bind,source={mounted},target=/mnt,readonly",
                "--entrypoint=/mnt/finish.sh",
                base,
            ),
        ]
        run_logged("Importing images into the node image", command, log, env=env, timeout=IMPORT_SECONDS)
        changes = (
            # systemd ends on this signal; on SIGTERM it would start itself again.
            "STOPSIGNAL SIGRTMIN+3",
            f'ENTRYPOINT ["{start[0]}", "{start[1]}"]',
            f"LABEL {BUILT_BY}={clone_id()}",
        )
        words = [word for change in changes for word in ("--change", change)]
        engine.docker("commit", *words, _build_container(), reference, timeout=IMPORT_SECONDS)
    finally:
        remove_build_leftovers(engine)
    _remove_superseded(parts, reference, engine)
    return reference


def _build_container() -> str:
    return f"{PREFIX}-node-build-{clone_id()}"


def remove_build_leftovers(engine: Engine) -> None:
    """Remove this clone's build container and the loaded file systems: a finished image keeps what it needs
    of them."""
    for container in engine.docker(
        "ps", "--all", "--quiet", "--filter", f"name=^{_build_container()}$"
    ).split():
        engine.docker("rm", "--force", "--volumes", container)
    for base in _names(engine, f"{PREFIX}/node-base"):
        engine.docker("image", "rm", "--force", base)


def _remove_superseded(parts: Parts, reference: str, engine: Engine) -> None:
    """Remove earlier images that this clone built of the release (1.3 GB each), except those that a cluster
    uses."""
    for name in _names(
        engine, f"{PREFIX}/node:v{parts.release.patch}-*", "--filter", f"label={BUILT_BY}={clone_id()}"
    ):
        if name != reference:
            with suppress(StepFailed):
                engine.docker("image", "rm", name)


def _names(engine: Engine, pattern: str, *filters: str) -> list[str]:
    form = "{{.Repository}}:{{.Tag}}"
    return engine.docker(
        "image", "ls", "--format", form, "--filter", f"reference={pattern}", *filters
    ).split()
