"""StatefulSets on their way, and manifests that promise what they do not keep."""

from __future__ import annotations

from collections.abc import Iterator

from headless_conformance.cluster.waiting import eventually
from headless_conformance.core.mismatch import require
from tests.audit.on_kind.cluster import KindTrials, service, sleeper, stateful_set

STUBBORN = "trap '' TERM; while :; do sleep 1; done"


def states(kind: KindTrials) -> Iterator[str]:
    """Each is judged, or not judged, as docs/audit.md says."""
    yield from _draining(kind)
    yield from _host_network(kind)
    yield from _undeclared_port(kind)


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
