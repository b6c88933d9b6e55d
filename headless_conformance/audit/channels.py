"""Byte streams to DNS servers: through a port-forward of the API server, or over TCP from here. Every wait
has an end."""

from __future__ import annotations

import socket
import struct
import time
from typing import Any, Protocol

from websocket import ABNF, WebSocketConnectionClosedException, WebSocketException, WebSocketTimeoutException

from headless_conformance.audit.access import Access
from headless_conformance.audit.errors import DnsConnectionError, SilentServerError
from headless_conformance.audit.servers import DnsServer

DNS_CONNECT_SECONDS = 4.0
DATA, ERRORS = 0, 1
"""Channels of a port-forward; the first message of each repeats the port."""
_SHORTEST_WAIT = 0.01
LENGTH = struct.Struct("!H")
"""What stands before each message in a stream (RFC 1035, 4.2.2)."""


class Channel(Protocol):
    """A stream as DNS over TCP needs it."""

    def send(self, data: bytes) -> None:
        """Send everything. Raises DnsConnectionError when the stream has ended or takes nothing."""

    def receive(self, until: float) -> bytes:
        """Some bytes. Raises SilentServerError when none came until that moment (monotonic),
        DnsConnectionError when the
        stream ended."""

    def close(self) -> None:
        """End the stream; never waits."""


def _received(connection: socket.socket, until: float, problem: str) -> bytes:
    """What came next. SilentServerError when nothing came until that moment (monotonic), DnsConnectionError
    with `problem` when nothing can come."""
    try:
        connection.settimeout(max(until - time.monotonic(), _SHORTEST_WAIT))
        return connection.recv(65536)
    except TimeoutError:
        raise SilentServerError("nothing came") from None
    except OSError as error:
        raise DnsConnectionError(f"{problem}: {error}") from None


class TcpChannel:
    """A connection from this machine."""

    def __init__(self, address: str, port: int) -> None:
        try:
            self._socket = socket.create_connection((address, port), timeout=DNS_CONNECT_SECONDS)
        except ConnectionRefusedError:
            raise DnsConnectionError(f"connection refused at {address} port {port}", refused=True) from None
        except OSError as error:
            raise DnsConnectionError(f"no connection to {address} port {port}: {error}") from None

    def send(self, data: bytes) -> None:
        try:
            self._socket.settimeout(DNS_CONNECT_SECONDS)
            self._socket.sendall(data)
        except OSError as error:
            raise DnsConnectionError(f"the connection takes no question: {error}") from None

    def receive(self, until: float) -> bytes:
        data = _received(self._socket, until, "the connection ended")
        if not data:
            raise DnsConnectionError("the server closed the connection")
        return data

    def close(self) -> None:
        self._socket.close()


class UdpChannel:
    """Datagrams to and from a server, as the stream that everything else here reads."""

    def __init__(self, address: str, port: int) -> None:
        try:
            family, *_, target = socket.getaddrinfo(address, port, type=socket.SOCK_DGRAM)[0]
            self._socket = socket.socket(family, socket.SOCK_DGRAM)
            self._socket.connect(target)
        except OSError as error:
            raise DnsConnectionError(f"no way to {address} port {port} over UDP: {error}") from None

    def send(self, data: bytes) -> None:
        try:
            while data:
                end = LENGTH.size + LENGTH.unpack(data[: LENGTH.size])[0]
                self._socket.send(data[LENGTH.size : end])
                data = data[end:]
        except OSError as error:
            raise DnsConnectionError(f"no question can be sent over UDP: {error}") from None

    def receive(self, until: float) -> bytes:
        data = _received(self._socket, until, "nothing listens over UDP")
        return LENGTH.pack(len(data)) + data

    def close(self) -> None:
        self._socket.close()


class ForwardChannel:
    """A port-forward to a Pod, without the library's helper thread, which has no timeout."""

    def __init__(self, access: Access, server: DnsServer) -> None:
        path = f"/api/v1/namespaces/{server.namespace}/pods/{server.pod}/portforward"
        right = f"use pods/portforward in namespace {server.namespace}"
        query = [("ports", str(server.port))]
        self._stream: Any = access.stream(path, right, query, DNS_CONNECT_SECONDS)
        self._begun: set[int] = set()

    def send(self, data: bytes) -> None:
        try:
            self._stream.settimeout(DNS_CONNECT_SECONDS)
            self._stream.send_binary(bytes([DATA]) + data)
        except (WebSocketException, OSError) as error:
            raise DnsConnectionError(f"the port-forward takes no question: {error}") from None

    def receive(self, until: float) -> bytes:
        while True:
            channel, data = self._message(until)
            if channel not in self._begun:
                self._begun.add(channel)
            elif channel == ERRORS:
                said = data.decode(errors="replace").strip()
                raise DnsConnectionError(f"the port-forward failed: {said}", refused="refused" in said)
            elif data:
                return data

    def _message(self, until: float) -> tuple[int, bytes]:
        try:
            self._stream.settimeout(max(until - time.monotonic(), _SHORTEST_WAIT))
            kind, data = self._stream.recv_data()
        except (WebSocketTimeoutException, TimeoutError):
            raise SilentServerError("nothing came") from None
        except WebSocketConnectionClosedException:
            raise DnsConnectionError("the port-forward was closed") from None
        except (WebSocketException, OSError, ValueError) as error:
            raise DnsConnectionError(f"the port-forward broke: {error}") from None
        if kind == ABNF.OPCODE_CLOSE or not data:
            raise DnsConnectionError("the port-forward was closed")
        return data[0], data[1:]

    def close(self) -> None:
        # Without a farewell: the other side may not answer it.
        self._stream.shutdown()
