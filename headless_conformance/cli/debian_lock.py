"""`headless-conformance debian-lock`: lock files of Debian packages."""

from __future__ import annotations

from typing import Annotated

import typer


def debian_lock(
    sets: Annotated[list[str], typer.Argument(help="names of package sets", metavar="SET ...")],
) -> int:
    """Write the lock files of these sets and print what changed."""
    from headless_conformance.toolchain.debian.apt import resolve
    from headless_conformance.toolchain.debian.fetch import changes_between
    from headless_conformance.toolchain.debian.sets import lock_file, package_set, read_lock, write_lock

    for name in sets:
        before = read_lock(name) if lock_file(name).exists() else ()
        pins = resolve(package_set(name))
        write_lock(name, pins)
        print(
            "\n".join(
                [f"{name}: {len(pins)} files", *(f"  {line}" for line in changes_between(before, pins))]
            )
        )
    return 0
