"""StatefulSets on their way, and manifests that promise what they do not keep."""

from __future__ import annotations

from collections.abc import Iterator

from headless_conformance.cluster.waiting import eventually
from headless_conformance.core.mismatch import require
from tests.audit.on_kind.cluster import KindTrials, service, sleeper, stateful_set

FINALIZER = "audit.example/kept"
"""Keeps what is being deleted, until it is taken away."""
STUBBORN = "trap '' TERM; while :; do sleep 1; done"


def states(kind: KindTrials) -> Iterator[str]:
    """Each is judged, or not judged, as docs/audit.md says."""
    yield from _draining(kind)
    yield from _host_network(kind)
    yield from _undeclared_port(kind)
    yield from _leaving(kind)


def _draining(kind: KindTrials) -> Iterator[str]:
    """A set that is being scaled in while its last member takes its time is not judged; --wait judges it."""
    namespace = kind.namespace(
        "draining",
        service("db", {"app": "db"}),
        stateful_set("db", sleeper(kind.image, STUBBORN), 3, {"terminationGracePeriodSeconds": 25}),
    )
    kind.wait_until_ready(namespace)
    kind.kubectl("-n", namespace, "scale", "statefulset", "db", "--replicas=2")

    def draining() -> None:
        (last,) = (p for p in kind.objects("pods", namespace) if p["metadata"]["name"] == "db-2")
        deleted = last["metadata"].get("deletionTimestamp")
        require(bool(deleted), "db-2", expected="being deleted", observed="not being deleted")

    eventually(draining, expecting="db-2 to drain", within=20)
    run = kind.audit(f"{namespace}/db")
    kind.said(f"  draining: {run.result['targets'][0]['state']}; {run.figures}")
    if run.status != 2 or set(run.result["checks"]) != {"not_judged"} or run.summaries:
        yield f"draining: exit status {run.status}, {run.result['checks']}, {run.summaries}"
    waited = kind.audit(f"{namespace}/db", "--wait", "60s")
    kind.said(f"  draining, --wait: {waited.figures}")
    if waited.status or set(waited.result["checks"]) != {"passed"}:
        yield f"waited: exit status {waited.status}, {waited.result['checks']}, {waited.summaries}"
    kind.remove(namespace)


def _host_network(kind: KindTrials) -> Iterator[str]:
    """Two members on one node share its address, which each set of records has once."""
    node = kind.kubectl("get", "nodes", "-o", "jsonpath={.items[1].metadata.name}")
    pod = {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet", "nodeName": node}
    container = {**sleeper(kind.image), "ports": []}
    namespace = kind.namespace(
        "host-network", service("db", {"app": "db"}), stateful_set("db", container, 2, pod)
    )
    kind.wait_until_ready(namespace)
    run = kind.audit(f"{namespace}/db")
    kind.said(f"  hostNetwork: {run.figures}, {run.summaries}")
    failed = [check for check, outcome in run.outcomes.items() if outcome == "failed"]
    if run.status != 1 or failed != ["host-names"] or len(run.summaries) != 1:
        yield f"hostNetwork: exit status {run.status}, failed {failed}, {run.summaries}"
    kind.remove(namespace)


def _undeclared_port(kind: KindTrials) -> Iterator[str]:
    """One finding names the port, and the SRV record that is missing because of it follows from it."""
    ports = [{"name": "data", "port": 5432, "targetPort": "postgres"}]
    namespace = kind.namespace(
        "port", service("db", {"app": "db"}, ports=ports), stateful_set("db", sleeper(kind.image), 2)
    )
    kind.wait_until_ready(namespace)
    run = kind.audit(f"{namespace}/db")
    kind.said(f"  named targetPort: {run.figures}, {run.summaries}")
    if run.status != 1 or len(run.summaries) != 1 or "the port name postgres" not in run.summaries[0]:
        yield f"named targetPort: exit status {run.status}, {run.summaries}"
    kind.remove(namespace)


def _leaving(kind: KindTrials) -> Iterator[str]:
    """While the governing Service, or the namespace, is being deleted, the set is not judged, whatever went
    first."""
    made = [service("db", {"app": "db"}), stateful_set("db", sleeper(kind.image), 2)]
    for found in made:
        found["metadata"]["finalizers"] = [FINALIZER]
    namespace = kind.namespace("leaving", *made)
    kind.wait_until_ready(namespace)
    try:
        kind.kubectl("-n", namespace, "delete", "service", "db", "--wait=false")
        yield from _unjudged(kind, namespace, "the deletion of Service")
        kind.remove(namespace)
        _let_go(kind, namespace, "service")
        eventually(lambda: _require_alone(kind, namespace), expecting="the set alone to be left", within=60)
        yield from _unjudged(kind, namespace, "its deletion")
    finally:
        for resource in ("service", "statefulset"):
            _let_go(kind, namespace, resource)


def _unjudged(kind: KindTrials, namespace: str, waits_for: str) -> Iterator[str]:
    run = kind.audit(f"{namespace}/db")
    kind.said(f"  leaving: {run.result['targets'][0]['state']}; {run.figures}")
    told = all(waits_for in reason for reason in run.reasons)
    if run.status != 2 or set(run.result["checks"]) != {"not_judged"} or run.summaries or not told:
        yield f"leaving: exit status {run.status}, {run.result['checks']}, {run.summaries}, {run.reasons}"


def _require_alone(kind: KindTrials, namespace: str) -> None:
    for resource in ("services", "pods"):
        left = [found["metadata"]["name"] for found in kind.objects(resource, namespace)]
        require(not left, f"{resource} of {namespace}", expected="none", observed=", ".join(left))


def _let_go(kind: KindTrials, namespace: str, resource: str) -> None:
    for found in kind.objects(resource, namespace):
        if found["metadata"].get("finalizers"):
            patch = '{"metadata": {"finalizers": null}}'
            kind.kubectl("-n", namespace, "patch", resource, "db", "--type=merge", "-p", patch)
