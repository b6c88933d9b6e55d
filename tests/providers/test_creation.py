"""The program that creates a cluster is ended with all that it still asks an engine for; nobody else's is."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from headless_conformance.providers.creation import end_creation


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of one cluster, and a program `kind` that asks by a `docker` which takes two seconds."""
    made = tmp_path / "hc-cluster.files"
    made.mkdir()
    program = tmp_path / "kind"
    asking = f"exec -a {tmp_path}/docker bash -c 'sleep 2; touch {made}/created'"
    program.write_text(f"#!/bin/bash\n({asking}) & wait; sleep 60\n")
    program.chmod(0o755)
    return made


def create(folder: Path, config: Path) -> subprocess.Popen[bytes]:
    """As pytest-kubernetes starts it."""
    child = subprocess.Popen(f"{folder.parent}/kind create cluster --config {config}; true", shell=True)
    end = time.monotonic() + 5
    while not _clients(folder):
        assert time.monotonic() < end
        time.sleep(0.02)
    return child


def _clients(folder: Path) -> list[str]:
    return subprocess.run(
        ["pgrep", "-f", f"{folder.parent}/docker"], capture_output=True, text=True, check=False
    ).stdout.split()


@pytest.fixture
def creating(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    child = create(folder, folder / "config.yaml")
    yield child
    child.kill()
    child.wait()


def test_it_is_ended_and_its_last_request_is_waited_for(
    folder: Path, creating: subprocess.Popen[bytes]
) -> None:
    assert end_creation("kind", folder)
    assert (folder / "created").exists()
    creating.wait(timeout=5)
    assert not end_creation("kind", folder)


def test_the_creation_of_another_cluster_goes_on(folder: Path, creating: subprocess.Popen[bytes]) -> None:
    assert not end_creation("kind", folder.with_name("hc-other.files"))
    assert creating.poll() is None
    assert not end_creation("k3d", folder.with_name("hc-cluster"))
    assert creating.poll() is None
