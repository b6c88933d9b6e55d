"""Which engine is used, what a machine must have, and that only the private engine's own traces are
removed."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from headless_conformance.core.errors import StepFailed, UserError
from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import Settings, from_env
from headless_conformance.engine import engine, private
from headless_conformance.engine import traces as engine_traces
from headless_conformance.host import packages as host
from headless_conformance.run import doctor
from headless_conformance.run.runner import chosen_provider


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH, on a machine with an empty cache and no engine."""
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr(host, "SYSTEM_PATH", ())
    monkeypatch.setattr(engine, "LONGEST_HOME", 1000)
    return folder


@pytest.fixture
def settings() -> Settings:
    return from_env({})


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/bash\nPATH={os.defpath}\n{text}\n")
    path.chmod(0o755)
    return path


def test_the_users_engine_is_used_as_it_is(
    programs: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(programs / "docker", 'echo "27.0 $*"')
    monkeypatch.setenv("DOCKER_HOST", "unix:///somewhere/docker.sock")
    found = engine.ensure_engine(settings, Progress(1))
    assert not found.private
    assert found.env["DOCKER_SOCK"] == "/somewhere/docker.sock"
    assert "DOCKER_HOST" not in found.env
    assert found.docker("ps", "-a").strip() == "27.0 ps -a"


def test_docker_that_fails_is_quoted(programs: Path) -> None:
    program(programs / "docker", "echo no such thing >&2; exit 1")
    with pytest.raises(StepFailed, match="docker pull x failed, see `make doctor`: no such thing"):
        engine.Engine({}, private=False).docker("pull", "x")


def test_docker_that_hangs_is_ended(programs: Path) -> None:
    program(programs / "docker", "exec sleep 60")
    with pytest.raises(StepFailed, match=r"docker ps did not end within 0 s; .*`make doctor`"):
        engine.Engine({}, private=False).docker("ps", timeout=0.2)


def test_a_docker_host_that_does_not_answer_is_an_error(
    programs: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://localhost:1")
    with pytest.raises(UserError, match=r"DOCKER_HOST=tcp://localhost:1 does not answer; .*\.$"):
        engine.ensure_engine(settings, Progress(1))
    with pytest.raises(UserError, match=r"DOCKER_HOST=tcp://localhost:1 does not answer"):
        chosen_provider(settings)
    rows = {what: (there, use) for what, there, use in doctor.doctor_table(settings)}
    assert "does not answer" in rows["container engine"][1]
    assert rows["provider"][0] == "none"


def test_the_private_engines_own_address_is_not_the_users(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(programs / "docker", "echo 26.1")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{private.home().socket}")
    assert engine.find_engine() is None
    private.home().socket.parent.mkdir(parents=True)
    private.home().socket.touch()
    found = engine.find_engine()
    assert found is not None
    assert found.private


def test_without_docker_and_root_there_is_no_engine(
    programs: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(UserError, match="a private engine needs root"):
        engine.ensure_engine(settings, Progress(1))


def test_another_platform_has_no_private_engine(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "linux/amd64 only" in str(engine.why_no_engine())


def test_without_a_debian_archive_there_is_no_private_engine(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> str:
        raise UserError("apt knows no Debian archive.")

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(engine, "archive_root", none)
    assert "a Debian archive, which apt does not know here" in str(engine.why_no_engine())


def test_a_path_too_long_for_a_socket_is_said_before_anything_starts(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(engine, "LONGEST_HOME", 10)
    with pytest.raises(UserError, match="too long for a socket"):
        engine.why_no_engine()


@pytest.fixture
def startable(programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An unpacked engine whose programs the test writes; this machine's state is neither read nor changed."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(engine, "archive_root", lambda: "https://debian.example/debian")
    monkeypatch.setattr(host, "require_host_packages", lambda *_: None)
    monkeypatch.setattr(engine_traces, "remember_host", lambda *_: None)
    monkeypatch.setattr(
        "headless_conformance.toolchain.debian.build.unpacked", lambda *_: tmp_path / "unpacked"
    )
    program(tmp_path / "unpacked/usr/bin/docker", "exit 1")
    return tmp_path / "unpacked/usr/sbin/dockerd"


def test_an_engine_that_does_not_come_up_shows_its_log(startable: Path, settings: Settings) -> None:
    program(startable, "echo cannot mount; exit 1")
    with pytest.raises(StepFailed, match=r"(?s)did not start.*cannot mount.*whole log: .*dockerd\.log"):
        engine.ensure_engine(settings, Progress(1))


def test_an_engine_that_does_not_answer_in_time_is_ended(
    startable: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(private, "START_SECONDS", 0.5)
    startable.parent.mkdir(parents=True)
    shutil.copy("/bin/bash", startable)
    monkeypatch.setattr(
        private,
        "_command",
        lambda place: [str(startable), "-c", f"while :; do read -t 1 <> <(:); done # {place.folder}/"],
    )
    with pytest.raises(StepFailed, match="did not start"):
        engine.ensure_engine(settings, Progress(1))
    assert engine_traces.processes_of(private.home().folder, "dockerd") == []


@pytest.fixture
def named_alike(tmp_path: Path) -> Iterator[tuple[Path, subprocess.Popen[bytes], subprocess.Popen[bytes]]]:
    """The engine's home, its containerd, and a containerd of the same packages that is another engine's."""
    home, elsewhere, packages = tmp_path / "home", tmp_path / "elsewhere", tmp_path / "packages"
    packages.mkdir()
    shutil.copy("/bin/sleep", packages / "containerd")
    running = []
    for folder in (home, elsewhere):
        folder.mkdir()
        (folder / "programs").symlink_to(packages)
        running.append(subprocess.Popen([folder / "programs" / "containerd", "60"]))
    yield home, running[0], running[1]
    for child in running:
        child.kill()
        child.wait()


def test_only_processes_of_this_engine_are_ended(
    named_alike: tuple[Path, subprocess.Popen[bytes], subprocess.Popen[bytes]],
) -> None:
    home, ours, others = named_alike
    assert [process.pid for process in engine_traces.processes_of(home, "containerd")] == [ours.pid]
    engine_traces.end_processes(home, ("containerd",), 5.0)
    assert ours.wait(timeout=5) == -signal.SIGTERM
    assert others.poll() is None


RULES_BEFORE = ["-P INPUT ACCEPT", "-P FORWARD ACCEPT", "-A FORWARD -i br-other -j ACCEPT"]
RULES_AFTER = """-P INPUT ACCEPT
-P FORWARD DROP
-N DOCKER
-N DOCKER-USER
-A FORWARD -j DOCKER-USER
-A FORWARD -o br-0123456789ab -j DOCKER
-A FORWARD -i br-0123456789ab ! -o br-0123456789ab -j ACCEPT
-A FORWARD -i br-other -j ACCEPT
-A FORWARD -i wg0 -j ACCEPT
-A POSTROUTING -s 192.0.2.0/24 ! -o br-0123456789ab -j MASQUERADE
-A POSTROUTING -s 192.0.2.7/32 -d 192.0.2.7/32 -p tcp -m tcp --dport 80 -j MASQUERADE
-A POSTROUTING -s 198.51.100.7/32 -d 198.51.100.7/32 -j MASQUERADE
-A DOCKER-USER -j RETURN"""


def test_of_the_packet_filter_only_our_rules_and_chains_are_removed(programs: Path, tmp_path: Path) -> None:
    log = tmp_path / "changes"
    program(
        programs / "iptables",
        f'case "$*" in *--list-rules*) cat <<E\n{RULES_AFTER}\nE\n;; *) shift 3; echo "$*" >> {log};; esac',
    )
    engine_traces._remove_rules("filter", {"br-0123456789ab"}, RULES_BEFORE)
    assert log.read_text().splitlines() == [
        "--delete FORWARD -j DOCKER-USER",
        "--delete FORWARD -o br-0123456789ab -j DOCKER",
        "--delete FORWARD -i br-0123456789ab ! -o br-0123456789ab -j ACCEPT",
        "--delete POSTROUTING -s 192.0.2.0/24 ! -o br-0123456789ab -j MASQUERADE",
        "--delete POSTROUTING -s 192.0.2.7/32 -d 192.0.2.7/32 -p tcp -m tcp --dport 80 -j MASQUERADE",
        "--delete DOCKER-USER -j RETURN",
        "--flush DOCKER",
        "--flush DOCKER-USER",
        "--delete-chain DOCKER",
        "--delete-chain DOCKER-USER",
        "--policy FORWARD ACCEPT",
    ]


def test_chains_that_were_there_before_us_stay(programs: Path, tmp_path: Path) -> None:
    log = tmp_path / "changes"
    log.touch()
    program(
        programs / "iptables", f'case "$*" in *--list-rules*) echo -N DOCKER;; *) echo "$*" >> {log};; esac'
    )
    engine_traces._remove_rules("filter", set(), ["-N DOCKER"])
    assert log.read_text() == ""


def test_bridges_are_ours_when_the_engines_data_names_their_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "data/network/files/local-kv.db"
    store.parent.mkdir(parents=True)
    store.write_bytes(b"\0...0123456789abcdef...fedcba987654...\0")
    monkeypatch.setattr(
        engine_traces, "_bridges", lambda: {"br-0123456789ab", "br-fedcba987654", "br-aaaaaaaaaaaa", "virbr0"}
    )
    assert engine_traces._our_bridges(tmp_path, ["br-fedcba987654"]) == {"br-0123456789ab"}


def test_kernel_settings_go_back_to_what_the_first_start_saw(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(programs / "iptables", "exit 0")
    switch = tmp_path / "switch"
    switch.write_text("0\n")
    monkeypatch.setattr(engine_traces, "SYSCTLS", (str(switch),))
    home = tmp_path / "home"
    home.mkdir()
    engine_traces.remember_host(home)
    switch.write_text("1\n")
    engine_traces.remember_host(home)
    engine_traces.take_back(home)
    assert switch.read_text() == "0"
    assert not (home / engine_traces.MEMORY).exists()
