"""Where files live: the clone, the cache shared by all clones of a user, and this clone's work files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
REPORTS = ROOT / "reports"
NODE_LOGS = REPORTS / "kind-logs"
"""Logs of the nodes of a kind cluster on which something was red, or which could not be made."""
MANIFESTS = ROOT / "manifests"
CLONE_LABEL = "io.headless-conformance.clone"


def cache_dir() -> Path:
    """The user's cache of this project; created on demand, may be deleted at any time."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    path = Path(base) / "headless-conformance"
    path.mkdir(parents=True, exist_ok=True)
    return path


def clone_id() -> str:
    """Eight hexadecimal digits that tell this clone from another one on the same machine."""
    return hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]


def work_dir() -> Path:
    """This clone's run state (kubeconfigs, logs, cluster state): outside the clone, so that no path has blanks."""
    path = cache_dir() / "clones" / clone_id()
    path.mkdir(parents=True, exist_ok=True)
    return path


def log_dir() -> Path:
    """Logs of build and set-up steps of this clone."""
    path = work_dir() / "logs"
    path.mkdir(parents=True, exist_ok=True)
    return path
