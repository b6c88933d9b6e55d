"""What the person asks an audit for."""

from __future__ import annotations

from dataclasses import dataclass

from headless_conformance.audit.servers import DnsServer
from headless_conformance.audit.targets import AuditTarget

LIMIT_SECONDS = 180.0
"""Bound on a whole audit of one cluster, without `wait_seconds`."""


@dataclass(frozen=True)
class Options:
    """One audit; the defaults are what nothing was said about."""

    targets: tuple[AuditTarget, ...] = ()
    namespace: str = ""
    """Everything in this namespace, where no target is named."""
    all_namespaces: bool = False
    nameserver: str = ""
    domain: str = ""
    servers: tuple[DnsServer, ...] = ()
    """DNS servers that this machine can ask itself, in place of those that the cluster names."""
    wait_seconds: float = 0.0
    """How long to wait for StatefulSets that are on their way."""
    limit_seconds: float = LIMIT_SECONDS
    ask_absent: bool = False
    from_pod: tuple[str, str] | None = None
    """Namespace and name of a Pod to ask from."""
    probe_image: str = ""
    """Image of a Pod that is created to ask from, and removed; empty for none."""
