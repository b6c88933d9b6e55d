"""Programs of an image that is being built, run on this machine with the libraries of the image."""

from __future__ import annotations

import tarfile
from pathlib import Path

LIBRARIES = "usr/lib/x86_64-linux-gnu"


def unpack(packages: Path, tree: Path) -> None:
    """Unpack the tar of a root file system into a folder; files belong to whoever calls."""
    with tarfile.open(packages) as tar:
        tar.extractall(tree, filter="tar")


def program_of(tree: Path, program: str) -> list[str | Path]:
    """The words that begin a command of a program (`usr/bin/python3.11`) of an unpacked root file system."""
    libraries = tree / LIBRARIES
    return [libraries / "ld-linux-x86-64.so.2", "--library-path", libraries, tree / program]
