"""The container engine: the user's Docker where it answers, else one private dockerd per user, started on
demand."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from headless_conformance.core.errors import StepFailed, UserError
from headless_conformance.core.paths import cache_dir
from headless_conformance.core.process import output_of, tail
from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import Settings
from headless_conformance.engine import traces as engine_traces
from headless_conformance.host import packages as host
from headless_conformance.toolchain.debian.apt import archive_root

ANSWER_SECONDS = 10.0
START_SECONDS = 60.0
STOP_SECONDS = 60.0
POLL_SECONDS = 0.1
LONGEST_HOME = 70
"""A socket's path has at most 107 bytes, and containerd's is 36 bytes below our folder."""


@dataclass(frozen=True)
class Engine:
    """An engine that answers. `env` is what to add to the environment of programs that talk to it."""

    env: Mapping[str, str]
    private: bool

    def docker(self, *args: str, timeout: float = 120.0) -> str:
        """Standard output of `docker` with these words.

        StepFailed with docker's own words, or after `timeout` seconds.
        """
        try:
            return output_of(["docker", *args], env={**os.environ, **self.env}, timeout=timeout)
        except subprocess.CalledProcessError as error:
            raise StepFailed(
                f"docker {' '.join(args)} failed, see `make doctor`: {error.stderr.strip()}"
            ) from None
        except subprocess.TimeoutExpired:
            raise StepFailed(
                f"docker {' '.join(args)} did not end within {timeout:.0f} s; "
                "look with `make doctor` whether the engine answers, and try again."
            ) from None

    def stop(self) -> None:
        """Stop the private engine and take back what it changed on this host.

        The user's own engine is left alone.
        """
        if self.private:
            stop_private()


@dataclass(frozen=True)
class Home:
    """The private engine's files. `data` (images, volumes, stopped containers) outlives `stop`."""

    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def run(self) -> Path:
        return self.folder / "run"

    @property
    def socket(self) -> Path:
        return self.folder / "docker.sock"

    @property
    def pid_file(self) -> Path:
        return self.folder / "docker.pid"

    @property
    def log(self) -> Path:
        return self.folder / "dockerd.log"

    @property
    def programs(self) -> Path:
        """A link to the unpacked packages of the engine that was started last."""
        return self.folder / "programs"


def home() -> Home:
    return Home(cache_dir() / "engine")


@contextmanager
def _locked() -> Iterator[Home]:
    """One process of this user at a time starts or stops the engine."""
    place = home()
    place.folder.mkdir(parents=True, exist_ok=True)
    with FileLock(place.folder / "lock"):
        yield place


def _server_version(env: Mapping[str, str]) -> str | None:
    command = ["docker", "version", "--format", "{{.Server.Version}}"]
    try:
        return output_of(command, env={**os.environ, **env}, timeout=ANSWER_SECONDS).strip() or None
    except (subprocess.SubprocessError, OSError):
        return None


def _private_env(place: Home) -> dict[str, str]:
    """DOCKER_CONTEXT and the TLS variables would send docker elsewhere; empty ones count as unset."""
    return {
        "DOCKER_HOST": f"unix://{place.socket}",
        "DOCKER_SOCK": str(place.socket),
        "DOCKER_CONTEXT": "",
        "DOCKER_TLS_VERIFY": "",
        "DOCKER_CERT_PATH": "",
        "PATH": f"{place.programs / 'usr/bin'}{os.pathsep}{host.search_path()}",
    }


def _asked_host() -> str:
    """The user's DOCKER_HOST; empty when there is none, or when it is the private engine's own, set by a run
    of ours."""
    asked = os.environ.get("DOCKER_HOST", "")
    return "" if asked == f"unix://{home().socket}" else asked


def _users_engine() -> Engine | None:
    """The engine that plain `docker` reaches, unless that is the private one."""
    asked = _asked_host()
    if (
        (not asked and os.environ.get("DOCKER_HOST"))
        or shutil.which("docker") is None
        or _server_version({}) is None
    ):
        return None
    socket = {"DOCKER_SOCK": asked.removeprefix("unix://")} if asked.startswith("unix://") else {}
    return Engine({"PATH": os.environ.get("PATH", os.defpath), **socket}, private=False)


def _running_private() -> Engine | None:
    place = home()
    if not place.socket.exists():
        return None
    env = _private_env(place)
    return Engine(env, private=True) if _server_version(env) else None


def find_engine() -> Engine | None:
    """The engine that answers now, the user's before the private one; starts nothing."""
    return _users_engine() or _running_private()


def find_or_revive(settings: Settings, progress: Progress) -> Engine | None:
    """The engine that answers; where a private one was killed and has not been stopped since, it is started
    again.

    Only a running engine can delete the containers that a killed one left.
    """
    found = find_engine()
    if found is None and (home().folder / engine_traces.MEMORY).exists():
        return ensure_engine(settings, progress)
    return found


def why_no_engine() -> str | None:
    """One sentence that says why this machine can have no engine, or None when it has one or can start one.

    Raises UserError for what is no lack but a failure: the engine that was asked for does not answer, or its
    path is too long.
    """
    return None if find_engine() is not None else why_none_can_start()


def why_none_can_start() -> str | None:
    """The same where no engine answers."""
    if address := _asked_host():
        raise UserError(f"DOCKER_HOST={address} does not answer; start that engine or unset DOCKER_HOST.")
    try:
        host.require_linux_amd64()
    except UserError:
        return (
            f"No Docker answers and a private engine runs on linux/amd64 only, not on {sys.platform}; "
            "start Docker."
        )
    if os.geteuid() != 0:
        return (
            "No Docker answers and a private engine needs root; "
            "start Docker (and be allowed to use it) or run as root."
        )
    if len(str(home().folder)) > LONGEST_HOME:
        raise UserError(
            f"The path {home().folder} is too long for a socket; set XDG_CACHE_HOME to a shorter one."
        )
    try:
        archive_root()
    except UserError:
        return (
            "No Docker answers and a private engine comes from a Debian archive, "
            "which apt does not know here; start Docker."
        )
    return None


def ensure_engine(settings: Settings, progress: Progress) -> Engine:
    """The user's engine when it answers, else the private one, started when it does not run.

    UserError when there can be none, StepFailed with the log's last lines when the private one does not come
    up.
    """
    found = find_engine()
    if found is not None:
        return found
    if reason := why_none_can_start():
        raise UserError(reason)
    with _locked() as place:
        # Another process may have started it meanwhile.
        running = _running_private()
        if running is not None:
            return running
        from headless_conformance.toolchain.debian.build import unpacked

        host.require_host_packages(host.ENGINE_PACKAGES, progress)
        _link_programs(place, unpacked("engine", settings, progress))
        _start(place, progress)
        return Engine(_private_env(place), private=True)


def _link_programs(place: Home, folder: Path) -> None:
    fresh = place.programs.with_name(".programs")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(folder)
    fresh.replace(place.programs)


def _command(place: Home) -> list[str]:
    settings = place.folder / "daemon.json"
    settings.write_text("{}\n")
    return [
        str(place.programs / "usr/sbin/dockerd"),
        f"--config-file={settings}",
        f"--host=unix://{place.socket}",
        f"--data-root={place.data}",
        f"--exec-root={place.run}",
        f"--pidfile={place.pid_file}",
        f"--cgroup-parent=/{engine_traces.cgroup_of(place.folder)}",
        "--exec-opt=native.cgroupdriver=cgroupfs",
        f"--init-path={place.programs / 'usr/bin/tini-static'}",
        f"--userland-proxy-path={place.programs / 'usr/sbin/docker-proxy'}",
        "--group=root",
        # kind makes its own network, and the default bridge would be one more thing to take back.
        "--bridge=none",
    ]


def _start(place: Home, progress: Progress) -> None:
    """Start dockerd in a session of its own, so that it outlives this run, and wait until it answers."""
    if engine_traces.processes_of(place.folder, "dockerd"):
        progress.say("the private engine runs and does not answer: ending it")
    engine_traces.end_processes(place.folder, ("dockerd", "containerd"), ANSWER_SECONDS)
    # A number in a stale pid file may belong to somebody else by now, and dockerd would refuse to start.
    for stale in (place.pid_file, place.run / "containerd" / "containerd.pid"):
        stale.unlink(missing_ok=True)
    engine_traces.remember_host(place.folder)
    libraries = place.programs / "usr/lib/x86_64-linux-gnu"
    folders = (place.programs / "usr/bin", place.programs / "usr/sbin", host.search_path())
    env = {
        **os.environ,
        **_private_env(place),
        "PATH": os.pathsep.join(map(str, folders)),
        "LD_LIBRARY_PATH": f"{libraries}{os.pathsep}{place.programs / 'lib/x86_64-linux-gnu'}",
    }
    if place.log.exists():
        place.log.replace(place.log.with_suffix(".log.old"))
    begun = time.monotonic()
    with place.log.open("wb") as log:
        child = subprocess.Popen(
            _command(place),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=env,
            cwd=place.folder,
            start_new_session=True,
        )
    try:
        while _server_version(_private_env(place)) is None:
            if child.poll() is not None or time.monotonic() - begun > START_SECONDS:
                raise StepFailed(
                    f"The private engine did not start.\n{tail(place.log)}\n    whole log: {place.log}"
                )
            time.sleep(POLL_SECONDS)
    except BaseException:
        engine_traces.end_processes(place.folder, ("dockerd", "containerd"), STOP_SECONDS)
        raise
    progress.say(f"private engine up in {time.monotonic() - begun:.1f} s")


def stop_private() -> None:
    """Stop the private engine in order, or what a killed one left, and take back what it changed on this
    host."""
    with _locked() as place:
        engine_traces.end_processes(place.folder, ("dockerd",), STOP_SECONDS, signal.SIGTERM)
        engine_traces.end_processes(place.folder, engine_traces.PROGRAMS, STOP_SECONDS)
        engine_traces.take_back(place.folder)
        for path in (place.socket, place.pid_file):
            path.unlink(missing_ok=True)
