"""`headless-conformance` without a command: what it can do on the cluster of the current context."""

from __future__ import annotations

import os

import typer


def without_command(context: typer.Context) -> int:
    """Print what can be done, and what would be touched; nothing is written anywhere."""
    if context.invoked_subcommand is not None:
        return 0
    from headless_conformance.core.paths import PROGRAM_NAME
    from headless_conformance.core.run_identity import new_run
    from headless_conformance.core.settings import from_env
    from headless_conformance.providers.existing.connection import connect
    from headless_conformance.providers.existing.overview import overview

    print(f"{PROGRAM_NAME} verifies what documents promise about headless Services, StatefulSets and DNS.")
    print(f"`{PROGRAM_NAME} --help` shows all commands.", flush=True)
    settings = from_env({**os.environ, "K8S": ""})
    connection = connect(settings, new_run())
    try:
        print("\n".join(overview(settings, connection)))
    finally:
        connection.remove()
    return 0
