"""How long an audit through port-forwards takes: members without a kubelet, and three DNS servers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from kubernetes import client

from headless_conformance.cluster.api_client import api_client
from headless_conformance.cluster.waiting import eventually
from headless_conformance.core.mismatch import require
from tests.audit.on_kind.cluster import KindTrials, Object, service, stateful_set

SERVERS = 3
NODE = "audited-without-kubelet"
"""The control plane makes no endpoint of a Pod whose node is not there."""
SINCE = "2026-01-01T00:00:00Z"
REQUESTS = 200


def speed(kind: KindTrials) -> Iterator[str]:
    """100 members in 10 s and 200 requests, 1,000 in 60 s, and 20 sets of three in 15 s."""
    given = ("--nameserver", _dns_address(kind), "--cluster-domain", "cluster.local")
    with_three_servers(kind)
    kind.apply("", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}})
    try:
        yield from _trials(kind, given)
    finally:
        kind.remove()
        kind.kubectl("delete", "node", NODE)


def _trials(kind: KindTrials, given: tuple[str, ...]) -> Iterator[str]:
    members = kind.namespace("members", *_set("many", 100))
    sets = kind.namespace("sets", *(found for number in range(20) for found in _set(f"set{number}", 3)))
    large = kind.namespace("endpoints", service("large"), *_slices("large", 1000))
    _say_ready(kind)
    _make_ready(kind, members, 100, 120)
    _make_ready(kind, sets, 60, 121)
    trials = (
        (f"{members}/many", 10.0),
        (f"{large}/svc/large", 60.0),
        (f"-n {sets}", 15.0),
    )
    _say_ready(kind)
    for words, seconds in trials:
        run = kind.audit(*words.split(), *given)
        kind.said(f"  {words}: {run.figures}, with the start of the program {run.seconds:.1f} s")
        if run.status or len(run.result["dns_servers"]) != SERVERS:
            yield f"{words}: exit status {run.status}, {run.summaries}, {run.result.get('problem', '')}"
        if run.result["seconds"] > seconds or run.result["api_requests"] >= REQUESTS:
            yield f"{words}: {run.result['seconds']} s and {run.result['api_requests']} requests"


def _set(name: str, replicas: int) -> tuple[Object, Object]:
    """A StatefulSet whose Pods no kubelet starts, and its Service."""
    return service(name, {"app": name}), stateful_set(name, {"image": "none"}, replicas, {"nodeName": NODE})


def _say_ready(kind: KindTrials) -> None:
    """What the kubelet of the node would: else its Pods are no longer Ready after a minute."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    ready = {"type": "Ready", "status": "True", "lastHeartbeatTime": now, "lastTransitionTime": SINCE}
    client.CoreV1Api(api_client(kind.cluster.kubeconfig)).patch_node_status(
        NODE, {"status": {"conditions": [{**ready, "reason": "KubeletReady", "message": ""}]}}
    )


def with_three_servers(kind: KindTrials) -> None:
    """The cluster's own CoreDNS with three replicas, all of them Ready."""
    kind.kubectl("-n", "kube-system", "scale", "deployment", "coredns", f"--replicas={SERVERS}")
    kind.kubectl("-n", "kube-system", "rollout", "status", "deployment", "coredns", "--timeout=55s")


def _dns_address(kind: KindTrials) -> str:
    return kind.kubectl("-n", "kube-system", "get", "service", "kube-dns", "-o", "jsonpath={.spec.clusterIP}")


def _slices(name: str, count: int) -> Iterator[Object]:
    for first in range(0, count, 100):
        yield {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": f"{name}-{first}", "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "ports": [{"name": "data", "port": 5432, "protocol": "TCP"}],
            "endpoints": [
                {
                    "addresses": [f"10.50.{number // 200}.{number % 200 + 1}"],
                    "hostname": f"{name}-{number}",
                    "conditions": {"ready": True},
                }
                for number in range(first, first + 100)
            ],
        }


def _make_ready(kind: KindTrials, namespace: str, count: int, net: int) -> None:
    """Write what a kubelet would into the status of Pods."""
    api = client.CoreV1Api(api_client(kind.cluster.kubeconfig))

    def created() -> list[str]:
        found = [pod["metadata"]["name"] for pod in kind.objects("pods", namespace)]
        require(len(found) == count, f"Pods in {namespace}", expected=str(count), observed=str(len(found)))
        return found

    for number, name in enumerate(eventually(created, expecting="all Pods", within=60)):
        address = f"10.{net}.0.{number + 1}"
        status = {
            "phase": "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": SINCE}],
        }
        api.patch_namespaced_pod_status(name, namespace, {"status": status})
