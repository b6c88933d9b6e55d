"""What runs in the client pod, run here: one line of jobs in, one line of results out."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
from typing import Any

import pytest

from headless_conformance.cluster.agent import PROGRAM


def run(*batches: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Results of each batch."""
    lines = "".join(json.dumps(batch) + "\n" for batch in batches)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], input=lines, capture_output=True, text=True, check=True, timeout=20
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_results_come_in_the_order_of_the_jobs_batch_by_batch() -> None:
    names = [{"do": "resolve", "name": "127.0.0.1"}, {"do": "resolve", "name": "name.invalid"}]
    first, second = run(names, list(reversed(names)))
    assert first == list(reversed(second))
    assert first[0] == {"addresses": ["127.0.0.1"]}
    assert first[1]["error"] in ("EAI_NONAME", "EAI_NODATA", "EAI_AGAIN")


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_server_that_refuses_is_a_problem_and_no_crash(closed_port: int, transport: str) -> None:
    job = {
        "do": "ask",
        "questions": [base64.b64encode(b"question").decode()],
        "times": 3,
        "server": "127.0.0.1",
        "port": closed_port,
        "transport": transport,
        "timeout": 1,
    }
    ((result,),) = run([job])
    (((problem, count),),) = result["problems"]
    assert problem.startswith("ConnectionRefusedError")
    assert (count, result["answers"]) == (3, [[]])


def test_files_and_variables_are_those_of_where_it_runs() -> None:
    ((file, variables),) = run([{"do": "read", "path": "/etc/hosts"}, {"do": "environment"}])
    assert "localhost" in file["text"]
    assert variables["variables"]["PATH"] == os.environ["PATH"]


def test_a_missing_file_is_a_problem() -> None:
    ((result,),) = run([{"do": "read", "path": "/nowhere"}])
    assert "No such file" in result["problem"]
