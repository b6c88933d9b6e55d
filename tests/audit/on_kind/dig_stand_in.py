#!/usr/bin/python3
"""A stand-in for dig, which no image of this project has: `dig … @ADDRESS NAME TYPE`.

It asks over UDP, on the standard library alone, and prints what comes as dig does with
`+noall +comments +answer` (tests/audit/dig_9_18_49.txt was recorded from the real one).
"""

import ipaddress
import random
import socket
import struct
import sys

SECONDS, TRIES = 2.0, 2
TYPES = {"A": 1, "CNAME": 5, "PTR": 12, "AAAA": 28, "SRV": 33}
NAMES = {number: name for name, number in TYPES.items()}
RCODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 5: "REFUSED"}
FLAGS = {"qr": 0x8000, "aa": 0x0400, "tc": 0x0200, "rd": 0x0100, "ra": 0x0080}


def read_name(wire: bytes, at: int) -> tuple[str, int]:
    """A name, which may end in one further to the front (RFC 1035, 4.1.4), and where it ends."""
    labels: list[str] = []
    while size := wire[at]:
        if size >= 0xC0:
            (pointer,) = struct.unpack("!H", wire[at : at + 2])
            return ".".join([*labels, read_name(wire, pointer & 0x3FFF)[0]]), at + 2
        labels.append(wire[at + 1 : at + 1 + size].decode())
        at += 1 + size
    return ".".join([*labels, ""]), at + 1


def data_of(wire: bytes, at: int, rdtype: str, size: int) -> str:
    """The data of a record as zone text."""
    if rdtype in ("A", "AAAA"):
        return str(ipaddress.ip_address(wire[at : at + size]))
    if rdtype == "SRV":
        return " ".join(map(str, (*struct.unpack("!3H", wire[at : at + 6]), read_name(wire, at + 6)[0])))
    return read_name(wire, at)[0]


def answer_to(query: bytes, address: str) -> bytes:
    """What comes; TimeoutError or another OSError when nothing does."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.settimeout(SECONDS)
        datagrams.connect((address, 53))
        datagrams.send(query)
        while (wire := datagrams.recv(65535))[:2] != query[:2]:
            pass
        return wire


def show(wire: bytes) -> None:
    """The header and the answer section."""
    number, bits, *counts = struct.unpack("!6H", wire[:12])
    flags = " ".join(name for name, bit in FLAGS.items() if bits & bit)
    print(";; Got answer:")
    print(f";; ->>HEADER<<- opcode: QUERY, status: {RCODES.get(bits & 15, 'RESERVED')}, id: {number}")
    print(";; flags: {}; QUERY: {}, ANSWER: {}, AUTHORITY: {}, ADDITIONAL: {}".format(flags, *counts))
    at = read_name(wire, 12)[1] + 4
    print(*["", ";; ANSWER SECTION:"] if counts[1] else [], sep="\n")
    for _ in range(counts[1]):
        name, at = read_name(wire, at)
        kind, _, ttl, size = struct.unpack("!HHIH", wire[at : at + 10])
        rdtype = NAMES.get(kind, f"TYPE{kind}")
        print(f"{name}\t{ttl}\tIN\t{rdtype}\t{data_of(wire, at + 10, rdtype, size)}")
        at += 10 + size
    print()


def main(words: list[str]) -> int:
    """Exit status 9 when no server answers, as dig's."""
    address, name, rdtype = words[-3].removeprefix("@"), words[-2], words[-1]
    labels = [label.encode() for label in name.rstrip(".").split(".")]
    owner = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    query = struct.pack("!6H", random.randrange(1 << 16), FLAGS["rd"], 1, 0, 0, 0) + owner
    query += struct.pack("!HH", TYPES[rdtype], 1)
    for _ in range(TRIES):
        try:
            show(answer_to(query, address))
        except OSError as error:
            print(f";; communications error to {address}#53: {error}")
        else:
            return 0
    print(";; no servers could be reached")
    return 9


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
