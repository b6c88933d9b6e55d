"""Removing what this clone made: its clusters, its work files, and the private engine when no clone needs it
any more."""

from __future__ import annotations

import shutil
import subprocess

from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import REPORTS, cache_dir, work_dir
from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import Settings
from headless_conformance.engine.engine import find_engine, find_or_revive
from headless_conformance.images import leftovers
from headless_conformance.providers.registry import all_providers


def clean(settings: Settings) -> None:
    """Delete this clone's clusters and work files, and builds that newer ones took the place of.

    Stops the private engine when no container of any clone is left on it.
    """
    engine = find_or_revive(settings, Progress(total=1))
    providers = all_providers()
    clusters = [(one, name) for one in providers for name in one.clusters_of_clone(engine)] if engine else []
    progress = Progress(total=len(clusters) + 3)
    if engine is not None:
        for provider, name in clusters:
            provider.delete_cluster(settings, engine, name, progress)
        with progress.step("what earlier builds left"):
            leftovers.remove_from_engine(engine, settings.versions, progress)
        labels = [label for provider in providers for label in provider.engine_labels]
        if not engine.private:
            progress.skip("container engine", "not ours, left as it is")
        elif any(engine.docker("ps", "-aq", "--filter", f"label={label}").split() for label in labels):
            progress.skip("container engine", "another clone has a cluster on it, left running")
        else:
            with progress.step("stop the private container engine"):
                engine.stop()
    with progress.step("work files and reports"):
        leftovers.remove_files()
        shutil.rmtree(work_dir(), ignore_errors=True)
        shutil.rmtree(REPORTS, ignore_errors=True)


def distclean(settings: Settings) -> None:
    """`clean`, then the cache of all clones; UserError while the private engine still runs for another
    clone."""
    clean(settings)
    engine = find_engine()
    if engine is not None and engine.private:
        raise UserError(
            "The private container engine still serves another clone; run `make clean` there first."
        )
    cache = cache_dir()
    subprocess.run(["chmod", "-R", "u+w", str(cache)], check=False)
    shutil.rmtree(cache)
