"""What of a cluster does not answer in the middle of a run: looked at when somebody could not observe, known
to every worker of the run from then on, and looked at again so that what comes back is used.

The API server, the nodes that were Ready when the run began, and the DNS servers: as a whole where they are
Pods that Kubernetes replaces, each one where they are processes of this machine. An outage never breaks a
promise: what needs the part is an error that names it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import dns.exception
import dns.message
import dns.query
from filelock import FileLock, Timeout
from kubernetes import client
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from headless_conformance.cluster.api_client import api_client
from headless_conformance.cluster.dns_answer import Server, Transport
from headless_conformance.cluster.pods import is_pod_ready
from headless_conformance.cluster.timeouts import (
    LOOK_AGAIN_SECONDS,
    LOOK_SECONDS,
    NODE_SECONDS,
    SILENCE_SECONDS,
    STALL_SECONDS,
)
from headless_conformance.cluster.waiting import OutageError, reached
from headless_conformance.core.files import replacing
from headless_conformance.core.objects import Object

_STATE, _BASELINE, _DNS_PODS, _LOCK = "outages.json", "whole.json", "dns-pods.json", "outages.lock"
API, DNS, NODE = "API server", "DNS servers", "node "
"""Parts; a node is called so with its name behind it."""
_NOTHING = {"nodes": [], "dns": False, "host_dns": []}
LOCK_SECONDS = 2 * SILENCE_SECONDS
"""Bound on the look of another worker."""
SERVER_ERRORS = 500
NO_ANSWER = (HTTPError, OSError, ApiException)
USUAL_DNS_PODS = ("kube-system", "k8s-app=kube-dns")
"""Namespace and label selector of the DNS servers' Pods on most clusters."""
_NODES = "/api/v1/nodes"
ASKED = "kubernetes."
"""What DNS servers are asked to see whether they say anything; any answer will do."""


@dataclass(frozen=True)
class OutageSnapshot:
    """One look at the whole cluster; times in seconds since the epoch, by the clock of this machine."""

    begun: float
    ended: float
    outages: Mapping[str, str] = field(default_factory=dict)
    """By part, what is wrong with it: a sentence without its end."""
    ready_since: Mapping[str, float] = field(default_factory=dict)
    """Of the other parts, since when they are Ready."""


class Outages:
    """Of one cluster, shared by the workers of a run through a folder.

    With `kubelets`, each node's kubelet is asked; without, the word of the API server is taken. `host_dns`
    are the DNS servers that are processes of this machine.
    """

    def __init__(
        self, folder: Path, kubeconfig: Path, *, kubelets: bool, host_dns: Sequence[Server] = ()
    ) -> None:
        self._folder = folder
        self._kubeconfig = kubeconfig
        self._kubelets = kubelets
        self._host_dns = host_dns
        self._stalls: list[tuple[float, str]] = []
        self._used = set[str]()

    @cached_property
    def _api(self) -> client.ApiClient:
        return api_client(self._kubeconfig)

    def begin(self) -> None:
        """Note what is whole, once in a run: only that can fail in the middle of it."""
        path = self._folder / _BASELINE
        with self._lock():
            if not path.exists():
                nodes, servers, silent = self._ready_nodes(), self._ready_dns(), self._silent_on_host()
                known = sorted({str(server) for server in self._host_dns} - silent)
                whole = {"nodes": sorted(nodes), "dns": bool(servers), "host_dns": known}
                path.write_text(json.dumps(whole))

    def watch_dns(self, pods: Sequence[tuple[str, str]]) -> None:
        """Look at these DNS servers from now on, each a namespace and a label selector, and note whether they
        are whole; once in a run."""
        path = self._folder / _DNS_PODS
        with self._lock():
            if pods and list(pods) != [USUAL_DNS_PODS] and not path.exists():
                path.write_text(json.dumps(pods))
                baseline = {**self._baseline, "dns": bool(self._ready_dns())}
                (self._folder / _BASELINE).write_text(json.dumps(baseline))

    @property
    def dns_pods(self) -> Sequence[tuple[str, str]]:
        """Which Pods the DNS servers are: namespaces and label selectors."""
        path = self._folder / _DNS_PODS
        return [tuple(found) for found in json.loads(path.read_text())] if path.exists() else [USUAL_DNS_PODS]

    @property
    def has_dns(self) -> bool:
        """Whether DNS servers were seen Ready when the run began."""
        return bool(self._baseline["dns"])

    def require_api(self) -> None:
        """Raise OutageError when the API server is known not to answer."""
        self._require(API)

    def require_node(self, node: str) -> None:
        """Raise OutageError when the API server or this node is known not to answer."""
        self._used.add(_node(node))
        self._require(API, _node(node))

    def require_dns(self) -> None:
        """Raise OutageError when the API server, all DNS servers or one on this machine are known not to
        answer."""
        self._require(API, DNS, *map(str, self._host_dns))

    def look_at_node(self, node: str) -> None:
        """Look now, and raise OutageError when this node does not answer."""
        self._used.add(_node(node))
        self._raise_for(self.look(), (_node(node),))

    def look_at_api(self, waited: float = 0.0) -> None:
        """Look now, and raise OutageError when the API server does not answer. `waited` as of `look`."""
        self._raise_for(self.look(waited), (API,))

    def look_at_dns(self) -> None:
        """Look now, and raise OutageError when no DNS server is Ready."""
        self._raise_for(self.look(), (API, DNS))

    def answers(self, node: str) -> bool:
        """Whether a node answers now."""
        return _node(node) not in self.look().outages

    def look(self, waited: float = 0.0) -> OutageSnapshot:
        """Look now, or take the look of another worker that began after this call, or waited as long.

        An API server that is silent or just being started again is given SILENCE_SECONDS, of which `waited`
        seconds have passed.
        """
        called = time.time()
        with self._lock():
            last = self._last()
            if last is None:
                return self._looked(SILENCE_SECONDS - waited)
            if last.begun >= called or (API in last.outages and last.ended >= called):
                return last
            return self._looked(0.0 if API in last.outages else SILENCE_SECONDS - waited)

    def note_stall(self, seconds: float, what: str) -> None:
        """Remember a call that took this long, if that was too long."""
        if seconds > STALL_SECONDS:
            self._stalls.append((time.time(), f"the cluster stood still: {what} took {seconds:.0f} s"))

    def since(self, begun: float) -> str:
        """What failed since then (seconds since the epoch), and need not be so any more, in one sentence;
        empty when nothing did."""
        seen = self.look()
        gone = [sentence for part, sentence in seen.outages.items() if self._concerns_us(part)]
        back = [
            f"{part} was not Ready for a while"
            for part, when in seen.ready_since.items()
            if when >= begun and self._concerns_us(part)
        ]
        return "; ".join([*gone, *back] or [text for when, text in self._stalls if when >= begun])

    def _concerns_us(self, part: str) -> bool:
        """A large cluster of the person's own may lose nodes that have nothing of the run."""
        return self._kubelets or not part.startswith(NODE) or part in self._used

    def _require(self, *parts: str) -> None:
        last = self._last()
        if last is None or not last.outages:
            return
        if time.time() - last.ended > LOOK_AGAIN_SECONDS:
            try:
                with self._lock(timeout=0):
                    last = self._looked(0.0)
            except Timeout:
                # Another worker is looking; what it finds holds from the next call on.
                pass
        self._raise_for(last, parts)

    def _raise_for(self, seen: OutageSnapshot, parts: tuple[str, ...]) -> None:
        found = [seen.outages[part] for part in parts if part in seen.outages]
        if found:
            raise OutageError(found[0]) from None

    def _lock(self, timeout: float = LOCK_SECONDS) -> Any:
        return FileLock(self._folder / _LOCK, timeout=timeout)

    def _last(self) -> OutageSnapshot | None:
        path = self._folder / _STATE
        return OutageSnapshot(**json.loads(path.read_text())) if path.exists() else None

    @property
    def _baseline(self) -> dict[str, Any]:
        path = self._folder / _BASELINE
        found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else _NOTHING
        return found

    def _looked(self, patience: float) -> OutageSnapshot:
        """Look, and tell the other workers. Under the lock."""
        seen = self._look(patience)
        with replacing(self._folder / _STATE) as temporary:
            temporary.write_text(json.dumps(asdict(seen)))
        return seen

    def _look(self, patience: float) -> OutageSnapshot:
        begun = time.time()
        outages = dict[str, str]()
        baseline = self._baseline
        try:
            nodes, servers = reached(
                lambda: (self._ready_nodes(), self._ready_dns()),
                in_vain=lambda error: isinstance(error, NO_ANSWER),
                within=patience,
            )
        except NO_ANSWER:
            return OutageSnapshot(begun, time.time(), {API: "the API server does not answer"})
        silent = self._silent([name for name in baseline["nodes"] if name in nodes])
        whole = {_node(name): when for name, when in nodes.items() if name not in silent}
        for part in (_node(name) for name in baseline["nodes"]):
            if part not in whole:
                outages[part] = f"{part} does not answer"
        if baseline["dns"] and not servers:
            outages[DNS] = "no DNS server of the cluster is Ready"
        for name in self._silent_on_host().intersection(baseline["host_dns"]):
            outages[name] = f"DNS server {name} does not answer"
        servers_whole = {f"DNS server {name}": when for name, when in servers.items()}
        return OutageSnapshot(begun, time.time(), outages, whole | servers_whole)

    def _silent(self, nodes: list[str]) -> set[str]:
        if not self._kubelets or not nodes:
            return set()
        with ThreadPoolExecutor(max_workers=len(nodes)) as pool:
            answered = pool.map(self._kubelet_answers, nodes)
            return {name for name, told in zip(nodes, answered, strict=True) if not told}

    def _kubelet_answers(self, node: str) -> bool:
        try:
            client.CoreV1Api(self._api).connect_get_node_proxy_with_path(
                node, "healthz", _request_timeout=NODE_SECONDS
            )
        except HTTPError:
            return False
        except ApiException as error:
            return int(error.status) < SERVER_ERRORS
        return True

    def _silent_on_host(self) -> set[str]:
        """The DNS servers on this machine that say nothing, whichever way they are asked."""
        ways = [(server, transport) for server in self._host_dns for transport in Transport]
        if not ways:
            return set()
        with ThreadPoolExecutor(max_workers=len(ways)) as pool:
            answered = pool.map(_says_something, ways)
            speaking = {server for (server, _), told in zip(ways, answered, strict=True) if told}
        return {str(server) for server in self._host_dns if server not in speaking}

    def _ready_nodes(self) -> dict[str, float]:
        """Nodes that are Ready, and since when."""
        items, skew = self._get(_NODES, {})
        return _only_ready({item["metadata"]["name"]: _ready_since(item, skew) for item in items})

    def _ready_dns(self) -> dict[str, float]:
        """DNS servers that are Ready, and since when."""
        found: dict[str, float | None] = {}
        for namespace, labels in self.dns_pods:
            items, skew = self._get(f"/api/v1/namespaces/{namespace}/pods", {"labelSelector": labels})
            found |= {
                item["metadata"]["name"]: _ready_since(item, skew) for item in items if is_pod_ready(item)
            }
        return _only_ready(found)

    def _get(self, path: str, query: Mapping[str, str]) -> tuple[list[Object], float]:
        """The objects of a list, none where this account may not see them; and the clock of the API server
        minus that of this machine."""
        method, url, header, _, _ = self._api.param_serialize(
            "GET",
            path,
            query_params=list(query.items()),
            header_params={"Accept": "application/json"},
            auth_settings=["BearerToken"],
        )
        answer = self._api.call_api(method, url, header, None, _request_timeout=LOOK_SECONDS)
        text = answer.read()
        skew = parsedate_to_datetime(answer.headers["Date"]).timestamp() - time.time()
        if answer.status in (401, 403):
            return [], skew
        if answer.status != 200:
            raise ApiException(status=answer.status, reason=text.decode(errors="replace"))
        return json.loads(text)["items"], skew


def _says_something(way: tuple[Server, Transport]) -> bool:
    server, transport = way
    ask = dns.query.udp if transport is Transport.UDP else dns.query.tcp
    question = dns.message.make_query(ASKED, "A")
    try:
        ask(question, server.address, port=server.port, timeout=LOOK_SECONDS)
    except (OSError, dns.exception.Timeout):
        return False
    except dns.exception.DNSException:
        # Not what was asked for, and yet not silence.
        return True
    return True


def _node(name: str) -> str:
    return f"{NODE}{name}"


def _only_ready(found: Mapping[str, float | None]) -> dict[str, float]:
    """Without what is not Ready."""
    return {name: when for name, when in found.items() if when is not None}


def _ready_since(item: Object, skew: float) -> float | None:
    """Since when something is Ready, by the clock of this machine; None when it is not."""
    for found in (item.get("status") or {}).get("conditions") or ():
        if found["type"] == "Ready" and found["status"] == "True":
            return datetime.fromisoformat(found["lastTransitionTime"]).timestamp() - skew
    return None
