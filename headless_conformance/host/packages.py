"""What the machine itself must have: Debian packages with programs that we run, and room on the disk."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import cache_dir, log_dir
from headless_conformance.core.process import run_logged
from headless_conformance.core.progress import Progress

BUILD_GIB = 15
"""Free space that a build from packages must find, in GiB."""

_PROGRAMS = {
    "gcc": "gcc",
    "libc6-dev": "/usr/include/stdio.h",
    "make": "make",
    "iptables": "iptables",
    "mmdebstrap": "mmdebstrap",
    "dpkg-dev": "dpkg-source",
    "bzip2": "bzip2",
    "nodejs": "node",
    "npm": "npm",
    "chromium": "chromium",
}
"""Debian package -> the program (or the file, with its path) that shows that it is there."""

ENGINE_PACKAGES = ("iptables",)
BUILD_PACKAGES = ("gcc", "libc6-dev", "make", "mmdebstrap", "dpkg-dev", "bzip2", *ENGINE_PACKAGES)

SYSTEM_PATH = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where administration programs live that an ordinary PATH leaves out."""


def search_path() -> str:
    """PATH with the folders of administration programs."""
    parts = [part for part in os.environ.get("PATH", os.defpath).split(os.pathsep) if part]
    return os.pathsep.join([*parts, *(part for part in SYSTEM_PATH if part not in parts)])


def missing_packages(packages: Iterable[str]) -> list[str]:
    """Those of these packages (of _PROGRAMS) whose program or file is not found."""

    def is_there(sign: str) -> bool:
        return (
            Path(sign).exists()
            if sign.startswith("/")
            else shutil.which(sign, path=search_path()) is not None
        )

    return [package for package in packages if not is_there(_PROGRAMS[package])]


def is_debian() -> bool:
    """Whether /etc/os-release names Debian or a system made from it, with apt-get in PATH."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return False
    return (
        "debian" in f"{release.get('ID', '')} {release.get('ID_LIKE', '')}".split()
        and shutil.which("apt-get") is not None
    )


def require_host_packages(packages: Iterable[str], progress: Progress) -> None:
    """Install what is missing when we are root on Debian; else a UserError names all of it."""
    absent = missing_packages(packages)
    if not absent:
        return
    names = " ".join(absent)
    if not is_debian():
        programs = ", ".join(_PROGRAMS[package] for package in absent)
        raise UserError(
            f"These programs are missing: {programs}; install them with this system's package manager."
        )
    if os.geteuid() != 0:
        raise UserError(
            f"These Debian packages are missing: {names}; install them with `sudo apt-get install {names}`."
        )
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    log = log_dir() / "host-packages.log"
    progress.say(f"installing {names} with apt-get")
    run_logged("apt-get update", ["apt-get", "update"], log, env=env, timeout=600)
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *absent]
    run_logged(f"Installing {names}", command, log, env=env, timeout=900)


def free_gib() -> float:
    """Free space on the file system of the cache, in GiB."""
    return shutil.disk_usage(cache_dir()).free / 2**30


def require_free_disk() -> None:
    """UserError when the file system of the cache has less than BUILD_GIB free."""
    free = free_gib()
    if free < BUILD_GIB:
        raise UserError(
            f"{cache_dir()} has {free:.1f} GiB free and a build needs {BUILD_GIB} GiB; "
            "free some space or set XDG_CACHE_HOME."
        )


def require_linux_amd64() -> None:
    """UserError where nothing can be built: the path from packages makes linux/amd64 programs only."""
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "amd64"):
        raise UserError(
            "Building from packages works on linux/amd64 only and this is "
            f"{sys.platform}/{platform.machine()}; "
            "use a Docker that reaches the registries."
        )
