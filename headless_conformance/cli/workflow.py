"""`headless-conformance workflow`: what the GitHub Actions workflow needs."""

from __future__ import annotations

import json
import os
from enum import StrEnum
from typing import Annotated

import typer


class Task(StrEnum):
    """What is to be done about the workflow."""

    LINT = "lint"
    MATRIX = "matrix"


def workflow(
    task: Annotated[Task, typer.Argument(help="lint its files, or print the versions for GITHUB_EVENT_NAME")],
) -> int:
    """`lint` ends with 1 when a linter finds something; `matrix` prints a line for a step's output."""
    from headless_conformance.core.versions import read_versions
    from headless_conformance.run.workflow import job_matrix, lint_workflows

    if task is Task.LINT:
        return lint_workflows()
    print(f"matrix={json.dumps(job_matrix(read_versions(), os.environ.get('GITHUB_EVENT_NAME', '')))}")
    return 0
