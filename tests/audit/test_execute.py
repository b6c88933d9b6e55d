"""Commands in Pods: what they say, and whether trying again could help where they cannot be started."""

from __future__ import annotations

import json
import socket

import pytest

from headless_conformance.audit.errors import InspectionError, NoSuchObjectError, PermanentError
from headless_conformance.audit.execute import CommandOutput, execute
from tests.audit.api_server import access_to, frame, listening, respond, upgrade


def run(port: int) -> CommandOutput:
    return execute(access_to(port), "shop", "db-0", "server", ["cat", "/etc/resolv.conf"])


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        ({"status": "Success"}, 0),
        ({"status": "Failure", "details": {"causes": [{"reason": "ExitCode", "message": "3"}]}}, 3),
    ],
)
def test_a_command_has_output_and_exit_status(outcome: object, status: int) -> None:
    def handle(connection: socket.socket, request: str) -> None:
        upgrade(connection, request)
        connection.sendall(frame(b"\x01nameserver 10.96.0.10\n"))
        connection.sendall(frame(b"\x03" + json.dumps(outcome).encode()))
        connection.recv(1)

    with listening(handle) as port:
        found = run(port)
    assert (found.status, found.stdout) == (status, "nameserver 10.96.0.10\n")


@pytest.mark.parametrize(
    ("message", "permanent"),
    [
        ("error executing command in container: exec: cat: executable file not found in $PATH", True),
        ("exec /bin/cat: no such file or directory", True),
        ("container is in CONTAINER_EXITED state", False),
    ],
)
def test_a_command_that_cannot_be_started_is_said(message: str, *, permanent: bool) -> None:
    def handle(connection: socket.socket, request: str) -> None:
        upgrade(connection, request)
        connection.sendall(frame(b"\x03" + json.dumps({"status": "Failure", "message": message}).encode()))
        connection.recv(1)

    with listening(handle) as port, pytest.raises(InspectionError) as caught:
        run(port)
    assert message in caught.value.reason
    assert isinstance(caught.value, PermanentError) is permanent


@pytest.mark.parametrize(
    ("status", "error", "permanent"),
    [
        ("400 Bad Request", PermanentError, True),
        ("403 Forbidden", PermanentError, True),
        ("404 Not Found", NoSuchObjectError, False),
        ("500 Internal Server Error", InspectionError, False),
        ("502 Bad Gateway", InspectionError, False),
    ],
)
def test_a_refusal_is_told_from_a_kubelet_that_is_not_there_yet(
    status: str, error: type[InspectionError], *, permanent: bool
) -> None:
    with (
        listening(lambda connection, _: respond(connection, {"message": "no"}, status)) as port,
        pytest.raises(error) as caught,
    ):
        run(port)
    assert isinstance(caught.value, PermanentError) is permanent
