"""What the GitHub Actions workflow needs of us, and its lint by actionlint and zizmor."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from headless_conformance.core.paths import ROOT
from headless_conformance.core.progress import Progress
from headless_conformance.core.versions import Versions, read_versions
from headless_conformance.toolchain.go import go_program

WORKFLOWS = ROOT / ".github" / "workflows"
THOROUGH = ("schedule", "workflow_dispatch")
"""Events for which every version runs, and k3d beside kind."""


def job_matrix(versions: Versions, event: str) -> dict[str, list[dict[str, str]]]:
    """The job matrix: every row and k3d for a thorough event, else the newest and the oldest row."""
    thorough = event in THOROUGH
    rows = (
        list(reversed(versions.rows))
        if thorough
        else list(dict.fromkeys((versions.newest, versions.rows[0])))
    )
    jobs = [{"k8s": row.minor, "provider": "kind"} for row in rows]
    if thorough:
        jobs.append({"k8s": versions.newest.minor, "provider": "k3d"})
    return {"include": jobs}


def lint_workflows(folder: Path = WORKFLOWS) -> int:
    """Run both linters on the workflow files, without a network once they are there; 1 when one of them finds
    something."""
    files = sorted(folder.glob("*.yml"))
    actionlint = go_program(
        "actionlint", read_versions().components["actionlint"], "actionlint", Progress(total=1)
    )
    zizmor = Path(sys.executable).parent / "zizmor"
    # No shellcheck or pyflakes: whether the machine has them must not change the outcome.
    commands: list[list[str | Path]] = [
        [actionlint, "-no-color", "-shellcheck=", "-pyflakes=", *files],
        [zizmor, "--offline", "--no-progress", "--persona=pedantic", *files],
    ]
    statuses = [subprocess.run(command, cwd=ROOT, check=False).returncode for command in commands]
    return int(any(statuses))
