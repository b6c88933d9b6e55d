"""The private engine: one dockerd per user, started on demand, which outlives the run that started it.

It is ended when it was asked for and nobody else uses it. One that seems dead is ended only when its process
is gone, or when its socket answered nobody for SILENT_SECONDS and only this clone uses it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from headless_conformance.core.errors import StepFailed, UserError
from headless_conformance.core.paths import cache_dir
from headless_conformance.core.process import output_of, tail
from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import Settings
from headless_conformance.engine import traces, users
from headless_conformance.host import packages as host

ANSWER_SECONDS = 10.0
LOOKS = 3
"""How often in a row an engine may need longer than that before it is said not to answer."""
START_SECONDS = 120.0
_STOP_SECONDS = 60.0
SILENT_SECONDS = 180.0
"""How long an engine whose process runs may answer nobody before it is taken for hung."""
_POLL_SECONDS = 0.1
ENGINE_LOOK_SECONDS = 1.0
"""Between two looks at an engine that does not answer."""


@dataclass(frozen=True)
class Home:
    """The private engine's files. `data` (images, volumes, stopped containers) outlives `stop_if_unused`."""

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
    def starter(self) -> Path:
        """Which process started the engine that runs."""
        return self.folder / "starter"

    @property
    def programs(self) -> Path:
        """A link to the unpacked packages of the engine that was started last."""
        return self.folder / "programs"


def home() -> Home:
    return Home(cache_dir() / "engine")


@contextmanager
def _locked() -> Iterator[Home]:
    """One process of this user at a time starts or stops the engine, or becomes a user of it."""
    place = home()
    place.folder.mkdir(parents=True, exist_ok=True)
    with FileLock(place.folder / "lock"):
        yield place


def server_version(env: Mapping[str, str]) -> str | None:
    """The version of the engine that plain `docker` reaches with `env`; None when it refuses, or does not
    answer LOOKS times."""
    command = ["docker", "version", "--format", "{{.Server.Version}}"]
    for _ in range(LOOKS):
        try:
            return output_of(command, env={**os.environ, **env}, timeout=ANSWER_SECONDS).strip() or None
        except subprocess.TimeoutExpired:
            continue
        except (subprocess.SubprocessError, OSError):
            return None
    return None


def environment(place: Home) -> dict[str, str]:
    """DOCKER_CONTEXT and the TLS variables would send docker elsewhere; empty ones count as unset."""
    return {
        "DOCKER_HOST": f"unix://{place.socket}",
        "DOCKER_SOCK": str(place.socket),
        "DOCKER_CONTEXT": "",
        "DOCKER_TLS_VERIFY": "",
        "DOCKER_CERT_PATH": "",
        "PATH": f"{place.programs / 'usr/bin'}{os.pathsep}{host.search_path()}",
    }


def answers() -> bool:
    """Whether the private engine answers now."""
    place = home()
    return place.socket.exists() and server_version(environment(place)) is not None


def processes() -> Sequence[int]:
    """The IDs of the engine's own processes."""
    return [process.pid for process in traces.processes_of(home().folder, "dockerd", "containerd")]


def was_started_here() -> bool:
    """Whether it was this process that started the engine which runs."""
    starter = home().starter
    return starter.exists() and starter.read_text() == str(os.getpid())


def was_killed() -> bool:
    """Whether an engine was started and nobody has stopped it since; it may also run."""
    return (home().folder / traces.MEMORY).exists()


def ensure_running(settings: Settings, progress: Progress) -> Mapping[str, str]:
    """Have the private engine run and be one of its users until this process ends; what to add to the
    environment of programs that talk to it.

    One whose process runs is waited for. StepFailed with the log's last lines when it does not come up, and
    UserError when it hangs and others use it.
    """
    with _locked() as place:
        if not _answers_in_the_end(place, progress):
            from headless_conformance.toolchain.debian.build import unpacked

            host.require_host_packages(host.ENGINE_PACKAGES, progress)
            _link_programs(place, unpacked("engine", settings, progress))
            _start(place, progress)
        users.hold(place.folder)
        return environment(place)


def _answers_in_the_end(place: Home, progress: Progress) -> bool:
    """Whether the engine answers, now or within SILENT_SECONDS; False as soon as its process is gone.

    One that answers nobody for that long is ended, unless others use it: UserError names them then.
    """
    env = environment(place)
    if place.socket.exists() and server_version(env) is not None:
        return True
    if not traces.processes_of(place.folder, "dockerd"):
        return False
    progress.say("the private engine runs and does not answer yet: waiting for it")
    deadline = time.monotonic() + SILENT_SECONDS
    while running := traces.processes_of(place.folder, "dockerd"):
        if server_version(env) is not None:
            return True
        if time.monotonic() > deadline:
            if others := users.of_others(place.folder):
                raise UserError(
                    f"The private container engine (process {running[0].pid}) has not answered for "
                    f"{SILENT_SECONDS:.0f} s and is used by others: {others}; "
                    f"end it with `kill -9 {running[0].pid}` when they can do without it, and run again."
                )
            progress.say(f"the private engine has not answered for {SILENT_SECONDS:.0f} s: ending it")
            return False
        time.sleep(ENGINE_LOOK_SECONDS)
    return False


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
        f"--cgroup-parent=/{traces.cgroup_of(place.folder)}",
        "--exec-opt=native.cgroupdriver=cgroupfs",
        f"--init-path={place.programs / 'usr/bin/tini-static'}",
        f"--userland-proxy-path={place.programs / 'usr/sbin/docker-proxy'}",
        "--group=root",
        # kind makes its own network, and the default bridge would be one more thing to take back.
        "--bridge=none",
    ]


def _start(place: Home, progress: Progress) -> None:
    """Start dockerd in a session of its own, so that it outlives this run, and wait until it answers."""
    traces.end_processes(place.folder, ("dockerd", "containerd"), ANSWER_SECONDS)
    # A number in a stale pid file may belong to somebody else by now, and dockerd would refuse to start.
    for stale in (place.pid_file, place.run / "containerd" / "containerd.pid"):
        stale.unlink(missing_ok=True)
    traces.remember_host(place.folder)
    libraries = place.programs / "usr/lib/x86_64-linux-gnu"
    folders = (place.programs / "usr/bin", place.programs / "usr/sbin", host.search_path())
    env = {
        **os.environ,
        **environment(place),
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
    place.starter.write_text(str(os.getpid()))
    try:
        while server_version(environment(place)) is None:
            if child.poll() is not None or time.monotonic() - begun > START_SECONDS:
                raise StepFailed(
                    f"The private engine did not start.\n{tail(place.log)}\n    whole log: {place.log}"
                )
            time.sleep(_POLL_SECONDS)
    except BaseException:
        traces.end_processes(place.folder, ("dockerd", "containerd"), _STOP_SECONDS)
        raise
    progress.say(f"private engine up in {time.monotonic() - begun:.1f} s")


def stop_if_unused() -> str:
    """Stop the private engine in order, or what a killed one left, and take back what it changed on this
    host.

    Returns who uses it, as the end of a sentence, when it was left alone for that.
    """
    with _locked() as place:
        if using := users.of_anybody(place.folder):
            return using
        traces.end_processes(place.folder, ("dockerd",), _STOP_SECONDS, signal.SIGTERM)
        traces.end_processes(place.folder, traces.PROGRAMS, _STOP_SECONDS)
        traces.take_back(place.folder)
        for path in (place.socket, place.pid_file, place.starter):
            path.unlink(missing_ok=True)
    return ""
