"""Which packages each set has, and their lock files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from headless_conformance.core.errors import UserError

LOCKS_FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True)
class PackageSet:
    """What is asked for, by Debian suite.

    `closed` takes in all dependencies too, `source` takes source packages.
    """

    packages: Mapping[str, tuple[str, ...]]
    closed: bool = True
    essential: bool = False
    """Also every package that Debian marks essential: needed where maintainer scripts run."""
    source: bool = False
    without: tuple[str, ...] = ()
    """Dependencies (shell patterns) that are left out: what they serve is not used here."""
    leave_out: tuple[str, ...] = ()
    """Files that the root file system does not get, as shell patterns."""


@dataclass(frozen=True)
class Pin:
    """One file of a set: `path` is its place below the archive's root."""

    suite: str
    name: str
    version: str
    sha256: str
    path: str

    @property
    def file(self) -> str:
        """The file's name, unique in the cache."""
        return Path(self.path).name


SETS: Mapping[str, PackageSet] = {
    # The engine is unpacked beside the host's own libraries, so only what a small host may lack is listed.
    # trixie's runc needs a newer glibc than bookworm has; bookworm's dockerd cannot start privileged
    # containers on a host that lacks a capability.
    "engine": PackageSet(
        {
            "trixie": ("docker.io", "docker-cli", "containerd"),
            "bookworm": (
                "runc",
                "tini",
                "libseccomp2",
                "libsystemd0",
                "libcap2",
                "libgcrypt20",
                "libgpg-error0",
                "liblzma5",
                "liblz4-1",
                "libzstd1",
            ),
        },
        closed=False,
    ),
    # bookworm, not trixie: systemd 256 and later refuse hosts with cgroup v1.
    "node": PackageSet(
        {
            "bookworm": (
                "bash",
                "ca-certificates",
                "conntrack",
                "e2fsprogs",
                "ethtool",
                "hostname",
                "iproute2",
                "iptables",
                "jq",
                "kmod",
                "libseccomp2",
                "mount",
                "nftables",
                "procps",
                "runc",
                "socat",
                "systemd",
                "usr-is-merged",
                "util-linux",
            )
        },
        essential=True,
    ),
    # perl serves mysqld_multi and the like; mawk, debianutils and base-files come with what bash calls
    # essential.
    "mysql": PackageSet(
        {"sid": ("mysql-server-core", "mysql-client-core", "bash", "coreutils", "hostname", "libc-bin")},
        without=(
            "perl",
            "perl-base",
            "perl-modules-*",
            "libperl*",
            "libgdbm*",
            "libdb5.3*",
            "mawk",
            "base-files",
            "debianutils",
        ),
        leave_out=(
            *(
                f"usr/bin/{name}"
                for name in ("innochecksum", "ibd2sdi", "my_*", "myisam*", "perror", "zlib_decompress")
            ),
            *(
                f"usr/bin/mysql{name}"
                for name in ("_*", "binlog", "check", "import", "show", "slap", "d_*", "dumpslow")
            ),
            *(
                f"usr/lib/mysql/plugin/{name}"
                for name in ("*_client.so", "component_telemetry.so", "libtest*", "test_*")
            ),
            "usr/lib/x86_64-linux-gnu/gconv/*",
        ),
    ),
    "client": PackageSet(
        {"bookworm": ("python3", "libc-bin", "bash", "dash", "coreutils")},
        without=("mawk", "base-files", "debianutils", "dpkg", "tar", "media-types"),
        leave_out=("usr/lib/x86_64-linux-gnu/gconv/*", "usr/lib/python3*/pydoc_data/*"),
    ),
    "busybox": PackageSet({"bookworm": ("busybox",)}, closed=False, source=True),
}


def package_set(name: str) -> PackageSet:
    """UserError names the sets there are."""
    if name not in SETS:
        raise UserError(f"There is no package set {name}; the sets are {', '.join(SETS)}.")
    return SETS[name]


def lock_file(name: str) -> Path:
    return LOCKS_FOLDER / f"{name}.lock"


def read_lock(name: str) -> tuple[Pin, ...]:
    """The pins of a set; a malformed line is a ValueError, since the lock is ours."""
    lines = lock_file(name).read_text().splitlines()
    return tuple(Pin(*line.split()) for line in lines if line and not line.startswith("#"))


def write_lock(name: str, pins: tuple[Pin, ...]) -> None:
    """Replace a set's lock file."""
    head = (
        f"# Written by `headless-conformance debian-lock {name}`. "
        "Columns: suite, package, version, SHA-256, path in the archive.\n"
    )
    ordered = sorted(pins, key=lambda pin: (pin.suite, pin.name, pin.path))
    lock_file(name).write_text(
        head + "".join(f"{p.suite} {p.name} {p.version} {p.sha256} {p.path}\n" for p in ordered)
    )


def content_key(pins: tuple[Pin, ...]) -> str:
    """Twelve hexadecimal digits that stand for exactly these files."""
    return hashlib.sha256("\n".join(sorted(pin.sha256 for pin in pins)).encode()).hexdigest()[:12]
