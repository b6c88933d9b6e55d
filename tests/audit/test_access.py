"""The API server itself: pages, refusals, silence and port-forwards, over
real connections on this machine."""

from __future__ import annotations

import json
import os
import socket
import struct
import threading
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from headless_conformance.audit import access as api_access
from headless_conformance.audit import channels
from headless_conformance.audit.access import open_access
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
from headless_conformance.audit.servers import DnsServer
from headless_conformance.core.errors import UserError
from tests.audit.api_server import access_to, frame, listening, respond, upgrade

SECONDS = 0.4
"""Bound of the tests on what takes seconds in life."""


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


def test_a_server_that_refuses_a_connection_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(DnsConnectionError, match=f"127.0.0.1 port {port}"):
        TcpChannel("127.0.0.1", port)
