"""The Pod from which is asked: its container that has the tools, and its name servers that are the
cluster's."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from headless_conformance.audit.access import Access, path_of
from headless_conformance.audit.errors import CommandTimeoutError, InspectionError, UnreachableApiError
from headless_conformance.audit.execute import execute
from headless_conformance.audit.inside import (
    LIBRARY,
    TOOLS_SCRIPT,
    Way,
    blocks,
    over_udp,
    script,
    way_of,
)
from headless_conformance.audit.resolver import parse_resolv_conf, running_containers, uses_cluster_dns
from headless_conformance.core.objects import Object
from headless_conformance.records import Question

RUN_SECONDS = 60.0
"""Bound on one script; what it has printed by then counts."""


@dataclass(frozen=True)
class InsidePod:
    """A running Pod, and how to ask from it."""

    access: Access
    namespace: str
    name: str
    container: str
    tools: tuple[str, ...]
    addresses: tuple[str, ...]
    """The name servers in its resolv.conf that are the cluster's."""
    others: tuple[str, ...]
    """Those that are somebody else's, who need not know the cluster's names."""

    @property
    def ways(self) -> tuple[Way, ...]:
        udp = tuple(map(over_udp, self.addresses)) if "dig" in self.tools else ()
        return (*udp, *((LIBRARY,) if "getent" in self.tools else ()))

    def ask(self, asked: Sequence[tuple[Question, Way]], until: float) -> Mapping[tuple[Question, Way], str]:
        """What the tools print, as far as they came. Raises InspectionError."""
        able = [(q, way) for q, way in asked if way != LIBRARY or q.rdtype in ("A", "AAAA")]
        if not able:
            return {}
        text = self._run(script(able), until)
        return {way_of(words): body for words, body in blocks(text) if words[0] in ("udp", "library")}

    def _run(self, text: str, until: float) -> str:
        seconds = min(RUN_SECONDS, max(until - time.monotonic(), 1.0))
        command = ["sh", "-c", text]
        try:
            return execute(self.access, self.namespace, self.name, self.container, command, seconds).stdout
        except CommandTimeoutError as error:
            return error.stdout


def open_pod(access: Access, namespace: str, name: str, known: Collection[str]) -> InsidePod:
    """Look at a Pod and into it. `known` are addresses that lead to the cluster's DNS servers.

    Raises InspectionError when it does not run, has neither of the tools, or does not ask the cluster's DNS.
    """
    where = f"{namespace}/{name}"
    found = access.get(path_of("Pod", namespace, name), f"get pods in namespace {namespace}")
    problem = InspectionError(f"no container of Pod {where} is running")
    for container in running_containers(found):
        try:
            said = execute(access, namespace, name, container, ["sh", "-c", TOOLS_SCRIPT]).stdout
        except UnreachableApiError:
            raise
        except InspectionError as error:
            problem = error
            continue
        told = list(blocks(said))
        tools = tuple(words[1] for words, _ in told if words[0] == "has")
        listed = next((body for words, body in told if words[0] == "conf"), "")
        if not tools:
            problem = InspectionError(f"the image of Pod {where} has neither dig nor getent")
            continue
        # A zone index would be words for the shell, and no Service has such an address.
        every = [one for one in parse_resolv_conf(listed, namespace, where).nameservers if "%" not in one]
        own = [address for address in every if _is_of_cluster(found, address, known)]
        if not own:
            raise InspectionError(
                f"Pod {where} asks no name server of the cluster, but {', '.join(every) or 'none'}"
            )
        others = tuple(address for address in every if address not in own)
        return InsidePod(access, namespace, name, container, tools, tuple(own), others)
    raise problem


def _is_of_cluster(found: Object, address: str, known: Collection[str]) -> bool:
    """What a Pod adds to its resolv.conf by itself is the cluster's only where it is known to be."""
    added = ((found.get("spec") or {}).get("dnsConfig") or {}).get("nameservers") or ()
    return address in known or (uses_cluster_dns(found) and address not in added)
