"""Whether a StatefulSet is at rest, so that it can be judged, or on its way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from headless_conformance.cluster.pods import is_pod_ready
from headless_conformance.core.objects import Object

_SHOWN = 5
ROLLOUT_STALL_SECONDS = 600.0
"""A rollout in which nothing changed for so long stands still, and the Ready members are judged; Deployments
have the same default (progressDeadlineSeconds)."""


@dataclass(frozen=True)
class State:
    """What can be judged now."""

    judged: bool
    """False for a set that is on its way or has no Ready Pod: then only what is wrong whatever happens next
    is a finding."""
    text: str
    waits_for: str = ""
    unready: tuple[str, ...] = field(default=())
    """Members that are not judged, each with why it is not Ready."""
    leaving: frozenset[str] = frozenset()
    """Objects that are being deleted, as findings call them: what their manifests say is no finding."""

    @property
    def settled(self) -> bool:
        """Whether waiting longer could add nothing."""
        return self.judged and not self.waits_for


def state_of(found: Object, pods: Sequence[Object], now: float) -> State:
    """The state of a StatefulSet with these Pods, its own, at that moment in seconds since the epoch."""
    spec, status = found.get("spec") or {}, found.get("status") or {}
    wanted = spec.get("replicas", 1)
    ready = [pod for pod in pods if is_pod_ready(pod)]
    unready = tuple(
        f"{pod['metadata']['name']} ({why_unready(pod)})" for pod in pods if not is_pod_ready(pod)
    )
    text = f"{len(ready)} of {wanted} members Ready"
    leaving = [pod["metadata"]["name"] for pod in pods if pod["metadata"].get("deletionTimestamp")]
    still = now - max((moment for pod in pods for moment in moments_of(pod)), default=now)
    stalled = f"; nothing changed for {still / 60:.0f} min" if still > ROLLOUT_STALL_SECONDS else ""

    def on_its_way(what: str, waits_for: str) -> State:
        return State(False, f"{text}: {what}{stalled}", waits_for, unready)

    if found["metadata"].get("deletionTimestamp"):
        namespace, name = found["metadata"]["namespace"], found["metadata"]["name"]
        own = {f"StatefulSet {namespace}/{name}", f"Service {namespace}/{spec.get('serviceName')}"}
        return replace(on_its_way("being deleted", "its deletion"), leaving=frozenset(own))
    if (status.get("observedGeneration") or 0) < found["metadata"].get("generation", 0):
        return on_its_way("just changed", "the StatefulSet controller to take up the change")
    if leaving:
        return on_its_way("draining", f"{_some(leaving)} to end")
    if wanted == 0:
        return (
            on_its_way("scaled to zero", "replicas above 0")
            if not pods
            else on_its_way("scaling", "its Pods to go")
        )
    if len(pods) > wanted:
        return on_its_way("scaling", f"{len(pods) - wanted} Pods to go")
    if rolling := _rolling(spec, status, wanted):
        waits_for = _some(unready) or "the next member to be replaced"
        if ready and stalled:
            return State(True, f"{text}: {rolling}{stalled}", waits_for, unready)
        return on_its_way(rolling, waits_for)
    if not ready:
        waits_for = _some(unready) if unready else "its first Pod to be created"
        return on_its_way("no member is Ready", waits_for)
    if len(pods) < wanted:
        return State(True, f"{text}: starting", _some(unready) or "the next Pod to be created", unready)
    return State(True, text, _some(unready), unready)


def with_leaving_service(state: State, service: Object) -> State:
    """The same while the Service is being deleted, without which it has no names."""
    key = f"{service['metadata']['namespace']}/{service['metadata']['name']}"
    return replace(
        state,
        judged=False,
        text=f"{state.text}: Service {key} is being deleted",
        waits_for=f"the deletion of Service {key}",
        leaving=state.leaving | {f"Service {key}"},
    )


def moments_of(pod: Object) -> list[float]:
    """When a Pod last changed in what its set waits for, in seconds since the epoch."""
    moments = [pod["metadata"].get(field) for field in ("creationTimestamp", "deletionTimestamp")]
    conditions = (pod.get("status") or {}).get("conditions") or ()
    moments += [one.get("lastTransitionTime") for one in conditions if one["type"] == "Ready"]
    return [seconds_of(moment) for moment in moments]


def seconds_of(timestamp: str | None) -> float:
    """A time of the API in seconds since the epoch; 0 where there is none."""
    try:
        return datetime.fromisoformat(str(timestamp)).timestamp() if timestamp else 0.0
    except ValueError:
        return 0.0


def _rolling(spec: Object, status: Object, wanted: int) -> str:
    """Which part of a rolling update is done, or an empty string when none is going on."""
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type", "RollingUpdate") != "RollingUpdate":
        return ""
    if not status.get("updateRevision") or status.get("updateRevision") == status.get("currentRevision"):
        return ""
    start = (spec.get("ordinals") or {}).get("start", 0)
    partition = (strategy.get("rollingUpdate") or {}).get("partition") or 0
    # A partition is an ordinal: members below it stay as they are.
    to_update = wanted - min(max(partition - start, 0), wanted)
    updated = status.get("updatedReplicas") or 0
    return f"rolling, {updated} of {to_update} members updated" if updated < to_update else ""


def why_unready(pod: Object) -> str:
    """The nearest reason in a Pod's status."""
    status = pod.get("status") or {}
    if pod["metadata"].get("deletionTimestamp"):
        return "being deleted"
    for container in [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]:
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason"):
            return str(waiting["reason"])
    for condition in status.get("conditions") or ():
        if condition["status"] != "True" and condition["type"] in ("PodScheduled", "Initialized", "Ready"):
            return str(condition.get("reason") or f"not {condition['type']}")
    return str(status.get("phase") or "no status yet")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
