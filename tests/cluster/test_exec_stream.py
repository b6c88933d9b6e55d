"""A command in a Pod whose stream breaks or falls silent. No cluster: the messages are given."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from websocket import ABNF, WebSocketConnectionClosedException, WebSocketTimeoutException

from headless_conformance.cluster import exec_stream as module
from headless_conformance.cluster.exec_stream import STATUS, STDERR, STDIN, STDOUT, ExecStream
from headless_conformance.cluster.waiting import ObservationError, OutageError


class Messages:
    """A WebSocket that gives these messages, and then falls silent, or raises what it is given."""

    def __init__(
        self, *messages: tuple[int, bytes], then: type[Exception] = WebSocketTimeoutException
    ) -> None:
        self._messages = list(messages)
        self._then = then
        self.sent: list[bytes] = []
        self.timeouts: list[float] = []
        self.closed = False

    def settimeout(self, seconds: float) -> None:
        self.timeouts.append(seconds)

    def recv_data(self) -> tuple[int, bytes]:
        if not self._messages:
            raise self._then("no message")
        channel, data = self._messages.pop(0)
        return ABNF.OPCODE_BINARY, bytes([channel]) + data

    def send_binary(self, data: bytes) -> None:
        self.sent.append(data)

    def shutdown(self) -> None:
        self.closed = True


def status(**said: Any) -> tuple[int, bytes]:
    return STATUS, json.dumps(said).encode()


def stream(messages: Messages, silent: Callable[[], object] = lambda: None) -> ExecStream:
    return ExecStream(messages, "default/web-0", silent)


def test_output_that_comes_in_pieces_is_put_together() -> None:
    umlaut = "ü".encode()
    messages = Messages(
        (STDOUT, b"a" + umlaut[:1]), (STDERR, b"warning"), (STDOUT, umlaut[1:]), status(status="Success")
    )
    found = stream(messages)
    assert found.read_status(1) == 0
    assert (found.stdout, found.stderr) == ("aü", "warning")


def test_the_exit_status_is_an_observation_and_a_command_that_never_ran_is_none() -> None:
    ended = status(status="Failure", details={"causes": [{"reason": "ExitCode", "message": "3"}]})
    assert stream(Messages(ended)).read_status(1) == 3
    with pytest.raises(ObservationError, match="exec failed: no such program"):
        stream(Messages(status(status="Failure", message="no such program"))).read_status(1)


def test_lines_are_read_one_by_one() -> None:
    messages = Messages((STDOUT, b"one\ntw"), (STDOUT, b"o\n"))
    found = stream(messages)
    found.write("jobs\n")
    assert [found.read_line(1), found.read_line(1)] == ["one", "two"]
    assert messages.sent == [bytes([STDIN]) + b"jobs\n"]


def test_silence_ends_in_time_and_every_operation_has_a_bound() -> None:
    messages = Messages()
    assert stream(messages).read_line(0.1) is None
    assert stream(messages).read_status(0.1) is None
    assert messages.timeouts
    assert all(0 < seconds <= 0.1 for seconds in messages.timeouts)


def test_a_long_silence_makes_us_look_whether_the_node_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STALL_SECONDS", 0.01)

    def silent() -> None:
        raise OutageError("node a does not answer")

    with pytest.raises(OutageError, match="node a"):
        stream(Messages(), silent).read_line(60)


def test_a_stream_that_ends_or_breaks_is_not_waited_for() -> None:
    assert stream(Messages(then=WebSocketConnectionClosedException)).read_line(60) is None
    with pytest.raises(ObservationError, match="the stream to Pod default/web-0 broke"):
        stream(Messages(then=ConnectionResetError)).read_line(60)


def test_the_end_waits_for_nobody() -> None:
    messages = Messages()
    stream(messages).close()
    assert messages.closed
