"""Removing what this clone made: its clusters, its work files, and the private engine when no clone needs it any more."""

from __future__ import annotations

import os
import shutil
import subprocess

from conformance.engine import find_engine, find_or_revive
from conformance.errors import UserError
from conformance.paths import REPORTS, cache_dir, work_dir
from conformance.progress import Progress
from conformance.settings import Settings
from fixtures.providers.k3d import CLUSTER_LABEL as K3D_LABEL
from fixtures.providers.k3d import delete_k3d_cluster, own_k3d_clusters
from fixtures.providers.kind import CLUSTER_LABEL, delete_cluster, own_clusters


def clean(settings: Settings) -> None:
    """Delete this clone's clusters and work files; stop the private engine when no container of any clone is left on it."""
    from conformance.k3d import k3d_binary
    from conformance.prepare import kind_binary

    engine = find_or_revive(settings, Progress(total=1))
    clusters = own_clusters(engine) if engine else []
    progress = Progress(total=len(clusters) + 2)
    if engine is not None:
        if clusters:
            kind = kind_binary(settings, progress)
            for name in clusters:
                with progress.step(f"delete cluster {name}"):
                    delete_cluster(engine, kind, name)
        if others := own_k3d_clusters(engine):
            k3d = k3d_binary(settings, progress)
            for name in others:
                with progress.step(f"delete cluster {name}"):
                    delete_k3d_cluster(k3d, {**os.environ, **engine.env}, name)
        if not engine.private:
            progress.skip("container engine", "not ours, left as it is")
        elif any(engine.docker("ps", "-aq", "--filter", f"label={label}").split() for label in (CLUSTER_LABEL, K3D_LABEL)):
            progress.skip("container engine", "another clone has a cluster on it, left running")
        else:
            with progress.step("stop the private container engine"):
                engine.stop()
    with progress.step("work files and reports"):
        shutil.rmtree(work_dir(), ignore_errors=True)
        shutil.rmtree(REPORTS, ignore_errors=True)


def distclean(settings: Settings) -> None:
    """`clean`, then the cache of all clones; UserError while the private engine still runs for another clone."""
    clean(settings)
    engine = find_engine()
    if engine is not None and engine.private:
        raise UserError("The private container engine still serves another clone; run `make clean` there first.")
    cache = cache_dir()
    subprocess.run(["chmod", "-R", "u+w", str(cache)], check=False)
    shutil.rmtree(cache)
