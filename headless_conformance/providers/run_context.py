"""The run that a process belongs to, by its environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headless_conformance.core.run_identity import RUN_VARIABLE, new_run
from headless_conformance.providers.interface import TOOLS_VARIABLE, RunContext
from headless_conformance.providers.registry import first_provider, provider_named, settings_of_run


def tools_handed_on(env: Mapping[str, str]) -> Path | None:
    """The file with what the process that started this one made ready; None when there is none."""
    return Path(env[TOOLS_VARIABLE]) if env.get(TOOLS_VARIABLE) else None


def context_of_environment(env: Mapping[str, str]) -> RunContext[Any]:
    """The run that this process belongs to, or a new one. Raises UserError as `settings_of_run`."""
    settings = settings_of_run(env)
    return RunContext(
        settings=settings,
        provider=provider_named(settings.provider) if settings.provider else first_provider(),
        run=env.get(RUN_VARIABLE) or new_run(),
        handed_on=tools_handed_on(env),
    )
