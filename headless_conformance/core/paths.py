"""Where files live: the suites and what belongs to them, the reports, the user's cache, and the work
files."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
PROGRAM_NAME = "headless-conformance"
CONFIGURATION = "tox.ini"
"""pytest's configuration, at the top of the tree of suites."""


def tree_of(package: Path) -> Path:
    """The folder that has suites, fixtures, manifests, conftest.py and CONFIGURATION: the clone that the
    package is in, else the data of the installed package."""
    clone = package.parent
    return clone if (clone / CONFIGURATION).exists() else package / "data"


def reports_of(package: Path, working: Path) -> Path:
    """Where reports go: into the clone, else below the folder `working` that the person is in."""
    tree = tree_of(package)
    return (working if tree.is_relative_to(package) else tree) / "reports"


ROOT = tree_of(PACKAGE)
IN_CLONE = not ROOT.is_relative_to(PACKAGE)
"""Whether the package is used in a clone, where `make` and what belongs to the project alone are at hand."""
REPORTS = reports_of(PACKAGE, Path.cwd())
NODE_LOGS = REPORTS / "kind-logs"
"""Logs of the nodes of a kind cluster on which something failed, or which could not be made."""
SUITES = ROOT / "suites"
MANIFESTS = ROOT / "manifests"
CLONE_LABEL = "io.headless-conformance.clone"


def command_line(words: str) -> str:
    """What a person types for a command such as `clean` or `e2e PROVIDER=kind`."""
    return f"{'make' if IN_CLONE else PROGRAM_NAME} {words}"


def pytest_command(*arguments: str) -> Sequence[str]:
    """pytest on the tree of suites, in whatever folder it is started; the environment must have ROOT in
    PYTHONPATH."""
    return [sys.executable, "-m", "pytest", f"--rootdir={ROOT}", "-c", str(ROOT / CONFIGURATION), *arguments]


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
    """This clone's run state (kubeconfigs, logs, cluster state): outside the clone, so that no path has
    blanks."""
    path = cache_dir() / "clones" / clone_id()
    path.mkdir(parents=True, exist_ok=True)
    return path


def log_dir() -> Path:
    """Logs of build and set-up steps of this clone."""
    path = work_dir() / "logs"
    path.mkdir(parents=True, exist_ok=True)
    return path
