"""Building Go programs from their pins, once, into the cache."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import cache_dir, log_dir
from headless_conformance.core.plan import Step
from headless_conformance.core.process import output_of, require_going_on, run_logged
from headless_conformance.core.progress import Progress
from headless_conformance.toolchain.go_build_cache import shared_build_cache, unfinished
from headless_conformance.toolchain.go_recipes import RECIPES, folder_of

_LOOK_SECONDS = 1.0
"""How often a wait for another run looks whether it was given up."""
OLDEST_GO = (1, 26, 3)
"""What the newest of the pinned modules asks for."""

FEWER_COLLECTIONS = {"GOGC": "400", "GOMEMLIMIT": "1GiB"}
"""What makes compiler and linker take a fifth less processor time: they collect garbage later, as long as one
process has less memory than that."""
NO_DEBUGGING = "-gcflags=all=-dwarf=false"
"""The linker leaves DWARF out anyway (-w), and making it is a tenth of a compilation; stack traces need none.

Programs differ in nothing but the note that this option was given, so `Source.key` does not count it.
"""


def go_environment(**more: str) -> dict[str, str]:
    """The environment of every go command of ours: the user's, with whatever would change a build set to our
    values."""
    ours = {
        "CGO_ENABLED": "0",
        "GOARCH": "amd64",
        "GOEXPERIMENT": "",
        "GOFLAGS": "-buildvcs=false -trimpath",
        "GOOS": "linux",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }
    return {**os.environ, **ours, **more}


def go_version() -> str:
    """The Go release in PATH, such as `go1.26.8`.

    Raises UserError when there is none or it is older than OLDEST_GO.
    """
    oldest = ".".join(map(str, OLDEST_GO))
    if shutil.which("go") is None:
        raise UserError(f"Go is missing; install Go {oldest} or newer and have it in PATH.")
    version = output_of(["go", "env", "GOVERSION"], env=go_environment()).strip()
    found = tuple(int(number) for number in re.findall(r"\d+", version)[:3])
    if found < OLDEST_GO:
        raise UserError(f"{version} in PATH is too old; install Go {oldest} or newer.")
    return version


@dataclass(frozen=True)
class Source:
    """What is built: a module of ours (its folder holds go.mod) and packages with the names of their
    programs."""

    title: str
    folder: Path
    commands: Mapping[str, str]
    ldflags: str = "-s -w"
    tags: tuple[str, ...] = ()

    def key(self, go: str) -> str:
        """Sixteen hexadecimal digits that change with anything that changes the programs."""
        digest = hashlib.sha256()
        parts = [
            go,
            self.ldflags,
            *self.tags,
            *(f"{name}={package}" for name, package in sorted(self.commands.items())),
        ]
        digest.update("\0".join(parts).encode())
        for path in sorted(self.folder.iterdir()):
            if path.name in {"go.mod", "go.sum"} or (
                path.suffix == ".go" and not path.name.endswith("_test.go")
            ):
                digest.update(f"\0{path.name}\0".encode() + path.read_bytes())
        return digest.hexdigest()[:16]


def source_of(component: str, version: str) -> Source:
    """The pinned source of a component. Raises UserError when its pins are not in the tree."""
    plain = version.removeprefix("v")
    folder = folder_of(component, plain)
    if not (folder / "go.mod").exists():
        raise UserError(
            f"There are no pins for {component} {plain}; "
            "run `headless-conformance go-pins` and commit what it writes."
        )
    recipe = RECIPES[component]
    stamps = [f"-X {name}={value}" for name, value in recipe.stamped(plain).items()]
    return Source(f"{component}-{plain}", folder, recipe.commands, " ".join(["-s -w", *stamps]), recipe.tags)


def go_program(component: str, version: str, name: str, progress: Progress) -> Path:
    """The program `name` of a component, built if need be.

    Raises UserError (no Go, no pins) or StepFailed.
    """
    return go_programs(component, version, progress) / name


def go_programs(component: str, version: str, progress: Progress, only: Collection[str] = ()) -> Path:
    """The folder with the programs of a component, as `build` says.

    Raises UserError (no Go, no pins) or StepFailed.
    """
    return ensure_built(source_of(component, version), progress, only)


def folder_built(source: Source) -> Path:
    """Where all programs of a source are, or will be."""
    return cache_dir() / "bin" / f"{source.title}-{source.key(go_version())}"


def ensure_built(source: Source, progress: Progress, only: Collection[str] = ()) -> Path:
    """Build a source's programs into the cache and return their folder; nothing to do when they are there.

    With `only`, no others than these names are built, and the folder has at least these. The folder of all
    appears whole or not at all, and takes over what was built alone. Two runs at once wait for each other.
    Whoever builds several sources does it within one `shared_build_cache`, so that what they have in common
    is compiled once.
    """
    target = folder_built(source)
    if found := _finished(target, only):
        return found
    with only_build_of(target.name, progress):
        if found := _finished(target, only):
            return found
        with (
            progress.step(_build_title(source)),
            shared_build_cache() as build_cache,
            unfinished(source.title, source.key(go_version())),
        ):
            return _build_into(target, source, only, build_cache)


def planned_build(source: Source, only: Collection[str] = (), lane: str = "") -> list[Step]:
    """The step that `ensure_built` would take; none where nothing has to be built.

    Raises UserError where there is no Go.
    """
    return [] if _finished(folder_built(source), only) else [Step(_build_title(source), lane)]


def _build_title(source: Source) -> str:
    return f"build {source.title}"


def _some_of(target: Path) -> Path:
    """The folder of programs that were built without the others."""
    return target.with_name(f"{target.name}.some")


def _finished(target: Path, only: Collection[str]) -> Path | None:
    if target.exists():
        return target
    some = _some_of(target)
    return some if only and all((some / name).exists() for name in only) else None


def _lock_file(name: str) -> Path:
    path = cache_dir() / "locks" / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


@contextmanager
def only_build_of(name: str, progress: Progress) -> Iterator[None]:
    """One process of this user at a time builds `name`; the others wait and say so."""
    lock = FileLock(_lock_file(name))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        progress.say(f"another run builds {name}; waiting for it")
        while not lock.is_locked:
            require_going_on(f"Waiting for {name}")
            with suppress(Timeout):
                lock.acquire(timeout=_LOOK_SECONDS)
    try:
        yield
    finally:
        lock.release()


def _build_into(target: Path, source: Source, only: Collection[str], build_cache: Path) -> Path:
    some = _some_of(target)
    wanted = only or source.commands
    there = [name for name in wanted if (some / name).exists()]
    missing = {name: source.commands[name] for name in wanted if name not in there}
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        _go_build(source, missing, partial, build_cache)
        if only:
            some.mkdir(exist_ok=True)
            for name in missing:
                (partial / name).rename(some / name)
        else:
            # Linked, not moved: a simulated cluster may be running from there.
            for name in there:
                (partial / name).hardlink_to(some / name)
            partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return some if only else target


def _go_build(source: Source, commands: Mapping[str, str], folder: Path, build_cache: Path) -> None:
    if not commands:
        return
    run_logged(
        f"Building {source.title}",
        [
            *("go", "build", "-mod=readonly", "-ldflags", source.ldflags, NO_DEBUGGING),
            *("-tags", ",".join(source.tags), "-o", f"{folder}/", *commands.values()),
        ],
        log_dir() / f"build-{source.title}.log",
        env=go_environment(GOCACHE=str(build_cache), **FEWER_COLLECTIONS),
        cwd=source.folder,
    )
    for name, package in commands.items():
        default = _default_name(package)
        if default != name:
            (folder / default).rename(folder / name)


def _default_name(package: str) -> str:
    """The name that `go build` gives a program: the last element of its package path that is no major
    version."""
    words = package.split("/")
    return words[-2] if re.fullmatch(r"v\d+", words[-1]) else words[-1]


def module_folder(component: str, version: str) -> Path:
    """The unpacked source of a component's module in the module cache, fetched if need be (read-only)."""
    source = source_of(component, version)
    module = RECIPES[component].module
    output_of(["go", "-C", source.folder, "mod", "download", module], env=go_environment(), timeout=600)
    return Path(
        output_of(
            ["go", "-C", source.folder, "list", "-m", "-f", "{{.Dir}}", module], env=go_environment()
        ).strip()
    )
