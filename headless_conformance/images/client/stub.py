#!/usr/bin/python3
"""Listens on TCP port 3306 (or the one given) where a test needs an open port and no database; every
connection gets a banner."""

import signal
import socket
import socketserver
import sys


class Banner(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.sendall(
            f"headless-conformance stub on {socket.gethostname()}, not a database\n".encode()
        )


class Server(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6
    allow_reuse_address = True
    daemon_threads = True


def main() -> None:
    # The first process of a container has no default action for SIGTERM.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 3306
    with Server(("::", port), Banner) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
