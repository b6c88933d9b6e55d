"""Deletes what a run created on a cluster that stays."""

from __future__ import annotations

import os
import shutil

import pytest

from headless_conformance.cluster.shared import folder_of_run, remove_created
from headless_conformance.core.run_identity import RUN_VARIABLE
from headless_conformance.core.settings import Provider, from_env


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In a cluster that stays, delete what the run created and has not deleted yet."""
    if hasattr(session.config, "workerinput"):
        return
    folder = folder_of_run(os.environ[RUN_VARIABLE])
    settings = from_env(os.environ)
    if settings.provider is Provider.EXISTING or (settings.keep and settings.provider is not Provider.SIMULATED):
        for part in sorted(folder.glob("*/")):
            remove_created(part)
    shutil.rmtree(folder, ignore_errors=True)
