"""The Go build cache that builds share is there while one is going on or will go on, and not longer."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from headless_conformance.core.paths import ROOT, cache_dir
from headless_conformance.toolchain.go_build_cache import INTERRUPTED_DAYS, shared_build_cache, unfinished


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return cache_dir() / "go-build"


def build_once(title: str, key: str, error: type[BaseException] | None = None) -> None:
    with shared_build_cache() as objects, unfinished(title, key):
        (objects / key).touch()
        if error is not None:
            raise error


def interrupted_build(title: str, key: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        build_once(title, key, KeyboardInterrupt)


def test_it_goes_with_the_outermost_block(home: Path) -> None:
    with shared_build_cache() as outer:
        with shared_build_cache() as inner:
            assert inner == outer
        assert outer.is_dir()
    assert not home.exists()


def test_it_stays_after_an_interrupted_build_and_goes_when_that_has_ended_well(home: Path) -> None:
    interrupted_build("tool-1", "a" * 16)
    build_once("other-1", "b" * 16)
    assert (home / "objects" / ("a" * 16)).exists(), "what had been compiled is there to go on with"
    build_once("tool-1", "a" * 16)
    assert not home.exists()


def test_nobody_goes_on_with_other_inputs_of_the_same_title(home: Path) -> None:
    interrupted_build("tool-1", "a" * 16)
    interrupted_build("tool-1-beta", "a" * 16)
    build_once("tool-1", "b" * 16)
    assert [path.name for path in (home / "unfinished").iterdir()] == [f"tool-1-beta-{'a' * 16}"]


def test_a_build_that_was_interrupted_long_ago_keeps_nothing(home: Path) -> None:
    interrupted_build("tool-1", "a" * 16)
    (mark,) = (home / "unfinished").iterdir()
    long_ago = time.time() - (INTERRUPTED_DAYS * 24 + 1) * 3600
    os.utime(mark, (long_ago, long_ago))
    build_once("other-1", "b" * 16)
    assert not home.exists()


def test_another_process_that_builds_keeps_it(home: Path) -> None:
    program = (
        "from headless_conformance.toolchain.go_build_cache import shared_build_cache\n"
        "with shared_build_cache():\n"
        "    print('building', flush=True)\n"
        "    input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "building\n"
        build_once("tool-1", "a" * 16)
        assert (home / "objects" / ("a" * 16)).exists()
        other.communicate("\n", timeout=30)
    assert other.returncode == 0
    assert not home.exists()
