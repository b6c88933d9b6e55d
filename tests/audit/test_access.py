"""The API server itself: pages, refusals, silence and port-forwards, over
real connections on this machine."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from kubernetes import client

from headless_conformance.audit import access as api_access
from headless_conformance.audit import channels
from headless_conformance.audit.access import Access, open_access
from headless_conformance.audit.channels import ForwardChannel, TcpChannel
from headless_conformance.audit.errors import (
    DnsConnectionError,
    InspectionError,
    MissingRightError,
    NoSuchObjectError,
    SilentServerError,
    UnauthenticatedError,
    UnreachableApiError,
)
from headless_conformance.audit.execute import execute
from headless_conformance.audit.servers import DnsServer
from headless_conformance.core.errors import UserError

Handler = Callable[[socket.socket, str], object]
MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
SECONDS = 0.4
"""Bound of the tests on what takes seconds in life."""


@contextmanager
def listening(handle: Handler) -> Iterator[int]:
    """A server on this machine that hands each request to `handle`; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        def answer(connection: socket.socket) -> None:
            with connection:
                request = b""
                while b"\r\n\r\n" not in request and (data := connection.recv(65536)):
                    request += data
                handle(connection, request.decode())

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


def respond(connection: socket.socket, body: object, status: str = "200 OK", **headers: str) -> None:
    content = json.dumps(body).encode()
    head = {
        "Content-Type": "application/json",
        "Content-Length": str(len(content)),
        "Connection": "close",
        **headers,
    }
    lines = "".join(f"{key}: {value}\r\n" for key, value in head.items())
    connection.sendall(f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + content)


def access_to(port: int) -> Access:
    configuration = client.Configuration()
    configuration.host = f"http://127.0.0.1:{port}"
    configuration.retries = False
    return Access(client.ApiClient(configuration), "test")


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_access, "READ_SECONDS", SECONDS)
    monkeypatch.setattr(api_access, "API_CONNECT_SECONDS", SECONDS)
    monkeypatch.setattr(channels, "DNS_CONNECT_SECONDS", SECONDS)


def test_a_list_has_all_pages() -> None:
    def handle(connection: socket.socket, request: str) -> None:
        query = parse_qs(urlsplit(request.split()[1]).query)
        number = int(query.get("continue", ["0"])[0])
        more = {"continue": str(number + 1)} if number < 2 else {}
        respond(connection, {"metadata": more, "items": [{"metadata": {"name": f"pod-{number}"}}]})

    with listening(handle) as port:
        access = access_to(port)
        found = access.list_all("Pod", "shop")
    assert [one["metadata"]["name"] for one in found] == ["pod-0", "pod-1", "pod-2"]
    assert access.requests == 3


def test_pages_that_have_expired_are_listed_anew_in_one() -> None:
    def handle(connection: socket.socket, request: str) -> None:
        query = parse_qs(urlsplit(request.split()[1]).query)
        if "continue" in query:
            respond(connection, {"message": "too old"}, "410 Gone")
        elif "limit" in query:
            respond(connection, {"metadata": {"continue": "x"}, "items": [{"metadata": {"name": "old"}}]})
        else:
            respond(connection, {"metadata": {}, "items": [{"metadata": {"name": "new"}}]})

    with listening(handle) as port:
        assert [one["metadata"]["name"] for one in access_to(port).list_all("Pod")] == ["new"]


@pytest.mark.parametrize(
    ("status", "error", "says"),
    [
        ("401 Unauthorized", UnauthenticatedError, "does not accept the credentials"),
        ("403 Forbidden", MissingRightError, "list pods in namespace shop"),
        ("404 Not Found", NoSuchObjectError, "/api/v1/namespaces/shop/pods"),
        ("500 Internal Server Error", InspectionError, "answers 500"),
    ],
)
def test_a_refusal_is_told_from_an_error(status: str, error: type[InspectionError], says: str) -> None:
    with listening(lambda connection, _: respond(connection, {"message": "no"}, status)) as port:
        with pytest.raises(error, match=says) as caught:
            access_to(port).list_all("Pod", "shop")
        assert type(caught.value) is error


def test_what_is_no_json_is_an_error_of_the_api_server() -> None:
    def handle(connection: socket.socket, _: str) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")

    with listening(handle) as port, pytest.raises(InspectionError, match="is no JSON"):
        access_to(port).get("/version", "read /version")


def test_an_api_server_that_says_nothing_ends_the_asking_for_good() -> None:
    done = threading.Event()
    with listening(lambda _connection, _request: done.wait(30)) as port:
        access = access_to(port)
        begun = time.monotonic()
        for _ in range(20):
            with pytest.raises(UnreachableApiError, match="does not answer"):
                access.list_all("Pod")
        done.set()
    assert time.monotonic() - begun < 10 * SECONDS
    assert access.requests == 1


def test_an_api_server_that_is_not_there_is_told_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(UnreachableApiError, match="refused"):
        access_to(port).get("/version", "read /version")


def test_the_clock_of_the_api_server_is_learnt() -> None:
    date = "Sun, 01 Nov 2026 00:00:00 GMT"
    with listening(lambda connection, _: respond(connection, {}, Date=date)) as port:
        access = access_to(port)
        access.get("/version", "read /version")
    assert abs(access.now() - 1793491200) < 60


def upgrade(connection: socket.socket, request: str) -> None:
    """Agree to speak WebSocket (RFC 6455, 4.2.2)."""
    lines = dict(line.split(": ", 1) for line in request.split("\r\n")[1:] if ": " in line)
    key = {name.lower(): value for name, value in lines.items()}["sec-websocket-key"]
    accept = base64.b64encode(hashlib.sha1((key + MAGIC).encode()).digest()).decode()
    connection.sendall(
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n"
        ).encode()
    )


def frame(data: bytes, opcode: int = 2) -> bytes:
    """A message of a server: not masked."""
    return (
        bytes([0x80 | opcode])
        + (bytes([len(data)]) if len(data) < 126 else b"\x7e" + struct.pack("!H", len(data)))
        + data
    )


def begin(connection: socket.socket, request: str) -> None:
    """The first message of both channels of a port-forward repeats the port."""
    upgrade(connection, request)
    for channel in (0, 1):
        connection.sendall(frame(bytes([channel]) + struct.pack("<H", 53)))


SERVER = DnsServer("10.0.0.1", 53, "kube-system", "dns-1")


def test_a_port_forward_carries_data_both_ways() -> None:
    def handle(connection: socket.socket, request: str) -> None:
        begin(connection, request)
        head = connection.recv(2)
        mask = connection.recv(4)
        sent = bytes(byte ^ mask[index % 4] for index, byte in enumerate(connection.recv(head[1] & 0x7F)))
        connection.sendall(frame(b"\x00" + sent[1:].upper()))
        connection.recv(1)

    with listening(handle) as port:
        channel = ForwardChannel(access_to(port), SERVER)
        channel.send(b"question")
        assert channel.receive(time.monotonic() + 5) == b"QUESTION"
        channel.close()


def test_a_port_forward_that_is_closed_is_no_error_of_ours() -> None:
    def handle(connection: socket.socket, request: str) -> None:
        begin(connection, request)
        connection.sendall(frame(b"", opcode=8))

    with listening(handle) as port:
        channel = ForwardChannel(access_to(port), SERVER)
        with pytest.raises(DnsConnectionError, match="closed"):
            channel.receive(time.monotonic() + 5)


def test_a_port_forward_says_why_it_failed() -> None:
    def handle(connection: socket.socket, request: str) -> None:
        begin(connection, request)
        connection.sendall(frame(b"\x01dial tcp4 127.0.0.1:53: connect: connection refused"))
        connection.recv(1)

    with listening(handle) as port:
        channel = ForwardChannel(access_to(port), SERVER)
        with pytest.raises(DnsConnectionError, match="connection refused") as caught:
            channel.receive(time.monotonic() + 5)
    assert caught.value.refused


def test_a_port_forward_that_says_nothing_is_left_in_time() -> None:
    done = threading.Event()

    def handle(connection: socket.socket, request: str) -> None:
        begin(connection, request)
        done.wait(30)

    with listening(handle) as port:
        channel = ForwardChannel(access_to(port), SERVER)
        begun = time.monotonic()
        with pytest.raises(SilentServerError):
            channel.receive(begun + SECONDS)
        channel.close()
        done.set()
    assert time.monotonic() - begun < 10 * SECONDS


def test_a_port_forward_that_this_account_may_not_use_is_refused() -> None:
    with (
        listening(lambda connection, _: respond(connection, {"message": "no"}, "403 Forbidden")) as port,
        pytest.raises(MissingRightError, match="pods/portforward in namespace kube-system"),
    ):
        ForwardChannel(access_to(port), SERVER)


def test_a_stream_whose_credentials_have_expired_lacks_no_right() -> None:
    with (
        listening(lambda connection, _: respond(connection, {"message": "no"}, "401 Unauthorized")) as port,
        pytest.raises(UnauthenticatedError, match="pods/portforward in namespace kube-system"),
    ):
        ForwardChannel(access_to(port), SERVER)


def test_a_program_for_credentials_that_does_not_end_is_left_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = tmp_path / "ended"
    waiting = f"while ! test -e {ended}; do read -t 0.1 line < {tmp_path}/pipe; done"
    os.mkfifo(tmp_path / "pipe")
    user = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "bash",
            "args": ["-c", waiting],
            "interactiveMode": "Never",
        }
    }
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "lab",
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "me"}}],
        "clusters": [{"name": "lab", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "me", "user": user}],
    }
    (tmp_path / "config").write_text(json.dumps(kubeconfig))
    monkeypatch.setattr(api_access, "LOGIN_SECONDS", SECONDS)
    begun = time.monotonic()
    with pytest.raises(UserError, match="did not end"):
        open_access(str(tmp_path / "config"), "")
    assert time.monotonic() - begun < 10 * SECONDS
    ended.touch()


def test_a_handshake_that_is_not_answered_ends() -> None:
    done = threading.Event()
    with listening(lambda _connection, _request: done.wait(30)) as port:
        begun = time.monotonic()
        with pytest.raises(InspectionError, match="no stream"):
            ForwardChannel(access_to(port), SERVER)
        done.set()
    assert time.monotonic() - begun < 10 * SECONDS


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
        found = execute(access_to(port), "shop", "db-0", "server", ["cat", "/etc/resolv.conf"])
    assert (found.status, found.stdout) == (status, "nameserver 10.96.0.10\n")


def test_a_command_that_cannot_be_started_is_said() -> None:
    def handle(connection: socket.socket, request: str) -> None:
        upgrade(connection, request)
        connection.sendall(
            frame(b"\x03" + json.dumps({"status": "Failure", "message": "no such file"}).encode())
        )
        connection.recv(1)

    with listening(handle) as port, pytest.raises(InspectionError, match="no such file"):
        execute(access_to(port), "shop", "db-0", "server", ["cat"])


def test_a_server_that_refuses_a_connection_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(DnsConnectionError, match=f"127.0.0.1 port {port}"):
        TcpChannel("127.0.0.1", port)
