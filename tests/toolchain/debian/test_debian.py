"""Debian packages come as pinned or not at all, unless drift is allowed; root file systems are what the
packages say."""

import hashlib
import os
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from headless_conformance.cli.application import run
from headless_conformance.core.errors import StepFailed, UserError
from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import from_env
from headless_conformance.toolchain.debian import apt, build, fetch
from headless_conformance.toolchain.debian.sets import (
    SETS,
    Pin,
    content_key,
    lock_file,
    package_set,
    read_lock,
    write_lock,
)

PIN = Pin(
    "bookworm",
    "hello",
    "1.0-1",
    hashlib.sha256(b"hello").hexdigest(),
    "pool/main/h/hello/hello_1.0-1_amd64.deb",
)
NEWER = Pin(
    "bookworm",
    "hello",
    "1.0-2",
    hashlib.sha256(b"hello 2").hexdigest(),
    "pool/main/h/hello/hello_1.0-2_amd64.deb",
)
OTHER = Pin(
    "bookworm", "other", "3-1", hashlib.sha256(b"other").hexdigest(), "pool/main/o/other/other_3-1_amd64.deb"
)


@pytest.mark.parametrize("name", SETS)
def test_the_lock_of_a_set_pins_all_that_is_asked_for(name: str) -> None:
    pins = read_lock(name)
    asked = {package for packages in SETS[name].packages.values() for package in packages}
    assert asked <= {pin.name for pin in pins}
    assert {pin.suite for pin in pins} == set(SETS[name].packages)
    assert all(len(pin.sha256) == 64 and pin.path.startswith("pool/main/") for pin in pins)
    assert len({pin.file for pin in pins}) == len(pins)


def test_an_unknown_set_is_named_with_those_there_are(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(
        UserError, match="There is no package set no; the sets are engine, node, mysql, client, busybox"
    ):
        package_set("no")


def test_a_lock_comes_back_as_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headless_conformance.toolchain.debian.sets.LOCKS_FOLDER", tmp_path)
    write_lock("hello", (OTHER, PIN))
    assert read_lock("hello") == (PIN, OTHER)


def test_the_key_stands_for_the_files_in_any_order() -> None:
    assert content_key((PIN, OTHER)) == content_key((OTHER, PIN))
    assert content_key((PIN, OTHER)) != content_key((NEWER, OTHER))


class Archive:
    """A Debian archive with some files; remembers which were asked for."""

    def __init__(self, files: dict[str, bytes], index: Sequence[Pin]) -> None:
        self.files, self.index = files, index
        self.asked: list[list[str]] = []

    def fetch(self, pins: Sequence[Pin], folder: Path) -> None:
        self.asked.append([pin.file for pin in pins])
        for pin in pins:
            if pin.path in self.files:
                (folder / pin.file).write_bytes(self.files[pin.path])
        if any(pin.path not in self.files for pin in pins):
            raise StepFailed("404")


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    """An archive that has what the lock pins; the lock is PIN and OTHER."""
    there = Archive({PIN.path: b"hello", OTHER.path: b"other", NEWER.path: b"hello 2"}, (PIN, OTHER))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(apt, "download", there.fetch)
    monkeypatch.setattr(apt, "resolve", lambda _: there.index)
    monkeypatch.setattr(fetch, "read_lock", lambda _: (PIN, OTHER))
    return there


def get(**env: str) -> fetch.PackageFiles:
    return fetch.fetch_set("client", from_env(env), Progress(1))


def test_pinned_files_are_fetched_once(archive: Archive) -> None:
    found = get()
    assert [path.read_bytes() for path in found.files] == [b"hello", b"other"]
    assert get() == found
    assert len(archive.asked) == 1


def test_a_file_that_was_cut_off_is_fetched_again_and_the_others_are_not(archive: Archive) -> None:
    get().files[0].write_bytes(b"hel")
    assert get().files[0].read_bytes() == b"hello"
    assert archive.asked[1:] == [[PIN.file]]


def test_a_version_that_is_gone_is_named_with_the_one_that_is_there(archive: Archive) -> None:
    del archive.files[PIN.path]
    archive.index = (NEWER, OTHER)
    with pytest.raises(
        UserError,
        match=r"no longer has hello 1\.0-1 but 1\.0-2; build .* DEBIAN_DRIFT=1 or .* debian-lock client`\.$",
    ):
        get()


def test_with_drift_what_is_there_is_taken_and_told(
    archive: Archive, capsys: pytest.CaptureFixture[str]
) -> None:
    del archive.files[PIN.path]
    archive.index = (NEWER, OTHER)
    found = get(DEBIAN_DRIFT="1")
    assert [path.read_bytes() for path in found.files] == [b"hello 2", b"other"]
    assert found.key != content_key((PIN, OTHER))
    assert "DEBIAN_DRIFT: hello 1.0-1 is now 1.0-2" in capsys.readouterr().err


def test_drift_is_not_taken_where_the_pinned_files_are_there(archive: Archive) -> None:
    archive.index = (NEWER, OTHER)
    assert get(DEBIAN_DRIFT="1").pins == (PIN, OTHER)


def test_another_content_under_the_pinned_version_is_refused(archive: Archive) -> None:
    archive.files[PIN.path] = b"something else"
    with pytest.raises(UserError, match=r"lists hello 1\.0-1 and does not give it as pinned"):
        get()


def test_an_archive_that_does_not_answer_is_told_as_such(archive: Archive) -> None:
    archive.files.clear()
    with pytest.raises(StepFailed, match="404"):
        get()


def test_the_machines_debian_archive_is_the_one_with_component_main(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lines = [
        "Packages|nodistro|main|https://vendor.example/deb/",
        "DEP-11|bookworm|main|https://other.example/",
        "Packages|bookworm-security|main|https://security.example/",
        "Packages|bookworm|contrib|https://contrib.example/",
        "Packages|bookworm|main|https://debian.example/debian/",
    ]
    monkeypatch.setattr(apt, "HELPER", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/apt-get")
    monkeypatch.setattr(apt, "output_of", lambda *_: "\n".join(lines))
    apt.archive_root.cache_clear()
    assert apt.archive_root() == "https://debian.example/debian"
    apt.archive_root.cache_clear()
    monkeypatch.setattr(apt, "output_of", lambda *_: lines[0])
    with pytest.raises(UserError, match="apt knows no Debian archive"):
        apt.archive_root()


def test_a_machine_without_apt_cannot_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    apt.archive_root.cache_clear()
    with pytest.raises(UserError, match="needs Debian's apt"):
        apt.archive_root()


def test_apts_stanzas_are_read_with_their_continuation_lines() -> None:
    text = (
        "Package: a\nDescription: one\n two\nSHA256: 00\n\nPackage: b\nChecksums-Sha256:\n aa 1 x\n bb 2 y\n"
    )
    first, second = apt._records(text)
    assert (first["Package"], first["SHA256"]) == ("a", "00")
    assert second["Checksums-Sha256"] == "\n aa 1 x\n bb 2 y"


def test_a_lock_that_cannot_be_written_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["debian-lock", "nothing"]) == 2
    assert "There is no package set nothing" in capsys.readouterr().err


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A small Debian package with files in /bin, /usr/lib and /usr/share/doc."""
    if shutil.which("dpkg-deb") is None:
        pytest.skip("dpkg-deb is not here")
    tree = tmp_path / "tree"
    for name in ("bin/hello", "usr/lib/hello/data", "usr/share/doc/hello/copyright"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(name)
    (tree / "bin/hello").chmod(0o755)
    (tree / "bin/hi").symlink_to("hello")
    (tree / "DEBIAN").mkdir()
    (tree / "DEBIAN/control").write_text(
        "Package: hello\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n"
    )
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "--build", tree, tmp_path / "hello.deb"],
        check=True,
        capture_output=True,
    )
    return tmp_path / "hello.deb"


def test_packages_are_merged_into_usr_without_what_is_left_out(package: Path, tmp_path: Path) -> None:
    build.merge([package, package], tmp_path / "root.tar", ["usr/share/doc/*"])
    with tarfile.open(tmp_path / "root.tar") as tar:
        members = {member.name: member for member in tar}
        hello = tar.extractfile("usr/bin/hello")
        assert hello is not None
        assert hello.read() == b"bin/hello"
    assert members["bin"].linkname == "usr/bin"
    assert members["usr/bin/hello"].mode == 0o755
    assert members["usr/bin/hi"].linkname == "hello"
    assert "usr/lib/hello/data" in members
    assert not any("copyright" in name for name in members)
    assert len([name for name in members if name == "usr/bin/hello"]) == 1


def test_a_configured_root_file_system_needs_root(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(UserError, match="needs root; run as root, or use IMAGES=pull"):
        build.rootfs("node", from_env({}), Progress(1))


def test_what_a_killed_build_left_is_removed_before_the_next(
    archive: Archive, package: Path, tmp_path: Path
) -> None:
    archive.files = {PIN.path: package.read_bytes()}
    pin = Pin("bookworm", "hello", "1", hashlib.sha256(package.read_bytes()).hexdigest(), PIN.path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fetch, "read_lock", lambda _: (pin,))
        made = build.unpacked("engine", from_env({}), Progress(1))
        left = made.with_name(f".{made.name}.killed")
        left.mkdir()
        assert build.unpacked("engine", from_env({}), Progress(1)) == made
    assert (made / "bin/hello").exists()
    assert not left.exists()


def test_a_damaged_package_is_named(tmp_path: Path) -> None:
    if shutil.which("dpkg-deb") is None:
        pytest.skip("dpkg-deb is not here")
    (tmp_path / "bad.deb").write_bytes(b"no archive")
    with pytest.raises((StepFailed, tarfile.ReadError)):
        build.merge([tmp_path / "bad.deb"], tmp_path / "root.tar", [])


def test_every_set_has_its_lock_file() -> None:
    assert {path.stem for path in lock_file("engine").parent.glob("*.lock")} == set(SETS)
