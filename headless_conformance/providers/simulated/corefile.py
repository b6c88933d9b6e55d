"""The DNS server's configuration: the one that clusters get from kubeadm, and what changes when it runs on
the host."""

from __future__ import annotations

import re
from pathlib import Path

from headless_conformance.providers.readiness import UNKNOWN_NAMES, without_upstream

DEFAULT = """\
.:53 {{
    errors
    health {{
       lameduck 5s
    }}
    ready
    kubernetes {domain} in-addr.arpa ip6.arpa {{
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }}
    prometheus :9153
    forward . /etc/resolv.conf {{
       max_concurrent 1000
    }}
    cache 30 {{
       disable success {domain}
       disable denial {domain}
    }}
    loop
    reload
    loadbalance
}}
"""
"""kubeadm's Corefile since Kubernetes 1.33."""

_SERVER = re.compile(r"^(?P<keys>[^\s#{][^{]*?)\s*\{\s*$")
_KUBERNETES = re.compile(r"^(?P<indent>\s+)(?P<directive>kubernetes\b[^{]*?)(?P<block>\s*\{)?\s*$")
_HTTP = re.compile(r"^\s+(health|ready|prometheus|pprof)\b")


def default(domain: str) -> str:
    """The Corefile of a cluster with this domain; no upstream server is asked."""
    return without_upstream(DEFAULT.format(domain=domain))


def on_host(corefile: str, port: int, unknown_port: int, kubeconfig: Path) -> str:
    """The same configuration for a process on the host: answers on 127.0.0.1:`port`, reads the API through
    `kubeconfig`, and has the server block for unknown names on `unknown_port`.

    Endpoints for kubelets and Prometheus are left out: nobody asks them and they change no answer. A server
    block for any other port is left as it is.
    """
    host, known = UNKNOWN_NAMES.split(":")
    corefile = corefile.replace(UNKNOWN_NAMES, f"{host}:{unknown_port}").replace(
        f".:{known} {{", f".:{unknown_port} {{"
    )
    lines: list[str] = []
    depth = 0
    skipped_to: int | None = None
    for line in corefile.splitlines():
        before = depth
        depth += line.count("{") - line.count("}")
        if skipped_to is not None:
            if depth <= skipped_to:
                skipped_to = None
            continue
        if before == 1 and _HTTP.match(line):
            if depth > before:
                skipped_to = before
            continue
        lines.extend(_line_on_host(line, before, port, kubeconfig))
    return "\n".join(lines) + "\n"


def _line_on_host(line: str, depth: int, port: int, kubeconfig: Path) -> list[str]:
    if depth == 0 and (server := _SERVER.match(line)) and (keys := _keys_on_host(server["keys"], port)):
        return [f"{keys} {{", "    bind 127.0.0.1"]
    if depth == 1 and (found := _KUBERNETES.match(line)):
        indent = found["indent"]
        option = f'{indent}   kubeconfig "{kubeconfig}"'
        end = [] if found["block"] else [f"{indent}}}"]
        return [f"{indent}{found['directive'].rstrip()} {{", option, *end]
    return [line]


def _keys_on_host(keys: str, port: int) -> str | None:
    """Zones of a server block moved from port 53 to `port`; None when they name another port or are a
    snippet."""
    zones = [key.removesuffix(":53") for key in keys.split()]
    if any(re.search(r":\d+$|^\(", zone) for zone in zones):
        return None
    return " ".join(f"{zone}:{port}" for zone in zones)
