"""A DNS server of the cluster, as its EndpointSlice names it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DnsServer:
    """One server that can be asked by itself."""

    address: str
    port: int
    namespace: str = ""
    pod: str = ""
    """Empty where it is asked directly, without a Pod that a port-forward could lead to."""
    node: str = ""

    def __str__(self) -> str:
        at = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.namespace}/{self.pod} ({at}:{self.port})" if self.pod else f"{at}:{self.port}"
