"""The builder of Go programs, with a stand-in for the go command."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from headless_conformance.core.errors import StepFailed, UserError
from headless_conformance.core.parallel import beside
from headless_conformance.core.paths import ROOT, cache_dir
from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import from_env
from headless_conformance.core.versions import read_versions
from headless_conformance.providers.simulated.cluster import ensure_programs
from headless_conformance.toolchain import go as gobuild
from headless_conformance.toolchain.go import Source, ensure_built, folder_built, only_build_of, source_of
from headless_conformance.toolchain.go_build_cache import shared_build_cache

FAKE_GO = """#!/bin/sh
if [ "$1" = env ]; then echo "${FAKE_VERSION:-go1.26.8}"; exit 0; fi
mkdir -p "$GOCACHE" && echo object >>"$GOCACHE/objects"
[ -z "$FAKE_SAID" ] || echo "$GOGC $GOMEMLIMIT $*" >>"$FAKE_SAID"
if [ -n "$FAKE_FAILURE" ]; then echo "undefined: Foo"; exit 1; fi
sleep "${FAKE_SECONDS:-0}"
while [ "$1" != -o ]; do shift; done
folder=$2; shift 2
for package; do
  case "$package" in */v3) package=${package%/v3};; esac
  echo built >"$folder/${package##*/}"
done
echo once >>"$FAKE_RECORD"
"""


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A go command of ours first in PATH and a cache of its own; the file gets a line for each build."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "go").write_text(FAKE_GO)
    (programs / "go").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("FAKE_RECORD", str(tmp_path / "record"))
    return tmp_path / "record"


@pytest.fixture
def source(tmp_path: Path) -> Source:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "go.mod").write_text("module example.invalid/tool\n")
    return Source("tool-1", folder, {"tool": "example.invalid/tool", "ctl": "example.invalid/ctltool/v3"})


@pytest.fixture
def progress() -> Progress:
    return Progress(1, io.StringIO())


def test_programs_get_the_names_of_the_recipe(record: Path, source: Source, progress: Progress) -> None:
    folder = ensure_built(source, progress)
    assert sorted(path.name for path in folder.iterdir()) == ["ctl", "tool"]


def test_a_second_build_does_nothing(record: Path, source: Source, progress: Progress) -> None:
    assert ensure_built(source, progress) == ensure_built(source, progress)
    assert record.read_text().splitlines() == ["once"]


def test_the_build_cache_goes_after_success(record: Path, source: Source, progress: Progress) -> None:
    ensure_built(source, progress)
    assert not (cache_dir() / "go-build").exists()


def test_sources_that_are_built_together_share_a_build_cache(
    record: Path, source: Source, progress: Progress
) -> None:
    other = replace(source, title="other-1", commands={"other": "example.invalid/other"})
    with shared_build_cache() as objects:
        ensure_built(source, progress)
        ensure_built(other, progress)
        assert (objects / "objects").read_text().splitlines() == ["object"] * 2
    assert not (cache_dir() / "go-build").exists()


def test_only_what_is_asked_for_is_built(record: Path, source: Source, progress: Progress) -> None:
    folder = ensure_built(source, progress, ["tool"])
    assert [path.name for path in folder.iterdir()] == ["tool"]
    assert ensure_built(source, progress, ["tool"]) == folder
    assert record.read_text().splitlines() == ["once"]
    assert not folder_built(source).exists()
    assert not (cache_dir() / "go-build").exists()


def test_the_rest_is_built_later_and_what_was_built_alone_is_kept(
    record: Path, source: Source, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = ensure_built(source, progress, ["tool"])
    (alone / "tool").write_text("built before")
    monkeypatch.setenv("FAKE_FAILURE", "1")
    with pytest.raises(StepFailed):
        ensure_built(source, progress)
    assert not folder_built(source).exists()
    monkeypatch.delenv("FAKE_FAILURE")
    whole = ensure_built(source, progress)
    assert (whole / "tool").read_text() == "built before"
    assert (whole / "ctl").read_text() == "built\n"
    assert (alone / "tool").exists(), "a run may be using it"
    assert ensure_built(source, progress, ["tool"]) == whole


def test_programs_that_were_all_built_alone_need_no_build(
    record: Path, source: Source, progress: Progress
) -> None:
    ensure_built(source, progress, ["tool"])
    ensure_built(source, progress, ["ctl"])
    assert sorted(path.name for path in ensure_built(source, progress).iterdir()) == ["ctl", "tool"]
    assert record.read_text().splitlines() == ["once", "once"]


def test_all_programs_that_are_there_serve_who_needs_some(
    record: Path, source: Source, progress: Progress
) -> None:
    assert ensure_built(source, progress) == ensure_built(source, progress, ["ctl"])
    assert record.read_text().splitlines() == ["once"]


def test_a_simulated_cluster_needs_six_programs_and_kubectl(record: Path, progress: Progress) -> None:
    programs = ensure_programs(from_env({"K8S": "1.37"}), progress)
    built = {
        path.name: {program.name for program in path.iterdir()} for path in (cache_dir() / "bin").iterdir()
    }
    assert built == {
        programs.kubernetes.name: {"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"},
        programs.etcd.name: {"etcd"},
        programs.coredns.name: {"coredns"},
        programs.kwok.name: {"kwok"},
    }


def test_a_failed_build_keeps_its_build_cache_and_shows_no_folder(
    record: Path, source: Source, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_FAILURE", "1")
    with pytest.raises(StepFailed, match="undefined: Foo"):
        ensure_built(source, progress)
    target = folder_built(source)
    assert (cache_dir() / "go-build" / "objects" / "objects").exists()
    assert list(target.parent.iterdir()) == []
    monkeypatch.delenv("FAKE_FAILURE")
    assert ensure_built(source, progress) == target
    assert not (cache_dir() / "go-build").exists()


def test_an_interrupted_build_of_earlier_inputs_leaves_no_build_cache(
    record: Path, source: Source, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_FAILURE", "1")
    with pytest.raises(StepFailed):
        ensure_built(source, progress)
    monkeypatch.delenv("FAKE_FAILURE")
    (source.folder / "go.sum").write_text("newer")
    ensure_built(source, progress)
    assert not (cache_dir() / "go-build").exists()


def test_two_processes_build_once(record: Path, source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_SECONDS", "0.5")
    program = (
        "from pathlib import Path; from headless_conformance.core.progress import Progress; "
        "from headless_conformance.toolchain.go import Source, ensure_built;"
        f"source = Source('tool-1', Path({str(source.folder)!r}), {dict(source.commands)!r});"
        "ensure_built(source, Progress(1))"
    )
    command = [sys.executable, "-c", program]
    both = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [child.communicate(timeout=30)[1] for child in both]
    assert [child.returncode for child in both] == [0, 0], said
    assert record.read_text().splitlines() == ["once"]
    assert sum("another run builds" in text for text in said) == 1


@pytest.mark.parametrize(
    ("name", "text"), [("go.sum", "other"), ("main.go", "package main"), ("go.mod", "module other\n")]
)
def test_the_key_changes_with_the_source(source: Source, name: str, text: str) -> None:
    before = source.key("go1.26.8")
    (source.folder / name).write_text(text)
    assert source.key("go1.26.8") != before


def test_a_wait_for_another_run_ends_with_the_work_that_waits(record: Path, progress: Progress) -> None:
    waiting = threading.Event()

    def wait() -> None:
        waiting.set()
        with only_build_of("tool-1", progress):
            raise AssertionError("two runs build at once")

    def fail() -> None:
        waiting.wait()
        raise StepFailed("no engine")

    with (
        only_build_of("tool-1", progress),
        pytest.raises(StepFailed, match=r"^no engine$"),
        beside(wait) as waited,
    ):
        fail()
    assert str(waited.exception()) == "Waiting for tool-1 was given up."


def test_the_key_changes_with_flags_and_go_but_not_with_tests(source: Source) -> None:
    keys = {
        source.key("go1.26.8"),
        source.key("go1.26.9"),
        replace(source, ldflags="-s").key("go1.26.8"),
        replace(source, tags=("no_zfs",)).key("go1.26.8"),
        replace(source, commands={"tool": "example.invalid/tool"}).key("go1.26.8"),
    }
    assert len(keys) == 5
    (source.folder / "main_test.go").write_text("package main")
    assert source.key("go1.26.8") in keys


def test_no_go_is_one_sentence(
    source: Source, progress: Progress, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"^Go is missing; install Go 1\.26\.3 or newer"):
        ensure_built(source, progress)


def test_an_old_go_is_one_sentence(
    record: Path, source: Source, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_VERSION", "go1.25.4")
    with pytest.raises(UserError, match=r"^go1\.25\.4 in PATH is too old; install Go 1\.26\.3 or newer\.$"):
        ensure_built(source, progress)


def test_the_compiler_writes_nothing_that_the_linker_leaves_out(
    record: Path, source: Source, progress: Progress, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FAKE_SAID", str(tmp_path / "said"))
    monkeypatch.setenv("GOGC", "off")
    ensure_built(source, progress)
    (said,) = (tmp_path / "said").read_text().splitlines()
    assert said.startswith("400 1GiB build ")
    assert "-ldflags -s -w " in said
    assert " -gcflags=all=-dwarf=false " in said


def test_the_users_go_flags_do_not_change_a_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOFLAGS", "-race")
    monkeypatch.setenv("CGO_ENABLED", "1")
    environment = gobuild.go_environment()
    assert environment["GOFLAGS"] == "-buildvcs=false -trimpath"
    assert environment["CGO_ENABLED"] == "0"


def test_a_version_without_pins_names_the_generator(progress: Progress) -> None:
    with pytest.raises(UserError, match=r"no pins for etcd 0\.0\.1; run `headless-conformance go-pins`"):
        source_of("etcd", "0.0.1")


def test_kubernetes_learns_its_version_from_the_linker() -> None:
    newest = read_versions().newest
    flags = source_of("kubernetes", newest.patch).ldflags
    assert f"-X k8s.io/component-base/version.gitVersion=v{newest.patch}" in flags
    assert f"-X k8s.io/client-go/pkg/version.gitMinor={newest.minor.split('.')[1]}" in flags
