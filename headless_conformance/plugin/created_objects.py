"""Deletes what a run created on a cluster that stays."""

from __future__ import annotations

import shutil

import pytest

from headless_conformance.cluster.shared import folder_of_run, remove_created
from headless_conformance.plugin.session import run_context


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In a cluster that stays, delete what the run created and has not deleted yet."""
    if hasattr(session.config, "workerinput"):
        return
    context = run_context(session.config)
    folder = folder_of_run(context.run)
    if context.provider.outlives(context):
        for part in sorted(folder.glob("*/")):
            remove_created(part)
    shutil.rmtree(folder, ignore_errors=True)
