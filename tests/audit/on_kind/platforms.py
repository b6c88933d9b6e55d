"""DNS servers where platforms have them. Each is plain CoreDNS that stands for the platform's own: what is
tried is how the audit finds its way, not those platforms."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from headless_conformance.audit.resolver import RESOLV_CONF, parse_resolv_conf
from headless_conformance.cluster.waiting import ObservationError, eventually
from headless_conformance.core.errors import UserError
from headless_conformance.core.mismatch import require
from tests.audit.on_kind.cluster import (
    PREFIX,
    AuditRun,
    KindTrials,
    Object,
    service,
    sleeper,
    stateful_set,
)

KUBELET = "/var/lib/kubelet/config.yaml"
KUBELET_SECONDS = 60.0
COREFILE = """\
.:{port} {{
    errors
    ready
    kubernetes {zone} in-addr.arpa ip6.arpa {{
        ttl {ttl}
        fallthrough in-addr.arpa ip6.arpa
    }}
{more}}}
"""


@dataclass(frozen=True)
class Platform:
    """Where CoreDNS is, and under which names."""

    name: str
    namespace: str
    service: str
    labels: tuple[str, str]
    port: int
    ports: tuple[str, str]
    """Names of the Service's ports for UDP and TCP."""
    zone: str = "cluster.local"
    ttl: int = 5
    more: str = ""
    """Further lines of the Corefile."""


GARDENER = Platform(
    "gardener",
    f"{PREFIX}system",
    "kube-dns",
    ("k8s-app", "kube-dns"),
    8053,
    ("dns-udp", "dns-tcp"),
    "cluster.local.",
)
OPENSHIFT = Platform(
    "openshift",
    "openshift-dns",
    "dns-default",
    ("dns.operator.openshift.io/daemonset-dns", "default"),
    5353,
    ("dns", "dns-tcp"),
)
KUBESPRAY = Platform(
    "kubespray",
    f"{PREFIX}secondary",
    "coredns-secondary",
    ("k8s-app", "kube-dns-secondary"),
    53,
    ("dns", "dns-tcp"),
)
PORT = re.compile(r":(\d+)\)$")
SOURCE = re.compile(rf"^{RESOLV_CONF} of Pod {PREFIX}[a-z-]+/db-[01]$")
LINK_LOCAL = "169.254.20.10"


def servers(kind: KindTrials) -> Iterator[str]:
    """The servers are found from the resolv.conf of a Pod, as the kubelet of each platform writes it."""
    node = kind.kubectl("get", "nodes", "-l", "!node-role.kubernetes.io/control-plane", "-o", "name").split()[
        0
    ]
    node = node.removeprefix("node/")
    own = address_of(kind, "kube-system", "kube-dns")
    try:
        for platform in (GARDENER, OPENSHIFT, KUBESPRAY):
            create_dns(kind, platform)
        yield from _trials(kind, node, own)
    finally:
        remove_dns(kind, GARDENER, OPENSHIFT, KUBESPRAY)


def _trials(kind: KindTrials, node: str, own: str) -> Iterator[str]:
    gardener, openshift, kubespray = (
        address_of(kind, platform.namespace, platform.service)
        for platform in (GARDENER, OPENSHIFT, KUBESPRAY)
    )
    trials: Sequence[tuple[str, Sequence[str], Callable[[AuditRun], str]]] = (
        ("gardener", [gardener], partial(_through, ports={8053}, least=2)),
        ("openshift", [openshift], partial(_through, ports={5353}, least=2)),
        ("kubespray", [own, kubespray], partial(_through, ports={53}, least=4)),
        ("node-local", [LINK_LOCAL], partial(_through, ports={53, 5353, 8053}, least=6, note=LINK_LOCAL)),
    )
    for name, addresses, problem in trials:
        with _kubelet_dns(kind, node, addresses):
            namespace = kind.namespace(
                name,
                service("db", {"app": "db"}),
                stateful_set("db", sleeper(kind.image), 2, {"nodeName": node}),
            )
            kind.wait_until_ready(namespace)
        _wait_until_told(kind, namespace, addresses)
        run = kind.audit(f"{namespace}/db")
        kind.said(f"  {name}: {run.figures}; {run.result.get('dns_servers')}")
        if found := problem(run):
            yield f"{name}: {found}; {_why(run)}"
        if name == "gardener":
            yield from _while_the_kubelet_starts(kind, node, namespace)
        kind.remove(namespace)


def _wait_until_told(kind: KindTrials, namespace: str, addresses: Sequence[str]) -> None:
    """Until both Pods can be looked into, and have what the kubelet gave when they started: one that has just
    started itself does not know its Pods yet."""

    def check() -> None:
        for pod in ("db-0", "db-1"):
            try:
                text = kind.kubectl("-n", namespace, "exec", pod, "--", "cat", RESOLV_CONF)
            except UserError as error:
                raise ObservationError(str(error)) from None
            seen = list(parse_resolv_conf(text, namespace, pod).nameservers)
            subject = f"{RESOLV_CONF} of Pod {pod}"
            require(seen == addresses, subject, expected=str(addresses), observed=str(seen))

    eventually(check, expecting=f"the name servers of Pods in {namespace}", within=KUBELET_SECONDS)


def _while_the_kubelet_starts(kind: KindTrials, node: str, namespace: str) -> Iterator[str]:
    """What the kubelet gives to new Pods is not what these have: the right servers are asked, or none."""
    kind.engine.docker("exec", node, "systemctl", "stop", "kubelet")
    try:
        run = kind.disturbed_audit(f"{namespace}/db", "members Ready", _starting_kubelet(kind, node))
    finally:
        with _starting_kubelet(kind, node):
            _wait_for_kubelet(kind, node)
    asked = run.result.get("dns_servers", [])
    kind.said(f"  gardener, the kubelet starting: {run.figures}; {asked or run.reasons}")
    if run.status not in (0, 2) or any(not server.endswith(f":{GARDENER.port})") for server in asked):
        yield f"gardener, the kubelet starting: asked were {asked}; {_why(run)}"


@contextmanager
def _starting_kubelet(kind: KindTrials, node: str) -> Iterator[None]:
    """From when it is started on; one that runs stays as it is."""
    kind.engine.docker("exec", node, "systemctl", "start", "kubelet")
    yield


def _why(run: AuditRun) -> str:
    found = run.result
    return f"by {found.get('domain_source')}; notes {found.get('notes')}; {found.get('problem')}"


def _through(run: AuditRun, ports: set[int], least: int, note: str = "") -> str:
    """What is wrong about a run that must have asked at least so many servers, at these ports."""
    found = run.result
    asked = found.get("dns_servers", [])
    seen = {int(match[1]) for server in asked if (match := PORT.search(server))}
    if run.status or set(found["checks"]) != {"passed"}:
        return f"exit status {run.status}, {found['checks']}, {run.summaries}, {run.reasons}"
    if len(asked) < least or seen - ports:
        return f"asked were {asked}"
    if not SOURCE.search(found["domain_source"]):
        return f"name servers are known from {found['domain_source']}"
    if note and not any(note in line for line in found.get("notes", ())):
        return f"nothing is said about {note}"
    return ""


def address_of(kind: KindTrials, namespace: str, name: str) -> str:
    """The cluster IP of a Service."""
    return kind.kubectl("-n", namespace, "get", "service", name, "-o", "jsonpath={.spec.clusterIP}")


def create_dns(kind: KindTrials, platform: Platform) -> None:
    """Two CoreDNS Pods that run, in a namespace of ours, and their Service."""
    path = "jsonpath={.spec.template.spec.containers[0].image}"
    image = kind.kubectl("-n", "kube-system", "get", "deployment", "coredns", "-o", path)
    kind.create_namespace(platform.namespace)
    kind.apply("", _binding(kind))
    kind.apply(platform.namespace, *_objects(platform, image))
    words = ("rollout", "status", "deployment", platform.service, "--timeout=55s")
    kind.kubectl("-n", platform.namespace, *words)


def remove_dns(kind: KindTrials, *platforms: Platform) -> None:
    """Delete them, with their right to list."""
    kind.remove(*(platform.namespace for platform in platforms))
    kind.kubectl("delete", "clusterrolebinding", f"{PREFIX}dns", "--ignore-not-found")


def _binding(kind: KindTrials) -> Object:
    """The right to list what CoreDNS needs, for the accounts of all namespaces that are here so far."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"{PREFIX}dns"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:coredns"},
        "subjects": [
            {"kind": "ServiceAccount", "name": "default", "namespace": namespace}
            for namespace in kind.namespaces
        ],
    }


def _objects(platform: Platform, image: str) -> Iterator[Object]:
    labels = dict([platform.labels])
    corefile = COREFILE.format(port=platform.port, zone=platform.zone, ttl=platform.ttl, more=platform.more)
    mount = {"name": "corefile", "mountPath": "/etc/coredns"}
    container: dict[str, Any] = {
        "name": "coredns",
        "image": image,
        "imagePullPolicy": "Never",
        "args": ["-conf", "/etc/coredns/Corefile"],
        "volumeMounts": [mount],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 1},
    }
    yield {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": platform.service},
        "data": {"Corefile": corefile},
    }
    yield {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": platform.service},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "terminationGracePeriodSeconds": 0,
                    "containers": [container],
                    "volumes": [{"name": "corefile", "configMap": {"name": platform.service}}],
                },
            },
        },
    }
    yield {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": platform.service},
        "spec": {
            "selector": labels,
            "ports": [
                {"name": name, "port": 53, "protocol": protocol, "targetPort": platform.port}
                for name, protocol in zip(platform.ports, ("UDP", "TCP"), strict=True)
            ],
        },
    }


@contextmanager
def _kubelet_dns(kind: KindTrials, node: str, addresses: Sequence[str]) -> Iterator[None]:
    """The kubelet of a node gives these name servers to its Pods, until the end."""
    before = kind.engine.docker("exec", node, "cat", KUBELET)
    listed = "\\n".join(f"- {address}" for address in addresses)
    script = f"sed -i '/^clusterDNS:/,/^[^-]/{{/^- /d}};s/^clusterDNS:.*/clusterDNS:\\n{listed}/' {KUBELET}"
    kind.engine.docker("exec", node, "cp", KUBELET, f"{KUBELET}.before")
    try:
        kind.engine.docker("exec", node, "sh", "-c", f"{script}; systemctl restart kubelet")
        eventually(
            lambda: _require_dns(kind, node, addresses), expecting="the kubelet", within=KUBELET_SECONDS
        )
        yield
    finally:
        kind.engine.docker(
            "exec", node, "sh", "-c", f"mv {KUBELET}.before {KUBELET}; systemctl restart kubelet"
        )
        _wait_for_kubelet(kind, node)
        if kind.engine.docker("exec", node, "cat", KUBELET) != before:
            raise AssertionError(f"{KUBELET} of {node} is not as it was")


def _require_dns(kind: KindTrials, node: str, addresses: Sequence[str]) -> None:
    found = json.loads(_said_by_kubelet(kind, node, "configz"))
    seen = found["kubeletconfig"].get("clusterDNS")
    require(
        seen == list(addresses), f"clusterDNS of {node}", expected=str(list(addresses)), observed=str(seen)
    )


def _wait_for_kubelet(kind: KindTrials, node: str) -> None:
    eventually(
        lambda: _said_by_kubelet(kind, node, "healthz"), expecting="the kubelet", within=KUBELET_SECONDS
    )


def _said_by_kubelet(kind: KindTrials, node: str, path: str) -> str:
    """What the kubelet of a node answers. Raises ObservationError while it is starting."""
    try:
        return kind.kubectl("get", "--raw", f"/api/v1/nodes/{node}/proxy/{path}")
    except UserError as error:
        raise ObservationError(str(error)) from None
