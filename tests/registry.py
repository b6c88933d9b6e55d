"""A container registry on 127.0.0.1, and a door before it that asks for a password
or hands out the wrong manifest."""

from __future__ import annotations

import base64
import http.client
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from headless_conformance.core.process import end_group, output_of

START_SECONDS = 20.0
PASSED_ON = ("Content-Type", "Content-Length", "Docker-Content-Digest")


@dataclass(frozen=True)
class Registry:
    """A registry that answers, and the program that serves it and pushes into it."""

    crane: Path
    address: str

    def push(self, archive: Path, image: str) -> str:
        """Push an image archive as `image` (`team/client:1`) and return its digest."""
        return output_of([self.crane, "push", archive, f"{self.address}/{image}"]).strip().partition("@")[2]

    def config(self, reference: str) -> str:
        """The digest of an image's configuration, from whatever registry the reference names."""
        manifest = output_of([self.crane, "manifest", reference])
        found = re.search(
            r'"config":\{[^}]*"digest":"(?P<digest>sha256:[0-9a-f]{64})"', re.sub(r"\s", "", manifest)
        )
        assert found, manifest
        return found["digest"]


@contextmanager
def serving(crane: Path) -> Iterator[Registry]:
    """A registry on a free port, with everything in memory; gone with the block."""
    command = [str(crane), "registry", "serve", "--address", "127.0.0.1:0"]
    child = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )
    assert child.stderr is not None
    watchdog = threading.Timer(START_SECONDS, child.kill)
    watchdog.start()
    try:
        port = next((line.split()[-1].decode() for line in child.stderr if b"serving on port" in line), None)
        watchdog.cancel()
        assert port, f"the registry ended with exit status {child.wait()} before it served"
        # It writes a line for each request and would stop at a full pipe.
        threading.Thread(target=child.stderr.read, daemon=True).start()
        yield Registry(crane, f"127.0.0.1:{port}")
    finally:
        watchdog.cancel()
        end_group(child)


class Door(ThreadingHTTPServer):
    """Passes reading requests on to a registry: those with `credentials`
    (`user:password`) only, where there are any.

    `forged` maps digests to those of what is handed out in their place.
    """

    daemon_threads = True

    def __init__(
        self, behind: str, *, credentials: str = "", forged: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.behind = behind
        self.credentials = credentials
        self.forged = forged or {}

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    @contextmanager
    def open(self) -> Iterator[Door]:
        """Answer requests for the length of the block."""
        threading.Thread(target=self.serve_forever, daemon=True).start()
        try:
            yield self
        finally:
            self.shutdown()
            self.server_close()


class _Request(BaseHTTPRequestHandler):
    server: Door
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        door = self.server
        basic = f"Basic {base64.b64encode(door.credentials.encode()).decode()}"
        if door.credentials and self.headers.get("Authorization") != basic:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="registry"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        path = self.path
        for digest, other in door.forged.items():
            path = path.replace(digest, other)
        connection = http.client.HTTPConnection(door.behind)
        connection.request(self.command, path, headers={"Accept": self.headers.get("Accept", "*/*")})
        answer = connection.getresponse()
        self.send_response(answer.status)
        for name in PASSED_ON:
            if value := answer.getheader(name):
                self.send_header(name, value)
        if answer.getheader("Content-Length") is None:
            self.close_connection = True
        self.end_headers()
        if self.command == "GET":
            shutil.copyfileobj(answer, self.wfile)
        connection.close()

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        """Nothing: a test's output is pytest's."""
