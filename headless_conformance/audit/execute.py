"""Running one command in a Pod (`pods/exec`) with an end to every wait."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

from websocket import ABNF, WebSocketConnectionClosedException, WebSocketException, WebSocketTimeoutException

from headless_conformance.audit.access import Access
from headless_conformance.audit.errors import CommandTimeoutError, InspectionError

PROTOCOL = "v4.channel.k8s.io"
STDOUT, STDERR, STATUS = 1, 2, 3
"""Channels of the protocol."""
CONNECT_SECONDS = 5.0
RUN_SECONDS = 8.0


@dataclass(frozen=True)
class CommandOutput:
    """A command that ended."""

    status: int
    stdout: str
    stderr: str


def execute(
    access: Access,
    namespace: str,
    pod: str,
    container: str,
    command: Sequence[str],
    seconds: float = RUN_SECONDS,
) -> CommandOutput:
    """Run it and wait for its end. Raises CommandTimeoutError when it did not end in time, and another
    InspectionError when it could not be started."""
    query = [("command", word) for word in command]
    query += [("container", container)] if container else []
    query += [("stdout", "true"), ("stderr", "true")]
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/exec"
    right = f"use pods/exec in namespace {namespace}"
    stream = access.stream(path, right, query, PROTOCOL, CONNECT_SECONDS)
    until = time.monotonic() + seconds
    parts = {STDOUT: b"", STDERR: b"", STATUS: b""}
    try:
        while True:
            stream.settimeout(max(until - time.monotonic(), 0.01))
            kind, data = stream.recv_data()
            if kind == ABNF.OPCODE_CLOSE:
                break
            if data and data[0] in parts:
                parts[data[0]] += data[1:]
            if parts[STATUS]:
                break
    except (WebSocketTimeoutException, TimeoutError):
        raise CommandTimeoutError(
            f"{command[0]} in Pod {namespace}/{pod} did not end within {seconds:.0f} s",
            parts[STDOUT].decode(errors="replace"),
        ) from None
    except WebSocketConnectionClosedException:
        pass
    except (WebSocketException, OSError) as error:
        raise InspectionError(f"the stream to Pod {namespace}/{pod} broke: {error}") from None
    finally:
        stream.shutdown()
    return CommandOutput(
        _status(parts[STATUS]), parts[STDOUT].decode(errors="replace"), parts[STDERR].decode(errors="replace")
    )


def _status(said: bytes) -> int:
    """The exit status in what the API server says at the end. Raises InspectionError when the command never
    ran."""
    try:
        outcome = json.loads(said)
    except ValueError:
        raise InspectionError("the stream ended before the command did") from None
    if outcome.get("status") == "Success":
        return 0
    for cause in (outcome.get("details") or {}).get("causes") or ():
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    raise InspectionError(f"the command could not be started: {outcome.get('message')}")
