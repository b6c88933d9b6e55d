"""A command that runs in a Pod: what it is told and what it says. No wait is without an end."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

from websocket import ABNF, WebSocketConnectionClosedException, WebSocketException, WebSocketTimeoutException

from headless_conformance.cluster.timeouts import SILENCE_SECONDS, STALL_SECONDS
from headless_conformance.cluster.waiting import ObservationError

STDIN, STDOUT, STDERR, STATUS = 0, 1, 2, 3
"""Channels of the protocol."""
_SHORTEST_WAIT = 0.01
NO_PROGRAM = re.compile(r"executable file not found|no such file or directory")
"""What a container runtime says of a program that the image does not have."""


class NoSuchProgramError(ObservationError):
    """The image of a container has no program of that name."""


class ExecStream:
    """The stream of one command. Its methods raise ObservationError when the stream breaks.

    `silent` is called after each STALL_SECONDS in which nothing came, and may raise.
    """

    def __init__(self, socket: Any, pod: str, silent: Callable[[], object] = bool) -> None:
        self._socket = socket
        self._pod = pod
        self._silent = silent
        self._said = {STDOUT: b"", STDERR: b"", STATUS: b""}
        self._ended = False

    def write(self, text: str) -> None:
        """To its standard input."""
        try:
            self._socket.settimeout(SILENCE_SECONDS)
            self._socket.send_binary(bytes([STDIN]) + text.encode())
        except (WebSocketException, OSError) as error:
            raise self._broken(error) from error

    def read_line(self, seconds: float) -> str | None:
        """The next line of its standard output; None when none came in time, or the command ended."""
        until = time.monotonic() + seconds
        while b"\n" not in self._said[STDOUT]:
            if not self._receive(until):
                return None
        line, _, self._said[STDOUT] = self._said[STDOUT].partition(b"\n")
        return line.decode(errors="replace")

    def read_status(self, seconds: float) -> int | None:
        """Its exit status; None when it did not end in time. Raises ObservationError when it never ran."""
        until = time.monotonic() + seconds
        while not self._said[STATUS]:
            if not self._receive(until):
                return None
        return _status(json.loads(self._said[STATUS]))

    @property
    def has_ended(self) -> bool:
        """Whether nothing more can come, as the other side ended it or this one did."""
        return self._ended

    @property
    def stdout(self) -> str:
        """What came and was not read as a line."""
        return self._said[STDOUT].decode(errors="replace")

    @property
    def stderr(self) -> str:
        return self._said[STDERR].decode(errors="replace")

    def close(self) -> None:
        """End it. Without a farewell: the other side may not answer."""
        self._ended = True
        self._socket.shutdown()

    def _receive(self, until: float) -> bool:
        """Take in one message; False when none came until that moment (monotonic) or none will."""
        while not self._ended:
            left = until - time.monotonic()
            try:
                self._socket.settimeout(max(_SHORTEST_WAIT, min(left, STALL_SECONDS)))
                kind, data = self._socket.recv_data()
            except (WebSocketTimeoutException, TimeoutError):
                if left <= STALL_SECONDS:
                    return False
                looked = time.monotonic()
                self._silent()
                until += time.monotonic() - looked
                continue
            except WebSocketConnectionClosedException:
                break
            except (WebSocketException, OSError) as error:
                raise self._broken(error) from error
            if kind == ABNF.OPCODE_CLOSE:
                break
            if data and data[0] in self._said:
                self._said[data[0]] += data[1:]
            return True
        self._ended = True
        return False

    def _broken(self, error: Exception) -> ObservationError:
        return ObservationError(f"the stream to Pod {self._pod} broke: {error}")


def _status(outcome: dict[str, Any]) -> int:
    """The exit status in what the API server says at the end of an exec."""
    if outcome["status"] == "Success":
        return 0
    for cause in (outcome.get("details") or {}).get("causes") or ():
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    message = str(outcome.get("message"))
    raise (NoSuchProgramError if NO_PROGRAM.search(message) else ObservationError)(f"exec failed: {message}")
