"""Images of what runs in Pods: a MySQL server, busybox with the classic nslookup, and Python, for clients and
for stubs with an open port.

The public ones are pulled by the nodes. Where none is in reach, stand-ins are built from Debian packages
under names of our own; nothing here needs a container engine.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from filelock import FileLock

from headless_conformance.core.paths import cache_dir, log_dir
from headless_conformance.core.process import run_logged
from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import Settings
from headless_conformance.host import packages as host
from headless_conformance.images.archive import (
    PATH_VARIABLE,
    PREFIX,
    Directory,
    File,
    ImageConfig,
    LayerEntry,
    Link,
    write_archive,
    write_layer,
    write_renamed,
)
from headless_conformance.images.mysql_data import LEFT_OUT, initialize, template_entries
from headless_conformance.images.root_tree import program_of, unpack
from headless_conformance.toolchain.debian.build import rootfs
from headless_conformance.toolchain.debian.fetch import PackageFiles, fetch_set
from headless_conformance.toolchain.debian.sets import Pin

IMAGES_FOLDER = Path(__file__).resolve().parent
CLIENT_VERSION = "3"
"""Of the client: counts up when what is in it changes for those who use it."""
BUILD_SECONDS = 900.0

STAND_INS = {"mysql:8.4": "mysql-server", "busybox:1.28": "classic-nslookup", "python:3.11-slim": "client"}
"""The only list of images: the public ones, as the manifests name them and registries have them for amd64 and
arm64, and the image from Debian packages that takes the place of each where no registry is in reach."""
PUBLIC_ARCHITECTURES = ("amd64", "arm64")
STAND_IN_FILE = "/etc/headless-conformance-stand-in"
"""In each image that takes the place of a public one: what it is made of."""
STAND_IN_LABEL = "io.headless-conformance.stand-in"

ACCOUNTS = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"
_GROUPS = "root:x:0:\nnogroup:x:65534:\n"
CLIENT_PYTHON = "3.11"
"""Of the package set `client`, and of its public image."""
MYSQL_ID = 999
"""User and group of the MySQL server; the official image has the same."""

BUSYBOX_OPTIONS = {
    "STATIC": "y",
    # The other nslookup asks for both address families by itself and prints another transcript.
    "FEATURE_NSLOOKUP_BIG": "n",
    # Linux 6.8 and later have no CBQ in their headers any more.
    "TC": "n",
}


def ensure_archives(settings: Settings, progress: Progress) -> Mapping[str, Path]:
    """Image archives by reference (`headless-conformance/client:3`), built where they are not in the cache.

    Raises UserError when host packages or Debian packages cannot be had, StepFailed when a build fails.
    """
    archives: dict[str, Path] = {}
    for build in (_mysql_server, _classic_nslookup, _client):
        archives.update(build(settings, progress))
    return archives


def substitute_images(references: Iterable[str]) -> Mapping[str, str]:
    """For each image name in the manifests, the one of these references that takes its place."""
    by_name = {reference.removeprefix(f"{PREFIX}/").split(":")[0]: reference for reference in references}
    return {asked: by_name[name] for asked, name in STAND_INS.items() if name in by_name}


def _archive(
    name: str,
    tag: str,
    inputs: Sequence[str | bytes],
    config: ImageConfig,
    layers: Callable[[Path], Sequence[Path]],
) -> Mapping[str, Path]:
    """The cached archive for exactly these inputs, or a new one of the layers that `layers` makes in a
    scratch folder.

    Its time of change says when it was used last.
    """
    text = [word if isinstance(word, str) else hashlib.sha256(word).hexdigest() for word in inputs]
    key = hashlib.sha256(json.dumps([*text, repr(config)]).encode()).hexdigest()[:12]
    reference = f"{PREFIX}/{name}:{tag}"
    path = cache_dir() / "workloads" / f"{name}-{tag}-{key}.tar"
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.parent / f"{name}.lock"):
        for left in path.parent.glob(f".{name}-*"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        if path.exists():
            path.touch()
        else:
            with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=path.parent) as scratch:
                write_archive(path, [reference], layers(Path(scratch)), config)
    return {reference: path}


def _upstream(pins: Iterable[Pin], package: str) -> str:
    """The upstream version of a package, without Debian's epoch and revision."""
    version = next(pin.version for pin in pins if pin.name == package)
    return re.sub(r"^\d+:|[-+].*$", "", version)


def _base(more_accounts: str = "", more_groups: str = "") -> dict[str, LayerEntry]:
    """What every image needs beside its packages."""
    return {
        "/etc/passwd": File((ACCOUNTS + more_accounts).encode()),
        "/etc/group": File((_GROUPS + more_groups).encode()),
        "/etc/nsswitch.conf": File(b"passwd: files\ngroup: files\nhosts: files dns\n"),
        "/root": Directory(0o700),
        "/tmp": Directory(0o1777),
    }


def _mysql_server(settings: Settings, progress: Progress) -> Mapping[str, Path]:
    found = fetch_set("mysql", settings, progress)
    packages = rootfs("mysql", settings, progress)
    entrypoint = (IMAGES_FOLDER / "mysql_server" / "entrypoint").read_bytes()
    options = IMAGES_FOLDER / "mysql_server" / "my.cnf"
    owner, version = f"{MYSQL_ID}:{MYSQL_ID}", _upstream(found.pins, "mysql-server-core")
    entries = {
        **_base(f"mysql:x:{owner}:MySQL:/var/lib/mysql:/bin/false\n", f"mysql:x:{MYSQL_ID}:\n"),
        **_said("mysql-server", f"MySQL {version}"),
        "/usr/bin/sh": Link("bash"),
        "/usr/local/bin/entrypoint": File(entrypoint, 0o755),
        "/etc/my.cnf": File(options.read_bytes()),
        "/var/lib/mysql": Directory(0o755, MYSQL_ID, MYSQL_ID),
    }
    config = ImageConfig(
        entrypoint=("/usr/local/bin/entrypoint",),
        command=("mysqld",),
        env=(PATH_VARIABLE,),
        user=owner,
        volumes=("/var/lib/mysql",),
        ports=("3306/tcp",),
        labels=_labels("mysql-server"),
    )

    def layers(scratch: Path) -> Sequence[Path]:
        progress.say("initialising the data directory of the MySQL image")
        unpack(packages, scratch / "tree")
        data = initialize(scratch / "tree", options, scratch)
        write_layer(scratch / "own.tar", {**entries, **template_entries(data)})
        return [packages, scratch / "own.tar"]

    return _archive(
        "mysql-server",
        version,
        [packages.name, repr(entries), repr(LEFT_OUT)],
        config,
        layers,
    )


def _classic_nslookup(settings: Settings, progress: Progress) -> Mapping[str, Path]:
    found = fetch_set("busybox", settings, progress)
    version = _upstream(found.pins, "busybox")
    config = ImageConfig(command=("sh",), env=(PATH_VARIABLE,), labels=_labels("classic-nslookup"))
    own = {**_base(), **_said("classic-nslookup", f"busybox {version}")}

    def layers(scratch: Path) -> Sequence[Path]:
        binary, applets = _busybox(found, scratch, progress)
        entries: dict[str, LayerEntry] = {**own, "/bin/busybox": File(binary, 0o755)}
        entries.update({path: Link("/bin/busybox") for path in applets if path != "/bin/busybox"})
        write_layer(scratch / "own.tar", entries)
        return [scratch / "own.tar"]

    inputs = [found.key, repr(BUSYBOX_OPTIONS), repr(own)]
    return _archive("classic-nslookup", version, inputs, config, layers)


def _busybox(found: PackageFiles, scratch: Path, progress: Progress) -> tuple[Path, list[str]]:
    """Build Debian's busybox source with its default options but BUSYBOX_OPTIONS: the program, and where its
    applets belong."""
    host.require_host_packages(["gcc", "libc6-dev", "make", "dpkg-dev", "bzip2"], progress)
    progress.say("building busybox")
    log = log_dir() / "busybox.log"
    description = next(path for path in found.files if path.suffix == ".dsc")
    source = scratch / "source"
    # The files were checked against the lock; the signature would need the maintainers' keyring.
    run_logged(
        "Unpacking busybox",
        ["dpkg-source", "--no-check", "--extract", description, source],
        log,
        timeout=BUILD_SECONDS,
    )
    run_logged("Configuring busybox", ["make", "defconfig"], log, cwd=source, timeout=BUILD_SECONDS)
    text = (source / ".config").read_text()
    for name, value in BUSYBOX_OPTIONS.items():
        line = f"CONFIG_{name}={value}" if value != "n" else f"# CONFIG_{name} is not set"
        text = re.sub(rf"^(# )?CONFIG_{name}[ =].*$", line, text, flags=re.MULTILINE)
    (source / ".config").write_text(text)
    jobs = f"-j{os.cpu_count() or 1}"
    run_logged(
        "Building busybox", ["make", jobs, "busybox", "busybox.links"], log, cwd=source, timeout=BUILD_SECONDS
    )
    return source / "busybox", (source / "busybox.links").read_text().split()


def _client(settings: Settings, progress: Progress) -> Mapping[str, Path]:
    packages = rootfs("client", settings, progress)
    entries = {
        **_base(),
        **_said("client", f"Python {CLIENT_PYTHON}"),
        "/usr/bin/python3": Link(f"python{CLIENT_PYTHON}"),
    }
    config = ImageConfig(command=("sleep", "infinity"), env=(PATH_VARIABLE,), labels=_labels("client"))

    def layers(scratch: Path) -> Sequence[Path]:
        write_layer(scratch / "own.tar", {**entries, **_bytecode(packages, scratch / "tree")})
        return [packages, scratch / "own.tar"]

    return _archive("client", CLIENT_VERSION, [packages.name, repr(entries)], config, layers)


def _public(name: str) -> str:
    """The public image whose place a stand-in takes."""
    return next(public for public, stand_in in STAND_INS.items() if stand_in == name)


def _labels(name: str) -> tuple[tuple[str, str], ...]:
    return ((STAND_IN_LABEL, _public(name)),)


def _said(name: str, what: str) -> dict[str, LayerEntry]:
    """The file by which a stand-in says that it is one."""
    return {STAND_IN_FILE: File(f"{what} of Debian, in the place of {_public(name)}\n".encode())}


def _bytecode(packages: Path, tree: Path) -> Mapping[str, File]:
    """Compiled modules, made by the image's own Python: without them each start compiles the standard
    library's anew."""
    unpack(packages, tree)
    env = {"PYTHONHOME": str(tree / "usr"), "PYTHONHASHSEED": "0"}
    options: list[str | Path] = [
        "-m",
        "compileall",
        "-q",
        "-s",
        tree,
        "--invalidation-mode",
        "unchecked-hash",
    ]
    command = [*program_of(tree, f"usr/bin/python{CLIENT_PYTHON}"), *options]
    command.append(tree / f"usr/lib/python{CLIENT_PYTHON}")
    run_logged("Compiling Python modules", command, log_dir() / "client.log", env=env, timeout=BUILD_SECONDS)
    return {f"/{path.relative_to(tree)}": File(path) for path in sorted(tree.rglob("*.pyc"))}


def write_image_archives(settings: Settings, folder: Path) -> None:
    """Write the stand-in for each public image, under its name, as an archive that `docker load` and `ctr
    images import` take, for sites where no public registry is in reach."""
    progress = Progress(total=2)
    with progress.step("workload images"):
        built = substitute_images(archives := ensure_archives(settings, progress))
    with progress.step(f"archives into {folder}/"):
        folder.mkdir(parents=True, exist_ok=True)
        targets = {public: folder / f"{public.replace(':', '-')}.tar" for public in built}
        for public, target in targets.items():
            write_renamed(archives[built[public]], target, public)
    print("Stand-ins for linux/amd64, from Debian packages. Push each into your registry under the name on")
    print("the right, and run with that IMAGE_PREFIX=:")
    print("\n".join(f"  {target} -> IMAGE_PREFIX/{public}" for public, target in targets.items()))
