"""A set's files in the cache: pinned ones from the lock, or what the archive has now when DEBIAN_DRIFT=1."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from headless_conformance.core.errors import StepFailed, UserError
from headless_conformance.core.paths import cache_dir
from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import Settings
from headless_conformance.toolchain.debian import apt
from headless_conformance.toolchain.debian.sets import Pin, content_key, package_set, read_lock


@dataclass(frozen=True)
class PackageFiles:
    """Files of a set, verified."""

    files: tuple[Path, ...]
    pins: tuple[Pin, ...]
    key: str


def _folder() -> Path:
    folder = cache_dir() / "debian" / "files"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _is_right(path: Path, sha256: str) -> bool:
    if not path.exists():
        return False
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest() == sha256


def _wrong(pins: Sequence[Pin], folder: Path) -> list[Pin]:
    """Those that are absent; what has another content (a download that was cut off) is removed first."""
    wrong = [pin for pin in pins if not _is_right(folder / pin.file, pin.sha256)]
    for pin in wrong:
        (folder / pin.file).unlink(missing_ok=True)
    return wrong


def _download(pins: Sequence[Pin], folder: Path) -> list[Pin]:
    """Fetch what is missing and return what the archive did not give.

    Files that arrive stay, so a second call goes on.
    """
    wrong = _wrong(pins, folder)
    if not wrong:
        return []
    try:
        apt.download(wrong, folder)
    except StepFailed:
        left = _wrong(wrong, folder)
        if len(left) == len(wrong) and len(wrong) > 1:
            raise
        return left
    return _wrong(wrong, folder)


def fetch_set(name: str, settings: Settings, progress: Progress) -> PackageFiles:
    """The files of the set `name`, from the cache when they are there.

    UserError names both versions when the archive no longer has a pinned file, unless DEBIAN_DRIFT=1.
    """
    folder = _folder()
    pins = read_lock(name)
    with FileLock(folder.parent / "files.lock"):
        missing = _download(pins, folder)
        if not missing:
            return PackageFiles(tuple(folder / pin.file for pin in pins), pins, content_key(pins))
        now = apt.resolve(package_set(name))
        changes = changes_between(pins, now)
        if not settings.debian_drift:
            raise UserError(_sentence(name, missing, now))
        left = _download(now, folder)
    if left:
        raise StepFailed(f"The Debian archive lists {left[0].path} and does not have it; try again later.")
    for change in changes:
        progress.say(f"DEBIAN_DRIFT: {change}")
    return PackageFiles(tuple(folder / pin.file for pin in now), now, content_key(now))


def changes_between(pinned: Sequence[Pin], now: Sequence[Pin]) -> tuple[str, ...]:
    """One line for each package that has another version, is new or is gone."""
    before = {pin.name: pin.version for pin in pinned}
    after = {pin.name: pin.version for pin in now}
    names = sorted(before.keys() | after.keys())
    return tuple(
        f"{name} {before.get(name, '(absent)')} is now {after.get(name, '(absent)')}"
        for name in names
        if before.get(name) != after.get(name)
    )


def _sentence(name: str, missing: Sequence[Pin], now: Sequence[Pin]) -> str:
    first = missing[0]
    current = next((pin.version for pin in now if pin.name == first.name), "no version")
    if current == first.version:
        return (
            f"The Debian archive lists {first.name} {first.version} and does not give it as pinned; "
            "try again later."
        )
    more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
    return (
        f"The Debian archive no longer has {first.name} {first.version}{more} but {current}; "
        "build with what is there by DEBIAN_DRIFT=1 or renew the lock with `headless-conformance "
        f"debian-lock {name}`."
    )
