"""Folders and root file systems made of a set's packages."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import IO

from filelock import FileLock

from headless_conformance.core.errors import StepFailed, UserError
from headless_conformance.core.files import replacing
from headless_conformance.core.paths import cache_dir, log_dir
from headless_conformance.core.process import output_of, run_logged
from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import Settings
from headless_conformance.host import packages as host
from headless_conformance.toolchain.debian.fetch import PackageFiles, fetch_set
from headless_conformance.toolchain.debian.sets import package_set

NOT_NEEDED = (
    "usr/share/doc/",
    "usr/share/man/",
    "usr/share/info/",
    "usr/share/locale/",
    "usr/share/lintian/",
    "usr/share/bash-completion/",
)
"""Left out of every root file system.

The copyright files are: these images are built and used on one machine, not given away.
"""

MERGED = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}
CONFIGURE_SECONDS = 900.0


def _cached(name: str) -> Path:
    return cache_dir() / "debian" / name


@contextmanager
def _building(path: Path) -> Iterator[None]:
    """One process at a time builds `path`, and what a killed one left beside it is removed first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.parent / f"{path.name}.lock"):
        for left in path.parent.glob(f".{path.name}.*"):
            if left.is_dir():
                shutil.rmtree(left)
            else:
                left.unlink()
        yield


def unpacked(name: str, settings: Settings, progress: Progress) -> Path:
    """A folder with the files of the set's packages as they are, no maintainer script run."""
    found = fetch_set(name, settings, progress)
    folder = _cached(f"{name}-{found.key}")
    with _building(folder):
        if folder.exists():
            return folder
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            for package in found.files:
                run_logged(
                    f"Unpacking {package.name}",
                    ["dpkg-deb", "-x", package, temporary],
                    log_dir() / "debian-unpack.log",
                )
            temporary.chmod(0o755)
            temporary.rename(folder)
        except BaseException:
            shutil.rmtree(temporary)
            raise
    return folder


def rootfs(name: str, settings: Settings, progress: Progress) -> Path:
    """A tar of the set's root file system: configured where essential packages are part of it, else just
    their files.

    Its time of change says when it was used last.
    """
    found = fetch_set(name, settings, progress)
    wanted = package_set(name)
    patterns = tuple(f"{prefix}*" for prefix in NOT_NEEDED) + wanted.leave_out
    path = _cached(f"{name}-{found.key}-{hashlib.sha256(repr(patterns).encode()).hexdigest()[:6]}.tar")
    with _building(path):
        if path.exists():
            path.touch()
            return path
        if wanted.essential:
            if os.geteuid() != 0:
                raise UserError(
                    f"Building the {name} root file system needs root; run as root, or use IMAGES=pull."
                )
            host.require_host_packages(["mmdebstrap"], progress)
            _configured(name, found, path, patterns)
        else:
            with replacing(path) as temporary:
                merge(found.files, temporary, patterns)
    return path


def _configured(name: str, found: PackageFiles, path: Path, leave_out: Sequence[str]) -> None:
    """Install the packages by mmdebstrap from a repository that has nothing else."""
    with (
        tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder,
        replacing(path) as temporary,
    ):
        repository = Path(folder)
        # mmdebstrap's apt may run as another user in a namespace of its own.
        repository.chmod(0o755)
        stanzas = []
        for package, pin in zip(found.files, found.pins, strict=True):
            os.link(package, repository / package.name)
            control = output_of(["dpkg-deb", "--field", package]).strip()
            stanzas.append(
                f"{control}\nFilename: ./{package.name}\nSize: {package.stat().st_size}\nSHA256: "
                f"{pin.sha256}\n"
            )
        (repository / "Packages").write_text("\n".join(stanzas))
        scratch = repository / "tmp"
        scratch.mkdir()
        command = [
            # In namespaces of its own, all that it starts and mounts goes away with it, even when it is
            # killed.
            *(
                "unshare",
                "--mount",
                "--propagation=private",
                "--pid",
                "--mount-proc",
                "--fork",
                "--kill-child",
            ),
            "mmdebstrap",
            "--variant=custom",
            "--mode=root",
            "--format=tar",
            f"--include={','.join(pin.name for pin in found.pins)}",
            *(f"--dpkgopt=path-exclude=/{pattern}" for pattern in leave_out),
            "--setup-hook=mkdir -p $1/usr/bin $1/usr/sbin $1/usr/lib $1/usr/lib64",
            *(f"--setup-hook=ln -s {target} $1/{link}" for link, target in MERGED.items()),
            # It names this machine's cache and means nothing in a node.
            "--customize-hook=rm $1/etc/apt/sources.list",
            "",
            str(temporary),
            f"deb [trusted=yes] copy:{repository} ./",
        ]
        log = log_dir() / f"rootfs-{name}.log"
        env = {**os.environ, "TMPDIR": str(scratch)}
        run_logged(f"Building the {name} root file system", command, log, env=env, timeout=CONFIGURE_SECONDS)


def merge(packages: Sequence[Path], path: Path, leave_out: Sequence[str]) -> None:
    """Put the files of Debian packages into one layer tar, with /bin, /sbin and /lib as links into /usr."""
    seen: set[str] = set()
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as out:
        for link, target in MERGED.items():
            _directory(out, target, seen)
            info = tarfile.TarInfo(link)
            info.type, info.linkname, info.mode = tarfile.SYMTYPE, target, 0o777
            out.addfile(info)
            seen.add(link)
        _directory(out, "tmp", seen, 0o1777)
        for package in packages:
            for info, content in _members(package):
                if info.name not in seen and not any(fnmatch(info.name, pattern) for pattern in leave_out):
                    seen.add(info.name)
                    out.addfile(info, content)


def _directory(out: tarfile.TarFile, name: str, seen: set[str], mode: int = 0o755) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.mode = tarfile.DIRTYPE, mode
    out.addfile(info)
    seen.add(name)


def _members(package: Path) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """The files of a package under merged names, in its order."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        with tarfile.open(fileobj=child.stdout, mode="r|") as tar:
            for info in tar:
                name = _merged(info.name)
                if name:
                    content = tar.extractfile(info) if info.isreg() else None
                    info.name = name
                    info.pax_headers = {}
                    if info.islnk():
                        info.linkname = _merged(info.linkname)
                    yield info, content
        child.stdout.read()
    if child.returncode != 0:
        raise StepFailed(f"dpkg-deb could not read {package}; delete it and start again.")


def _merged(name: str) -> str:
    """`./bin/ls` as `usr/bin/ls`; what is only the link itself becomes its target."""
    first, _, rest = name.removeprefix("./").strip("/").partition("/")
    first = MERGED.get(first, first)
    return f"{first}/{rest}" if rest else first.removeprefix(".")
