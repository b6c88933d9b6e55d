"""An API server that is asked about nodes and DNS Pods, and can fall silent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

LONG_AGO = "2020-01-01T00:00:00Z"


def thing(name: str, *, ready: bool = True, since: str = LONG_AGO) -> dict[str, Any]:
    """A node or a Pod that is Ready, or not, since then."""
    condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": since}
    return {"metadata": {"name": name}, "spec": {"nodeName": "node-1"}, "status": {"conditions": [condition]}}


class ApiStandIn:
    """What it answers; `frozen` holds every answer back, `silent` those of these nodes' kubelets."""

    def __init__(self) -> None:
        self.nodes = [thing("node-1"), thing("node-2")]
        self.dns = [thing("coredns-1"), thing("coredns-2")]
        self.silent: set[str] = set()
        self.asked: list[str] = []
        self._going = threading.Event()
        self._going.set()

    def freeze(self) -> None:
        self._going.clear()

    def thaw(self) -> None:
        self._going.set()

    def answer(self, path: str) -> tuple[int, Any]:
        self.asked.append(path)
        self._going.wait(10)
        if "/proxy/" in path:
            return (503 if path.split("/")[4] in self.silent else 200), "ok"
        return 200, {"items": self.dns if "/pods" in path else self.nodes}


def write_kubeconfig(path: Path, port: int) -> Path:
    """A kubeconfig that leads to this port of this machine."""
    name = "stand-in"
    cluster = {"server": f"http://127.0.0.1:{port}"}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": {"token": name}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }
    path.write_text(yaml.safe_dump(content))
    return path


@contextmanager
def serving(api: ApiStandIn, port: int = 0) -> Iterator[int]:
    """The port on which it is asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, content = api.answer(self.path)
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            api.thaw()
            server.shutdown()
