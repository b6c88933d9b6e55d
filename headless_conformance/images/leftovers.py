"""What earlier builds left: half-built images, and images and files that newer ones took the place of."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from pathlib import Path

from headless_conformance.core.errors import StepFailed
from headless_conformance.core.paths import cache_dir, clone_id
from headless_conformance.core.progress import Progress
from headless_conformance.core.versions import Versions
from headless_conformance.engine.engine import Engine
from headless_conformance.images.archive import PREFIX
from headless_conformance.images.node.build import BUILT_BY, remove_build_leftovers
from headless_conformance.toolchain.go import only_build_of

UNUSED_SECONDS = 24 * 3600.0
"""A file that was used since then may be needed by another clone, whose pins may be others."""


def remove_from_engine(engine: Engine, versions: Versions, progress: Progress) -> None:
    """Remove what a killed build of this clone left, and its node images but the newest of each row; never
    one in use."""
    with only_build_of("node-image", progress):
        remove_build_leftovers(engine)
        _remove_superseded_images(engine, {row.patch for row in versions.rows})
    _remove_superseded_kubectls(engine)


def _remove_superseded_images(engine: Engine, patches: set[str]) -> None:
    ours = ("--filter", f"label={BUILT_BY}={clone_id()}")
    named = ("--filter", f"reference={PREFIX}/node:*")
    superseded = engine.docker("image", "ls", "--quiet", "--filter", "dangling=true", *ours).split()
    missing = set(patches)
    # Docker lists the newest first.
    for name in engine.docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", *ours, *named).split():
        patch = name.partition(":v")[2].rpartition("-")[0]
        if patch in missing:
            missing.remove(patch)
        else:
            superseded.append(name)
    for name in superseded:
        with suppress(StepFailed):
            engine.docker("image", "rm", name)


def _remove_superseded_kubectls(engine: Engine) -> None:
    """Each is a copy out of a node image and goes with it."""
    there = {
        word.removeprefix("sha256:")[:16]
        for word in engine.docker("image", "ls", "--no-trunc", "--quiet").split()
    }
    for folder in (cache_dir() / "kubectl").glob("*"):
        if folder.name not in there:
            shutil.rmtree(folder, ignore_errors=True)


def remove_files() -> None:
    """Remove workload images and root file systems in the cache but the one of each kind that was used
    last."""
    for folder in ("workloads", "debian"):
        used: dict[str, list[tuple[float, Path]]] = {}
        for path in (cache_dir() / folder).glob("[!.]*-*.tar"):
            used.setdefault(_kind(path), []).append((path.stat().st_mtime, path))
        for kind in used.values():
            for last_used, path in sorted(kind)[:-1]:
                if last_used < time.time() - UNUSED_SECONDS:
                    path.unlink(missing_ok=True)


def _kind(path: Path) -> str:
    """`classic-nslookup` of classic-nslookup-1.35.0-c80bd1414984.tar, `client` of
    client-004fc20a1ed7-3bc6da.tar."""
    return path.name.rsplit("-", 2)[0]
