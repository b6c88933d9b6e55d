"""What is there, what is missing, and what a run would use."""

from __future__ import annotations

import shutil
import subprocess
import sys

from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import cache_dir
from headless_conformance.core.process import output_of
from headless_conformance.core.settings import Settings
from headless_conformance.engine.engine import find_engine, why_no_engine
from headless_conformance.host.packages import BUILD_PACKAGES, free_gib, missing_packages
from headless_conformance.run.runner import chosen_provider


def _said(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return "missing"
    try:
        return output_of(command, timeout=20).strip().splitlines()[0]
    except (subprocess.SubprocessError, OSError, IndexError):
        return "there, but does not answer"


def doctor_table(settings: Settings) -> list[tuple[str, str, str]]:
    """Rows of (what, what is there, what a run would do)."""
    engine = find_engine()
    provider = settings.provider
    try:
        reason = why_no_engine()
        chosen, why = chosen_provider(settings)
        provider, sentence = chosen.name, " ".join(filter(None, (why, f"{chosen.description}")))
    except UserError as error:
        reason = sentence = str(error)
    if engine is not None:
        there, use = ("private engine, running" if engine.private else "Docker answers"), "used"
    else:
        there, use = "none answers", reason or "a private engine is started on demand"
    missing = missing_packages(BUILD_PACKAGES)
    return [
        ("Python", sys.version.split()[0], "used"),
        (
            "Go",
            _said("go", "version"),
            "builds kind, the simulated cluster's programs, and images that cannot be pulled",
        ),
        ("container engine", there, use),
        (
            "host packages",
            f"missing: {', '.join(missing)}" if missing else "all there",
            "installed with apt-get when root on Debian",
        ),
        ("Node.js", _said("node", "--version"), "only for `make report`"),
        ("free disk", f"{free_gib():.0f} GiB at the cache", "15 GiB are needed for a build"),
        ("cache", str(cache_dir()), "may be deleted with `make distclean`"),
        (
            "Kubernetes",
            settings.release.patch,
            f"CoreDNS {settings.release.coredns}, etcd {settings.release.etcd}",
        ),
        ("provider", provider or "none", sentence),
    ]
