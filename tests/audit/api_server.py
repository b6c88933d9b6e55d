"""An API server of a few lines over real connections of this machine."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kubernetes import client

from headless_conformance.audit.access import Access

Handler = Callable[[socket.socket, str], object]
MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


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
