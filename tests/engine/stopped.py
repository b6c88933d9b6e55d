"""`python -m tests.engine.stopped`: a real private engine that is stopped by SIGSTOP, as root.

It has a cache, a network and a /run of its own, so that no engine of this machine is disturbed; the unpacked
Debian packages are taken from the user's cache. Prints what was seen, and ends with a traceback when an
engine was ended that must not be.
"""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from pathlib import Path

from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import cache_dir, clone_id
from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import from_env
from headless_conformance.engine import private, traces
from headless_conformance.engine.engine import ensure_engine

STOPPED_SECONDS = 20.0
INSIDE = "HEADLESS_CONFORMANCE_STOPPED_ENGINE"


def apart() -> int:
    """Run this program again where it is alone."""
    with tempfile.TemporaryDirectory(prefix="hce", dir="/tmp") as folder:
        ours = Path(folder) / "headless-conformance"
        ours.mkdir()
        for shared in ("debian", "locks"):
            (ours / shared).symlink_to(cache_dir() / shared)
        words = ["unshare", "--net", "--mount", sys.executable, "-m", "tests.engine.stopped"]
        env = {**os.environ, "XDG_CACHE_HOME": folder, INSIDE: "1", "DOCKER_HOST": ""}
        return subprocess.run(words, env=env, check=False).returncode


def stopped_for_a_while() -> None:
    pid = private.processes()[0]
    os.kill(pid, signal.SIGSTOP)
    threading.Timer(STOPPED_SECONDS, os.kill, (pid, signal.SIGCONT)).start()
    begun = time.monotonic()
    ensure_engine(from_env({}), Progress(1))
    assert pid in private.processes()
    print(f"stopped for {STOPPED_SECONDS:.0f} s: waited for {time.monotonic() - begun:.1f} s, same process")


def stopped_for_good() -> None:
    """With a container of another clone it is left alone; without one it is replaced."""
    engine = ensure_engine(from_env({}), Progress(1))
    image = io.BytesIO()
    with tarfile.open(fileobj=image, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("empty"))
    docker = [str(shutil.which("docker", path=engine.env["PATH"])), "import", "-", "empty:1"]
    subprocess.run(docker, input=image.getvalue(), env={**os.environ, **engine.env}, check=True, stdout=-3)
    engine.docker("create", "--name", "hc-0a1b2c3d-1-37-worker", "--network=none", "empty:1", "/none")
    said = private.stop_if_unused()
    assert "hc-0a1b2c3d-1-37-worker" in said
    print(f"make clean: left running, it is used by {said}")
    pid = private.processes()[0]
    private.SILENT_SECONDS = 15.0
    os.kill(pid, signal.SIGSTOP)
    try:
        ensure_engine(from_env({}), Progress(1))
    except UserError as error:
        print(f"stopped for good with a container of another clone: {error}")
    assert pid in private.processes()
    os.kill(pid, signal.SIGCONT)
    engine.docker("rm", "hc-0a1b2c3d-1-37-worker")
    engine.docker("create", "--name", f"hc-{clone_id()}-1-37-worker", "--network=none", "empty:1", "/none")
    os.kill(pid, signal.SIGSTOP)
    engine = ensure_engine(from_env({}), Progress(1))
    assert pid not in private.processes()
    print("stopped for good with containers of this clone only: replaced")
    engine.docker("rm", f"hc-{clone_id()}-1-37-worker")


def main() -> int:
    if INSIDE not in os.environ:
        return apart()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    try:
        ensure_engine(from_env({}), Progress(1))
        stopped_for_a_while()
        stopped_for_good()
        assert private.stop_if_unused() == ""
    finally:
        for process in traces.processes_of(private.home().folder, *traces.PROGRAMS):
            process.kill()
    assert not private.processes()
    print("stopped in the end")
    return 0


if __name__ == "__main__":
    sys.exit(main())
