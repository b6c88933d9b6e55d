"""Removing what this clone made: its clusters, its work files, and the private engine when no clone needs it
any more."""

from __future__ import annotations

import shutil
import subprocess

from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import REPORTS, cache_dir, work_dir
from headless_conformance.core.progress import Progress
from headless_conformance.core.run_identity import only_run_of_clone
from headless_conformance.core.settings import Settings
from headless_conformance.engine import private
from headless_conformance.engine.engine import find_or_revive
from headless_conformance.images import leftovers
from headless_conformance.providers.registry import all_providers


def clean(settings: Settings) -> None:
    """Delete this clone's clusters and work files, and builds that newer ones took the place of.

    Stops the private engine when nobody else uses it, and names who does. UserError while a run of this clone
    goes on.
    """
    with only_run_of_clone():
        engine = find_or_revive(settings, Progress(total=1))
        clusters = (
            [(one, name) for one in all_providers() for name in one.clusters_of_clone(engine)]
            if engine
            else []
        )
        progress = Progress(total=len(clusters) + 3)
        if engine is not None:
            for provider, name in clusters:
                provider.delete_cluster(engine, name, progress)
            with progress.step("what earlier builds left"):
                leftovers.remove_from_engine(engine, settings.versions, progress)
            if engine.private:
                with progress.step("stop the private container engine"):
                    users = private.stop_if_unused()
                if users:
                    progress.say(f"    left running: it is used by {users}")
            else:
                progress.skip("container engine", "not ours, left as it is")
        with progress.step("work files and reports"):
            leftovers.remove_files()
            shutil.rmtree(work_dir(), ignore_errors=True)
            shutil.rmtree(REPORTS, ignore_errors=True)


def distclean(settings: Settings) -> None:
    """`clean`, then the cache of all clones; UserError while the private engine still runs for others."""
    clean(settings)
    if private.processes():
        raise UserError(
            "The private container engine still serves others, and all of them need the cache; "
            "run `make clean` there first."
        )
    cache = cache_dir()
    subprocess.run(["chmod", "-R", "u+w", str(cache)], check=False)
    shutil.rmtree(cache)
