"""Names of the Kubernetes DNS specification, in canonical form: lower case and with the last dot.

The specification compares names without case (R3), so two names are the same exactly when their canonical
forms are.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

LABEL_OCTETS = 63
NAME_OCTETS = 255
"""Limits of RFC 1035, 2.3.4. A name has one octet before each label and one at its end."""


def canonical(name: str) -> str:
    """The name in lower case and with its last dot."""
    lowered = name.lower()
    return lowered if lowered.endswith(".") else f"{lowered}."


def fits(name: str) -> bool:
    """Whether a canonical name can be written in a DNS message at all.

    A port name may have 63 characters in the API, and its label has an underscore before it: no SRV record
    can exist then.
    """
    labels = name.rstrip(".").split(".")
    return len(name) + 1 <= NAME_OCTETS and all(0 < len(label) <= LABEL_OCTETS for label in labels)


def canonical_address(text: str) -> str:
    """An address as RFC 5952 writes it. Zeros before the numbers of an IPv4 address are dropped, as
    Kubernetes does."""
    if ":" in text:
        return str(ipaddress.IPv6Address(text))
    return str(ipaddress.IPv4Address(".".join(str(int(part)) for part in text.split("."))))


def reverse_name(address: str) -> str:
    """The owner name of the PTR records of an address (R17, R18)."""
    return f"{ipaddress.ip_address(address).reverse_pointer}."


def address_of(reverse: str) -> str | None:
    """The address whose reverse name this is, or None when it is that of no single address."""
    name = reverse.removesuffix(".")
    try:
        if name.endswith(".in-addr.arpa"):
            return str(ipaddress.IPv4Address(".".join(reversed(name.split(".")[:-2]))))
        if name.endswith(".ip6.arpa"):
            nibbles = name.split(".")[:-2]
            if len(nibbles) != 32 or any(len(nibble) != 1 for nibble in nibbles):
                return None
            return str(ipaddress.IPv6Address(int("".join(reversed(nibbles)), 16)))
    except ValueError:
        return None
    return None


def is_reverse(name: str) -> bool:
    """Whether a canonical name is in one of the two reverse zones."""
    return name.endswith((".in-addr.arpa.", ".ip6.arpa."))


@dataclass(frozen=True)
class NameParts:
    """A name below `svc.<zone>`, taken apart."""

    namespace: str
    service: str
    labels: tuple[str, ...]
    """What stands before the Service, from left to right."""


@dataclass(frozen=True)
class ClusterDomain:
    """The cluster domain, `<zone>` in the specification, and the names that it gives to Services."""

    name: str

    @classmethod
    def of(cls, name: str) -> ClusterDomain:
        """The domain however it is written: with or without the last dot, in any case."""
        return cls(canonical(name))

    @property
    def services(self) -> str:
        """The name that all names of Services are below."""
        return f"svc.{self.name}"

    def service(self, namespace: str, service: str) -> str:
        """`<service>.<ns>.svc.<zone>`."""
        return f"{service}.{namespace}.{self.services}".lower()

    def port(self, namespace: str, service: str, port: str, protocol: str) -> str:
        """`_<port>._<proto>.<service>.<ns>.svc.<zone>`."""
        return f"_{port}._{protocol}.{self.service(namespace, service)}".lower()

    def parse(self, name: str) -> NameParts | None:
        """Namespace, Service and the labels before them; None when the name is not below that of a
        namespace."""
        if not name.endswith(f".{self.services}"):
            return None
        labels = name.removesuffix(f".{self.services}").split(".")
        if len(labels) < 2:
            return None
        return NameParts(namespace=labels[-1], service=labels[-2], labels=tuple(labels[:-2]))
