"""What GitHub Actions says of itself."""

from __future__ import annotations

import os
from typing import NamedTuple


class WorkflowRun(NamedTuple):
    """A run of a workflow on GitHub."""

    id: str
    page: str
    """Its address."""
    sources: str
    """The address of the top of the repository, as it is at the commit of the run."""


def workflow_run() -> WorkflowRun | None:
    """The run of a workflow that this process belongs to; None where it belongs to none."""
    env = os.environ
    if env.get("GITHUB_ACTIONS") != "true":
        return None
    repository, number = f"{env['GITHUB_SERVER_URL']}/{env['GITHUB_REPOSITORY']}", env["GITHUB_RUN_ID"]
    return WorkflowRun(
        number, f"{repository}/actions/runs/{number}", f"{repository}/blob/{env['GITHUB_SHA']}"
    )
