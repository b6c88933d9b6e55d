"""What the status of a Pod says."""

from __future__ import annotations

from headless_conformance.core.mismatch import require
from headless_conformance.core.objects import Object


def pod_ip(pod: Object) -> str:
    """A Pod's address from its status; a Mismatch when it has none."""
    found = pod["status"].get("podIP")
    require(bool(found), f"Pod {pod['metadata']['name']} .status.podIP", expected="present", observed=found)
    return str(found)


def is_pod_ready(pod: Object) -> bool:
    """Whether a Pod is Ready and not being deleted."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    ready = any(found["type"] == "Ready" and found["status"] == "True" for found in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]
