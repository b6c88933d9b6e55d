"""A small DNS server of our own on loopback, right or wrong in one way at a time."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from headless_conformance.cluster.dns_answer import Server

NAME = "nginx.default.svc.cluster.local."
RIGHT = ["198.51.100.1", "198.51.100.2", "198.51.100.3"]

OPT = b"\0\0\x29\x04\xd0" + bytes(6)
"""An OPT record without options, for messages of 1232 bytes (RFC 6891, 6.1.2)."""

Reply = Callable[[dns.message.QueryMessage], bytes]


def reply(
    *records: str, rcode: str = "NOERROR", owner: str = NAME, rdtype: str = "A", ttl: int = 30
) -> Reply:
    """A server that gives these records, whatever it is asked."""

    def answer(query: dns.message.QueryMessage) -> bytes:
        message = dns.message.make_response(query)
        message.set_rcode(dns.rcode.from_text(rcode))
        if records:
            message.answer.append(dns.rrset.from_text(owner, ttl, "IN", rdtype, *records))
        return message.to_wire()

    return answer


def no_data(query: dns.message.QueryMessage) -> bytes:
    """NOERROR without records, and with the SOA record that says for how long."""
    message = dns.message.make_response(query)
    message.authority.append(
        dns.rrset.from_text("cluster.local.", 30, "IN", "SOA", "ns.dns. hostmaster. 1 7200 1800 86400 30")
    )
    return message.to_wire()


def doubled(query: dns.message.QueryMessage) -> bytes:
    """The right records, the last of them twice."""
    message = dns.message.make_response(query)
    # Without an OPT record, the last 16 bytes are the last A record.
    message.use_edns(False)
    # One set for each, since dnspython writes the records of a set in any order.
    message.answer += [dns.rrset.from_text(NAME, 30, "IN", "A", address) for address in RIGHT]
    wire = bytearray(message.to_wire())
    wire[7] += 1
    wire[11] += 1
    return bytes(wire + wire[-16:] + OPT)


def cut(*records: str) -> Reply:
    """Some of the records, and the flag TC that says that there are more."""
    whole = reply(*records)

    def answer(query: dns.message.QueryMessage) -> bytes:
        message = dns.message.from_wire(whole(query))
        message.flags |= dns.flags.TC
        return message.to_wire()

    return answer


@contextmanager
def serving(udp: Reply | None, tcp: Reply | None, name: str = "test") -> Iterator[Server]:
    """A server on loopback, over both transports; None,
    and an empty answer over UDP, is silent, over TCP it hangs up."""

    class Datagram(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            wire, sock = self.request
            if udp and (answer := udp(query_of(wire))):
                sock.sendto(answer, self.client_address)

    class Stream(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while size := int.from_bytes(self.rfile.read(2)) if tcp else 0:
                answer = tcp(query_of(self.rfile.read(size))) if tcp else b""
                self.wfile.write(len(answer).to_bytes(2) + answer)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Stream) as stream:
        port = stream.server_address[1]
        with socketserver.ThreadingUDPServer(("127.0.0.1", port), Datagram) as datagram:
            for server in (stream, datagram):
                threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            yield Server(name, "127.0.0.1", port)
            for server in (stream, datagram):
                server.shutdown()


def query_of(wire: bytes) -> Any:
    return dns.message.from_wire(wire)
