"""Image archives made without a container engine: layers and a config in a tar for `docker load` and `ctr
images import`."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from headless_conformance.core.files import replacing

PREFIX = "headless-conformance"
"""What the names of all our images begin with."""
PATH_VARIABLE = ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
"""For `Config.env`, where programs are found by name."""
CREATED = "1980-01-01T00:00:00Z"
"""The creation time in every config: equal inputs give equal bytes."""


@dataclass(frozen=True)
class File:
    """A regular file of a layer: its bytes, or the host file to copy."""

    content: bytes | Path
    mode: int = 0o644
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True)
class Directory:
    """A directory of a layer; missing parents of an entry are made by themselves (root, 0755)."""

    mode: int = 0o755
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True)
class Link:
    """A symbolic link of a layer."""

    target: str


LayerEntry = File | Directory | Link


@dataclass(frozen=True)
class ImageConfig:
    """What a container of the image starts as. `user` is `uid` or `uid:gid`; an empty one means root."""

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    user: str = ""
    volumes: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    """Such as `3306/tcp`."""
    labels: tuple[tuple[str, str], ...] = ()


def write_layer(path: Path, entries: Mapping[str, LayerEntry]) -> None:
    """Write an uncompressed layer tar with these entries, sorted by path; paths are absolute in the image."""
    everything: dict[str, LayerEntry] = {}
    for name, entry in entries.items():
        inside = PurePosixPath("/", name).relative_to("/")
        for parent in reversed(inside.parents[:-1]):
            everything.setdefault(str(parent), Directory())
        everything[str(inside)] = entry
    with replacing(path) as temporary, tarfile.open(temporary, "w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(everything):
            _add(tar, name, everything[name])


def _add(tar: tarfile.TarFile, name: str, entry: LayerEntry) -> None:
    info = tarfile.TarInfo(name)
    if isinstance(entry, Link):
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, entry.target, 0o777
        tar.addfile(info)
        return
    info.mode, info.uid, info.gid = entry.mode, entry.uid, entry.gid
    if isinstance(entry, Directory):
        info.type = tarfile.DIRTYPE
        tar.addfile(info)
    elif isinstance(entry.content, bytes):
        info.size = len(entry.content)
        tar.addfile(info, io.BytesIO(entry.content))
    else:
        info.size = entry.content.stat().st_size
        with entry.content.open("rb") as source:
            tar.addfile(info, source)


def write_archive(path: Path, names: Sequence[str], layers: Sequence[Path], config: ImageConfig) -> str:
    """Write an image for linux/amd64 as a docker archive with these names (`repository:tag`) and return its
    config digest.

    `layers` are uncompressed tars, lowest first. The archive appears at `path` whole or not at all.
    """
    digests = [_digest(layer) for layer in layers]
    encoded = json.dumps(_config(config, digests), sort_keys=True).encode()
    identity = hashlib.sha256(encoded).hexdigest()
    manifest = [
        {
            "Config": f"{identity}.json",
            "RepoTags": list(names),
            "Layers": [f"{digest}.tar" for digest in digests],
        }
    ]
    with replacing(path) as temporary, tarfile.open(temporary, "w", format=tarfile.PAX_FORMAT) as tar:
        _add(tar, "manifest.json", File(json.dumps(manifest).encode()))
        _add(tar, f"{identity}.json", File(encoded))
        for digest, layer in dict(zip(digests, layers, strict=True)).items():
            _add(tar, f"{digest}.tar", File(layer))
    return f"sha256:{identity}"


def write_renamed(archive: Path, path: Path, name: str) -> None:
    """Write the image of an archive of ours as one that has this name and no other."""
    with (
        tarfile.open(archive) as source,
        replacing(path) as temporary,
        tarfile.open(temporary, "w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for member in source:
            content = source.extractfile(member)
            assert content is not None
            if member.name == "manifest.json":
                (image,) = json.load(content)
                _add(tar, member.name, File(json.dumps([{**image, "RepoTags": [name]}]).encode()))
            else:
                tar.addfile(member, content)


def _digest(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _config(config: ImageConfig, digests: Sequence[str]) -> Mapping[str, object]:
    container: dict[str, object] = {"Env": [f"{key}={value}" for key, value in config.env]}
    optional: Mapping[str, object] = {
        "Entrypoint": list(config.entrypoint),
        "Cmd": list(config.command),
        "User": config.user,
        "Volumes": {volume: {} for volume in config.volumes},
        "ExposedPorts": {port: {} for port in config.ports},
        "Labels": dict(config.labels),
    }
    container.update({key: value for key, value in optional.items() if value})
    return {
        "architecture": "amd64",
        "os": "linux",
        "created": CREATED,
        "config": container,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
        "history": [{"created": CREATED, "created_by": PREFIX} for _ in digests],
    }
