"""The container engine: the user's Docker where it answers, else one private dockerd per user, started on
demand."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from headless_conformance.core.errors import StepFailed, UserError
from headless_conformance.core.process import output_of
from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import Settings
from headless_conformance.engine import private
from headless_conformance.host import packages as host
from headless_conformance.toolchain.debian.apt import archive_root

ENGINE_STEP = "container engine"
"""The step that makes one ready, as a person reads it."""
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


def _asked_host() -> str:
    """The user's DOCKER_HOST; empty when there is none, or when it is the private engine's own, set by a run
    of ours."""
    asked = os.environ.get("DOCKER_HOST", "")
    return "" if asked == f"unix://{private.home().socket}" else asked


def _users_engine() -> Engine | None:
    """The engine that plain `docker` reaches, unless that is the private one."""
    asked = _asked_host()
    if (
        (not asked and os.environ.get("DOCKER_HOST"))
        or shutil.which("docker") is None
        or private.server_version({}) is None
    ):
        return None
    socket = {"DOCKER_SOCK": asked.removeprefix("unix://")} if asked.startswith("unix://") else {}
    return Engine({"PATH": os.environ.get("PATH", os.defpath), **socket}, private=False)


def _running_private() -> Engine | None:
    return Engine(private.environment(private.home()), private=True) if private.answers() else None


def find_engine() -> Engine | None:
    """The engine that answers now, the user's before the private one; starts nothing."""
    return _users_engine() or _running_private()


def find_or_revive(settings: Settings, progress: Progress) -> Engine | None:
    """The engine that answers; where a private one was killed and has not been stopped since, it is started
    again.

    Only a running engine can delete the containers that a killed one left.
    """
    found = find_engine()
    if found is None and private.was_killed():
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
    if len(str(private.home().folder)) > LONGEST_HOME:
        raise UserError(
            f"The path {private.home().folder} is too long for a socket; set XDG_CACHE_HOME to a shorter one."
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

    UserError when there can be none, and otherwise as `private.ensure_running`.
    """
    theirs = _users_engine()
    if theirs is not None:
        return theirs
    if not private.answers() and not private.processes() and (reason := why_none_can_start()):
        raise UserError(reason)
    return Engine(private.ensure_running(settings, progress), private=True)
