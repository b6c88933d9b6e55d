"""Address ranges of a simulated cluster. No packet is ever sent to any of them."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from headless_conformance.cluster.model import DEFAULT_DOMAIN
from headless_conformance.core.errors import UserError
from headless_conformance.core.settings import Network

POD_CIDR = "100.64.0.0/10"
"""The shared address space of RFC 6598: room for many nodes, and no host's own network."""
SERVICE_CIDR = "198.18.0.0/16"
"""Half of RFC 2544's range for tests; the other half is the nodes'."""
NODES = ipaddress.IPv4Network("198.19.0.0/16")
DNS_INDEX = 10
"""The DNS Service gets the tenth address of the range, as kubeadm does it."""
WIDEST_SPLIT = 16
"""The controller manager splits the Pod range into at most 2^16 node ranges."""


@dataclass(frozen=True)
class Addresses:
    """What components and objects of one cluster are configured with."""

    pods: ipaddress.IPv4Network
    services: ipaddress.IPv4Network
    domain: str
    node_mask: int
    """Prefix length of each node's part of the Pod range."""

    @property
    def api(self) -> str:
        """The cluster address of the `kubernetes` Service."""
        return str(self.services[1])

    @property
    def dns(self) -> str:
        """The cluster address of the DNS Service."""
        return str(self.services[DNS_INDEX])


def addresses(network: Network, nodes: int) -> Addresses:
    """Complete what was asked with the defaults, and split the Pod range for twice the nodes there are.

    Raises UserError for a range that is none or is too small.
    """
    pods = _ipv4("POD_CIDR", network.pod_cidr or POD_CIDR)
    services = _ipv4("SERVICE_CIDR", network.service_cidr or SERVICE_CIDR)
    split = (2 * nodes - 1).bit_length()
    mask = pods.prefixlen + split
    if mask > 24 or split > WIDEST_SPLIT:
        raise UserError(
            f"POD_CIDR={pods} is too small for {nodes} nodes; use a range of /{24 - split} or wider."
        )
    if services.prefixlen > 24:
        raise UserError(f"SERVICE_CIDR={services} is too small; use a range of /24 or wider.")
    if pods.overlaps(services):
        raise UserError(
            f"POD_CIDR={pods} and SERVICE_CIDR={services} overlap; choose two ranges that do not."
        )
    return Addresses(pods, services, network.domain or DEFAULT_DOMAIN, mask)


def _ipv4(variable: str, value: str) -> ipaddress.IPv4Network:
    try:
        return ipaddress.IPv4Network(value)
    except ValueError as error:
        raise UserError(
            f"{variable}={value} is not an IPv4 range ({error}); write it like {SERVICE_CIDR}."
        ) from None
