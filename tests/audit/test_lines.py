"""The lines that show a finding by hand do what they say in the shells that people have."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from headless_conformance.audit.blame import dig
from headless_conformance.records import Question
from tests.audit.world import SERVERS

QUESTION = Question("db-0.db-peers.shop.svc.cluster.local", "A")


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_the_line_that_asks_a_server_asks_through_a_port_forward_and_ends_it(
    tmp_path: Path, shell: str
) -> None:
    """Programs that write down what they are told stand for kubectl and dig."""
    _program(tmp_path, "kubectl", "echo $$ > forward; exec tail -f /dev/null")
    _program(tmp_path, "dig", "test -s forward || exit 1")
    _program(tmp_path, "sleep", "while ! test -s forward; do :; done")
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(
        [str(shutil.which(shell)), "-c", dig(SERVERS[0], QUESTION)],
        cwd=tmp_path,
        env={"PATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    told = (tmp_path / "kubectl.told").read_text().split()
    assert told == ["-n", "kube-system", "port-forward", "pod/dns-1", "5300:53"]
    asked = (tmp_path / "dig.told").read_text().split()
    assert asked == ["+tcp", "-p", "5300", "@127.0.0.1", "db-0.db-peers.shop.svc.cluster.local.", "A"]
    with suppress(psutil.NoSuchProcess):
        psutil.Process(int((tmp_path / "forward").read_text())).wait(timeout=10)


def _program(folder: Path, name: str, then: str) -> None:
    path = folder / name
    path.write_text(f'#!/bin/sh\nprintf "%s " "$@" > {name}.told\n{then}\n')
    path.chmod(0o755)
