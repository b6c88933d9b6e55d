"""What the GitHub Actions workflow needs of us, and its lint.

`python -m headless_conformance.run.workflow matrix` prints the versions for the event in GITHUB_EVENT_NAME, as a line of a step's output;
`python -m headless_conformance.run.workflow lint` checks the workflow files with actionlint and zizmor, without a network once they are there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from headless_conformance.core.errors import UserError, in_one_sentence
from headless_conformance.core.paths import ROOT
from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import Provider
from headless_conformance.core.versions import Versions, load
from headless_conformance.toolchain.go import binary

WORKFLOWS = ROOT / ".github" / "workflows"
THOROUGH = ("schedule", "workflow_dispatch")
"""Events for which every version runs, and k3d beside kind."""


def matrix(versions: Versions, event: str) -> dict[str, list[dict[str, str]]]:
    """The job matrix: every row and k3d for a thorough event, else the newest and the oldest row."""
    thorough = event in THOROUGH
    rows = list(reversed(versions.rows)) if thorough else list(dict.fromkeys((versions.newest, versions.rows[0])))
    jobs = [{"k8s": row.minor, "provider": Provider.KIND.value} for row in rows]
    if thorough:
        jobs.append({"k8s": versions.newest.minor, "provider": Provider.K3D.value})
    return {"include": jobs}


def lint(folder: Path = WORKFLOWS) -> int:
    """Run both linters on the workflow files; 1 when one of them finds something."""
    files = sorted(folder.glob("*.yml"))
    actionlint = binary("actionlint", load().components["actionlint"], "actionlint", Progress(total=1))
    zizmor = Path(sys.executable).parent / "zizmor"
    # No shellcheck or pyflakes: whether the machine has them must not change the outcome.
    commands: list[list[str | Path]] = [
        [actionlint, "-no-color", "-shellcheck=", "-pyflakes=", *files],
        [zizmor, "--offline", "--no-progress", "--persona=pedantic", *files],
    ]
    statuses = [subprocess.run(command, cwd=ROOT, check=False).returncode for command in commands]
    return int(any(statuses))


@in_one_sentence
def main(words: Sequence[str]) -> int:
    """`matrix` or `lint`. UserError when it is neither or a linter cannot be had."""
    if list(words) == ["matrix"]:
        print(f"matrix={json.dumps(matrix(load(), os.environ.get('GITHUB_EVENT_NAME', '')))}")
        return 0
    if list(words) == ["lint"]:
        return lint()
    raise UserError("Use `python -m headless_conformance.run.workflow` with matrix or lint.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
