"""Running one command in a Pod (`pods/exec`) with an end to every wait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from headless_conformance.audit.access import Access
from headless_conformance.audit.errors import CommandTimeoutError, InspectionError, PermanentError
from headless_conformance.cluster.exec_stream import ExecStream, NoSuchProgramError
from headless_conformance.cluster.waiting import ObservationError

_CONNECT_SECONDS = 5.0
_RUN_SECONDS = 8.0


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
    seconds: float = _RUN_SECONDS,
) -> CommandOutput:
    """Run it and wait for its end. Raises CommandTimeoutError when it did not end in time, PermanentError
    where it can never be started, and another InspectionError when it could not be for the moment."""
    query = [("command", word) for word in command]
    query += [("container", container)] if container else []
    query += [("stdout", "true"), ("stderr", "true")]
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/exec"
    right = f"use pods/exec in namespace {namespace}"
    stream = ExecStream(access.stream(path, right, query, _CONNECT_SECONDS), f"{namespace}/{pod}")
    try:
        status = stream.read_status(seconds)
        if status is None and stream.has_ended:
            raise InspectionError("the stream ended before the command did")
        if status is None:
            raise CommandTimeoutError(
                f"{command[0]} in Pod {namespace}/{pod} did not end within {seconds:.0f} s", stream.stdout
            )
    except NoSuchProgramError as error:
        raise PermanentError(str(error)) from None
    except ObservationError as error:
        raise InspectionError(str(error)) from None
    finally:
        stream.close()
    return CommandOutput(status, stream.stdout, stream.stderr)
