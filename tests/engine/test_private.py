"""The private engine is ended when its process is gone, or when it hangs and nobody else uses it; never
because of one look."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import ROOT, clone_id
from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import from_env
from headless_conformance.engine import private, traces, users
from headless_conformance.engine.engine import ensure_engine
from headless_conformance.host import packages as host

SETTINGS = from_env({})
HANGING = "exec sleep 60"
FAILING = "echo refused >&2; exit 1"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> private.Home:
    """The home of an engine on a machine whose state is neither read nor changed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr(host, "SYSTEM_PATH", ())
    monkeypatch.setattr(host, "require_host_packages", lambda *_: None)
    monkeypatch.setattr(traces, "remember_host", lambda *_: None)
    monkeypatch.setattr(traces, "take_back", lambda *_: None)
    monkeypatch.setattr(private, "ENGINE_LOOK_SECONDS", 0.1)
    monkeypatch.setattr(private, "ANSWER_SECONDS", 0.3)
    unpacked = tmp_path / "unpacked"
    monkeypatch.setattr("headless_conformance.toolchain.debian.build.unpacked", lambda *_: unpacked)
    found = private.home()
    found.folder.mkdir(parents=True)
    found.socket.touch()
    private._link_programs(found, unpacked)
    return found


def docker(place: private.Home, text: str) -> None:
    """What `docker` is from now on."""
    path = (place.folder.parents[2] / "unpacked/usr/bin/docker").resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name("fresh")
    fresh.write_text(f"#!/bin/bash\nPATH={os.defpath}\n{text}\n")
    fresh.chmod(0o755)
    fresh.replace(path)


@pytest.fixture
def dockerd(place: private.Home) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is taken for the engine of `place`."""
    program = place.programs / "usr/sbin/dockerd"
    program.parent.resolve().mkdir(parents=True)
    shutil.copy("/bin/sleep", program)
    child = subprocess.Popen([program, "60"])
    yield child
    child.kill()
    child.wait()


def container(place: private.Home, name: str) -> None:
    folder = place.data / "containers" / name
    folder.mkdir(parents=True)
    (folder / "config.v2.json").write_text(json.dumps({"Name": f"/{name}"}))


@pytest.mark.parametrize("text", [HANGING, FAILING], ids=["hangs", "fails"])
def test_an_engine_that_answers_late_is_waited_for_and_not_ended(
    place: private.Home, dockerd: subprocess.Popen[bytes], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    looks = place.folder / "looks"
    docker(place, f"echo >> {looks}; [ $(wc -l < {looks}) -gt 7 ] && exec echo 26.1; {text}")
    found = ensure_engine(SETTINGS, Progress(1))
    assert found.private
    assert dockerd.poll() is None
    assert "does not answer yet: waiting for it" in capsys.readouterr().err


@pytest.mark.parametrize("text", [HANGING, FAILING], ids=["hangs", "fails"])
def test_an_engine_that_hangs_and_serves_another_clone_is_named_and_left_alone(
    place: private.Home, dockerd: subprocess.Popen[bytes], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(private, "SILENT_SECONDS", 1.0)
    docker(place, text)
    container(place, f"hc-{clone_id()}-1-37-worker")
    container(place, "hc-0a1b2c3d-1-37-worker")
    with pytest.raises(UserError) as caught:
        ensure_engine(SETTINGS, Progress(1))
    assert "hc-0a1b2c3d-1-37-worker" in str(caught.value)
    assert clone_id() not in str(caught.value)
    assert f"`kill -9 {dockerd.pid}`" in str(caught.value)
    assert dockerd.poll() is None


def test_an_engine_that_hangs_and_serves_nobody_else_is_ended(
    place: private.Home, dockerd: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(private, "SILENT_SECONDS", 1.0)
    docker(place, FAILING)
    container(place, f"hc-{clone_id()}-1-37-worker")
    started = []
    monkeypatch.setattr(private, "_start", lambda place, progress: started.append(place))
    private.ensure_running(SETTINGS, Progress(1))
    assert started == [place]


def test_an_engine_whose_process_has_ended_is_started_at_once(
    place: private.Home, dockerd: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    dockerd.kill()
    docker(place, FAILING)
    container(place, "hc-0a1b2c3d-1-37-worker")
    started = []
    monkeypatch.setattr(private, "_start", lambda place, progress: started.append(place))
    begun = time.monotonic()
    private.ensure_running(SETTINGS, Progress(1))
    assert started == [place]
    assert time.monotonic() - begun < private.SILENT_SECONDS / 10


@pytest.fixture
def another_clone(place: private.Home) -> Iterator[subprocess.Popen[str]]:
    """A process of another clone that uses the engine."""
    code = (
        "import pathlib, time; from headless_conformance.engine import users; "
        "users.clone_id = lambda: '0a1b2c3d'; "
        f"users.hold(pathlib.Path({str(place.folder)!r})); print('held', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    yield child
    child.kill()
    child.wait()


def test_cleaning_up_leaves_the_engine_that_a_run_of_another_clone_uses(
    place: private.Home, dockerd: subprocess.Popen[bytes], another_clone: subprocess.Popen[str]
) -> None:
    assert private.stop_if_unused() == f"process {another_clone.pid} of clone 0a1b2c3d"
    assert dockerd.poll() is None
    another_clone.kill()
    another_clone.wait()
    assert private.stop_if_unused() == ""
    assert dockerd.wait(timeout=5) == -signal.SIGTERM
    assert not place.socket.exists()


def test_cleaning_up_leaves_the_engine_that_has_containers_and_names_some(
    place: private.Home, dockerd: subprocess.Popen[bytes]
) -> None:
    for number in range(6):
        container(place, f"hc-0a1b2c3d-1-37-worker{number}")
    said = private.stop_if_unused()
    assert said.startswith("the containers hc-0a1b2c3d-1-37-worker0, ")
    assert said.endswith("worker3 and 2 more")
    assert dockerd.poll() is None


def test_who_uses_the_engine_is_named_by_the_place_of_the_clone(place: private.Home) -> None:
    other = place.folder.parent / "clones" / "0a1b2c3d"
    other.mkdir(parents=True)
    (other / users.CLONE_FILE).write_text("/home/somebody/clone\n")
    assert users._place_of("0a1b2c3d") == "the clone /home/somebody/clone"


def test_this_process_knows_whether_it_started_the_engine(place: private.Home) -> None:
    assert not private.was_started_here()
    place.starter.write_text(str(os.getpid()))
    assert private.was_started_here()
    place.starter.write_text(str(os.getppid()))
    assert not private.was_started_here()
