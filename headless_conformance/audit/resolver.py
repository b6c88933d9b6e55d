"""What Pods are told about DNS: the addresses of their name servers, and the cluster domain."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from headless_conformance.audit.access import Access, path_of
from headless_conformance.audit.errors import (
    InspectionError,
    MissingRightError,
    PermanentError,
    UnreachableApiError,
)
from headless_conformance.audit.execute import execute
from headless_conformance.core.objects import Object

PODS_TO_TRY = 3
"""Images without `cat` are common: after so many Pods the kubelet is asked."""
RESOLV_CONF = "/etc/resolv.conf"
RESOLVER_SECONDS = 10.0
"""How long Pods are looked into again that cannot be for the moment: a kubelet that has just started does not
know its Pods yet."""
LOOK_INTERVAL = 1.0


@dataclass(frozen=True)
class Resolver:
    """What Pods are told about DNS."""

    nameservers: tuple[str, ...] = ()
    domain: str = ""
    """Without the dot at its end; empty when it is not known."""
    source: str = ""
    problems: tuple[str, ...] = ()
    """Why each way of finding out failed, where one did."""
    note: str = ""
    """Why this need not be what the Pods have, where that is so."""


def find_resolver(
    access: Access,
    pods: Iterable[Object],
    nameserver: str,
    domain: str,
    pause: Callable[[float], None] = time.sleep,
) -> Resolver:
    """What the person says, else a Pod's resolv.conf, else the kubelet's configuration.

    A Pod keeps what the kubelet gave it when it started, and the kubelet tells what it gives to Pods that
    start now. So the kubelet is asked only where no Pod can ever be looked into. Raises UnreachableApiError,
    and another InspectionError where a Pod could tell and cannot be looked into for the moment.
    """
    given = Resolver((nameserver,) if nameserver else (), domain.rstrip("."), "as given")
    if nameserver and domain:
        return given
    candidates = [pod for pod in pods if uses_cluster_dns(pod)][:PODS_TO_TRY]
    problems: list[str] = []
    found = _from_pods(access, candidates, problems, pause)
    if found is None:
        if not candidates:
            problems.append("no running Pod with the cluster's DNS policy is there to look into")
        found = _from_kubelet(access, candidates, problems)
    return Resolver(
        given.nameservers or found.nameservers,
        given.domain or found.domain,
        found.source if found.source else given.source,
        found.problems,
        found.note,
    )


def uses_cluster_dns(pod: Object) -> bool:
    """A running Pod whose resolv.conf names the cluster's DNS."""
    spec = pod.get("spec") or {}
    policy = spec.get("dnsPolicy") or "ClusterFirst"
    of_cluster = policy == "ClusterFirstWithHostNet" or (
        policy == "ClusterFirst" and not spec.get("hostNetwork")
    )
    return of_cluster and bool(running_containers(pod)) and not pod["metadata"].get("deletionTimestamp")


def running_containers(pod: Object) -> list[str]:
    """The names of a Pod's containers that run."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return [found["name"] for found in statuses if "running" in (found.get("state") or {})]


def parse_resolv_conf(text: str, namespace: str, source: str) -> Resolver:
    """Name servers and cluster domain of a Pod's resolv.conf (resolv.conf(5): of several search lines the
    last counts)."""
    servers: list[str] = []
    domain = ""
    for line in text.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver" and _is_address(words[1]):
            servers.append(words[1])
        if words and words[0] == "search":
            begin = f"{namespace}.svc."
            domain = next(
                (word.removeprefix(begin).rstrip(".") for word in words[1:] if word.startswith(begin)), domain
            )
    return Resolver(tuple(dict.fromkeys(servers)), domain, source)


def _from_pods(
    access: Access, pods: Sequence[Object], problems: list[str], pause: Callable[[float], None]
) -> Resolver | None:
    """What the first Pod says that can be looked into; None where none ever can, with the reasons in
    `problems`. Raises InspectionError where one may be later."""
    until = time.monotonic() + RESOLVER_SECONDS
    left = list(pods)
    while left:
        passing: list[str] = []
        for pod in left.copy():
            if pod not in left:
                continue
            namespace = pod["metadata"]["namespace"]
            where = f"{namespace}/{pod['metadata']['name']}"
            try:
                return _look_into(access, pod, where)
            except UnreachableApiError:
                raise
            except MissingRightError as error:
                problems.append(f"Pod {where}: {error.reason}")
                left = [other for other in left if other["metadata"]["namespace"] != namespace]
            except PermanentError as error:
                problems.append(f"Pod {where}: {error.reason}")
                left.remove(pod)
            except InspectionError as error:
                passing.append(f"Pod {where}: {error.reason}")
        if left and time.monotonic() >= until:
            raise InspectionError(
                f"what Pods are told about DNS could not be read for {RESOLVER_SECONDS:.0f} s "
                f"({'; '.join(passing)})"
            )
        if left:
            pause(LOOK_INTERVAL)
    return None


def _look_into(access: Access, pod: Object, where: str) -> Resolver:
    """What stands in the resolv.conf of a Pod, from its first container that can print it. Raises
    InspectionError."""
    namespace = pod["metadata"]["namespace"]
    problem: InspectionError = PermanentError("no container is running")
    for container in running_containers(pod):
        try:
            text = _resolv_conf(access, namespace, pod["metadata"]["name"], container)
        except MissingRightError:
            raise
        except PermanentError as error:
            problem = error
            continue
        found = parse_resolv_conf(text, namespace, f"{RESOLV_CONF} of Pod {where}")
        if found.nameservers and found.domain:
            return found
        problem = PermanentError(f"its {RESOLV_CONF} does not name both a name server and a cluster domain")
        break
    raise problem


def _resolv_conf(access: Access, namespace: str, pod: str, container: str) -> str:
    result = execute(access, namespace, pod, container, ["cat", RESOLV_CONF])
    if result.status != 0:
        raise PermanentError(f"cat {RESOLV_CONF} ends with exit status {result.status}")
    return result.stdout


def _from_kubelet(access: Access, pods: Sequence[Object], problems: list[str]) -> Resolver:
    """What the kubelet of one node gives to its Pods."""
    try:
        node = next(
            (pod["spec"]["nodeName"] for pod in pods if pod["spec"].get("nodeName")), ""
        ) or _any_node(access)
        found = access.get(f"/api/v1/nodes/{quote(node)}/proxy/configz", "use nodes/proxy")
        of_kubelet = found.get("kubeletconfig") or {}
        servers = tuple(address for address in of_kubelet.get("clusterDNS") or () if _is_address(address))
        domain = str(of_kubelet.get("clusterDomain") or "").rstrip(".")
        if servers and domain:
            told = Resolver(servers, domain, f"kubelet of node {node}")
            note = (
                f"name server and domain are what the kubelet of node {node} gives to Pods that start now, "
                f"which Pods that run need not have: no Pod could be looked into ({'; '.join(problems)})"
            )
            return replace(told, note=note) if pods else told
        problems.append(f"the kubelet of node {node} names no cluster DNS")
    except UnreachableApiError:
        raise
    except InspectionError as error:
        problems.append(f"kubelet: {error.reason}")
    return Resolver(problems=tuple(problems))


def _any_node(access: Access) -> str:
    nodes = access.get(path_of("Node"), "list nodes", limit="1").get("items") or []
    if not nodes:
        raise InspectionError("there are no nodes")
    return str(nodes[0]["metadata"]["name"])


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
