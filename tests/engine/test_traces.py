"""What a private engine leaves is taken away: its sockets and mounts, and nobody else's."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

import psutil
import pytest

from headless_conformance.engine import traces


@pytest.fixture
def sockets(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the place of the one where containerd's shims have their sockets."""
    folder = tmp_path_factory.mktemp("s")
    monkeypatch.setattr(traces, "SHIM_SOCKETS", folder)
    monkeypatch.setattr(traces, "SYSTEM_FOLDERS", (folder,))
    return folder


def test_sockets_on_which_somebody_listens_and_earlier_ones_stay(sockets: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as ended:
        listening.bind(str(sockets / "ab"))
        listening.listen()
        ended.bind(str(sockets / "a"))
        ended.close()
        (sockets / "earlier").touch()
        traces._remove_system_folders([], [str(sockets / "earlier")])
        assert sorted(path.name for path in sockets.iterdir()) == ["ab", "earlier"]
    traces._remove_system_folders([], [])
    assert not sockets.exists()


def test_a_folder_that_was_there_before_stays(sockets: Path) -> None:
    traces._remove_system_folders([str(sockets)], [])
    assert sockets.exists()


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="mounting needs root")
def test_what_is_mounted_below_the_folder_is_unmounted_and_nothing_else(tmp_path: Path) -> None:
    home, other = tmp_path / "our home", tmp_path / "our home too"
    points = [home, home / "in\\side", other]
    for point in points:
        point.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "none", point], check=True, capture_output=True)
    try:
        traces._unmount(home)
        mounted = {mount.mountpoint for mount in psutil.disk_partitions(all=True)}
        assert mounted & set(map(str, points)) == {str(other)}
    finally:
        for point in reversed(points):
            subprocess.run(["umount", point], check=False, capture_output=True)
