"""What the machine must have: programs of packages, room on the disk, its kind."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

import pytest

from headless_conformance.core.errors import UserError
from headless_conformance.core.progress import Progress
from headless_conformance.host import packages as host


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH."""
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(host, "SYSTEM_PATH", ())
    return folder


def write_program(path: Path, text: str = "") -> None:
    path.write_text(f"#!/bin/bash\nPATH={os.defpath}\n{text}\n")
    path.chmod(0o755)


def test_missing_host_packages_are_named_all_at_once(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_program(programs / "gcc")
    monkeypatch.setattr(host, "is_debian", lambda: True)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(
        UserError, match=r"missing: make mmdebstrap; install them with `sudo apt-get install make mmdebstrap`"
    ):
        host.require_host_packages(["gcc", "make", "mmdebstrap"], Progress(1))


def test_missing_programs_elsewhere_are_named(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "is_debian", lambda: False)
    with pytest.raises(UserError, match="programs are missing: make, iptables;"):
        host.require_host_packages(["make", "iptables"], Progress(1))


def test_missing_host_packages_are_installed_when_we_are_root(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "calls"
    write_program(programs / "apt-get", f'echo "$*" >> {log}')
    monkeypatch.setattr(host, "is_debian", lambda: True)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    host.require_host_packages(["make"], Progress(1))
    assert log.read_text().splitlines() == ["update", "install --yes --no-install-recommends make"]


def test_too_little_free_disk_is_an_error(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "free_gib", lambda: 14.2)
    with pytest.raises(UserError, match=r"14\.2 GiB free and a build needs 15 GiB"):
        host.require_free_disk()
    monkeypatch.setattr(host, "free_gib", lambda: 15.0)
    host.require_free_disk()


def test_administration_programs_are_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/usr/sbin")
    assert host.search_path().split(":") == ["/usr/bin", "/usr/sbin", "/usr/local/sbin", "/sbin"]


@pytest.mark.parametrize(
    ("release", "has_apt", "expected"),
    [
        ({"ID": "debian"}, True, True),
        ({"ID": "ubuntu", "ID_LIKE": "debian"}, True, True),
        ({"ID": "debian"}, False, False),
        ({"ID": "fedora", "ID_LIKE": "rhel"}, True, False),
        (None, True, False),
    ],
)
def test_a_system_made_from_debian_counts_where_it_has_apt(
    programs: Path,
    monkeypatch: pytest.MonkeyPatch,
    release: dict[str, str] | None,
    has_apt: bool,
    expected: bool,
) -> None:
    def read() -> dict[str, str]:
        if release is None:
            raise OSError("no such file")
        return release

    monkeypatch.setattr(platform, "freedesktop_os_release", read)
    if has_apt:
        write_program(programs / "apt-get")
    assert host.is_debian() is expected


@pytest.mark.parametrize(
    ("system", "machine", "right"),
    [("linux", "x86_64", True), ("linux", "aarch64", False), ("darwin", "x86_64", False)],
)
def test_nothing_is_built_elsewhere(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, right: bool
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    if right:
        host.require_linux_amd64()
        return
    with pytest.raises(UserError, match=f"this is {system}/{machine}"):
        host.require_linux_amd64()
