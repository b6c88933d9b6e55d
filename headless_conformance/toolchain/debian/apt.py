"""The Debian archive as this machine's apt knows it, with apt state of our own: nothing of the machine's apt
is changed."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from filelock import FileLock

from headless_conformance.core.errors import StepFailed, UserError
from headless_conformance.core.paths import cache_dir, log_dir
from headless_conformance.core.process import output_of, run_logged
from headless_conformance.toolchain.debian.sets import PackageSet, Pin

_SUITES = ("sid", "unstable", "testing", "stable", "oldstable", "forky", "trixie", "bookworm", "bullseye")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
HELPER = Path("/usr/lib/apt/apt-helper")
FETCH_SECONDS = 1800.0


@functools.cache
def archive_root() -> str:
    """The address of the Debian archive in this machine's apt configuration; UserError when there is none."""
    if shutil.which("apt-get") is None or not HELPER.exists():
        raise UserError(
            "Building needs Debian's apt and this machine has none; use Docker and IMAGES=pull instead."
        )
    form = "$(CREATED_BY)|$(RELEASE)|$(COMPONENT)|$(REPO_URI)"
    for line in output_of(["apt-get", "indextargets", "--format", form]).splitlines():
        kind, release, component, address = line.split("|", 3)
        if kind == "Packages" and component == "main" and release in _SUITES:
            return address.rstrip("/")
    raise UserError("apt knows no Debian archive with component main; add one to /etc/apt/sources.list.")


def options() -> list[str]:
    """apt options for every call of ours: apt's own user cannot read the cache, and archive copies outlive
    their Valid-Until."""
    values = {"Acquire::Retries": "3", "Acquire::Check-Valid-Until": "false", "Acquire::Languages": "none"}
    if os.geteuid() == 0:
        values["APT::Sandbox::User"] = "root"
    return [word for key, value in values.items() for word in ("-o", f"{key}={value}")]


class DebianSuite:
    """The index of one suite (component main, amd64), downloaded when asked for."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.home = cache_dir() / "debian" / "apt" / name
        state, cache = self.home / "state", self.home / "cache"
        values = {
            "Dir::State": state,
            "Dir::State::status": state / "status",
            "Dir::Cache": cache,
            "Dir::Etc::sourcelist": self.home / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "APT::Architecture": "amd64",
            "APT::Install-Recommends": "false",
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
        }
        self._options = [
            *options(),
            *(word for key, value in values.items() for word in ("-o", f"{key}={value}")),
        ]

    def update(self) -> None:
        """Fetch the index of binary and source packages. StepFailed when the archive does not answer."""
        self.home.mkdir(parents=True, exist_ok=True)
        with FileLock(self.home / "lock"):
            for folder in ("state/lists/partial", "cache/archives/partial"):
                (self.home / folder).mkdir(parents=True, exist_ok=True)
            (self.home / "state" / "status").touch()
            signed = f" signed-by={KEYRING}" if KEYRING.exists() else ""
            source = f"[arch=amd64{signed}] {archive_root()} {self.name} main\n"
            (self.home / "sources.list").write_text(f"deb {source}deb-src {source}")
            command = ["apt-get", *self._options, "-o", "APT::Update::Error-Mode=any", "update"]
            run_logged(
                f"Reading Debian {self.name}'s index",
                command,
                log_dir() / "debian-index.log",
                timeout=FETCH_SECONDS,
            )

    def query(self, tool: str, *words: str) -> str:
        """Output of apt-get or apt-cache on this index; StepFailed with apt's own words when it refuses."""
        try:
            return output_of([tool, *self._options, *words], timeout=300)
        except subprocess.CalledProcessError as error:
            raise StepFailed(f"{tool} {' '.join(words[:6])} failed: {error.stderr.strip()}") from None

    def closure(self, packages: Sequence[str], essential: bool) -> list[tuple[str, str]]:
        """(name, version) of these packages and all that they depend on, as apt would install them on an
        empty system."""
        wanted = [*packages, *(["?and(?essential, ?not(?name(^apt$)))"] if essential else [])]
        text = self.query("apt-get", "--simulate", "install", *wanted)
        return re.findall(r"^Inst (\S+?)(?::\S+)? \((\S+) ", text, flags=re.MULTILINE)

    def candidates(self, packages: Sequence[str]) -> list[tuple[str, str]]:
        """(name, version) of exactly these packages."""
        found = [
            (record["Package"], record["Version"])
            for record in _records(self.query("apt-cache", "show", "--no-all-versions", *packages))
        ]
        return [pair for pair in found if pair[0] in packages]

    def binaries(self, wanted: Sequence[tuple[str, str]]) -> list[Pin]:
        """Pins of these packages."""
        text = self.query("apt-cache", "show", *(f"{name}={version}" for name, version in wanted))
        return [
            Pin(self.name, r["Package"], r["Version"], r["SHA256"], r["Filename"]) for r in _records(text)
        ]

    def sources(self, packages: Sequence[str]) -> list[Pin]:
        """Pins of all files of the newest version of these source packages."""
        pins = []
        for package in packages:
            text = self.query("apt-cache", "showsrc", "--only-source", package)
            record = next(_records(text))
            for sha256, name in re.findall(
                r"^ ?([0-9a-f]{64}) \d+ (\S+)$", record["Checksums-Sha256"], flags=re.MULTILINE
            ):
                pins.append(
                    Pin(self.name, package, record["Version"], sha256, f"{record['Directory']}/{name}")
                )
        return pins


def _records(text: str) -> Iterator[dict[str, str]]:
    """The stanzas of apt's output; continuation lines stay in their field."""
    for stanza in text.strip().split("\n\n"):
        fields = re.findall(r"^(\S+?):[ \t]*(.*(?:\n[ \t].*)*)", stanza, flags=re.MULTILINE)
        if fields:
            yield dict(fields)


def resolve(wanted: PackageSet) -> tuple[Pin, ...]:
    """What the archive has now for a set."""
    pins: list[Pin] = []
    for name, packages in wanted.packages.items():
        suite = DebianSuite(name)
        suite.update()
        if wanted.source:
            pins += suite.sources(packages)
        elif wanted.closed:
            found = suite.closure(packages, wanted.essential)
            pins += suite.binaries(
                [pair for pair in found if not any(fnmatch(pair[0], pattern) for pattern in wanted.without)]
            )
        else:
            pins += suite.binaries(suite.candidates(packages))
    return tuple(pins)


def download(pins: Iterable[Pin], folder: Path) -> None:
    """Download what is missing in `folder`, all in one go; files that the archive does not have stay
    missing."""
    words = [
        word
        for pin in pins
        for word in (f"{archive_root()}/{pin.path}", str(folder / pin.file), f"SHA256:{pin.sha256}")
    ]
    if words:
        log = log_dir() / "debian-fetch.log"
        run_logged(
            "Fetching Debian packages",
            [HELPER, *options(), "download-file", *words],
            log,
            timeout=FETCH_SECONDS,
        )
