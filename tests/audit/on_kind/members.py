"""Sets without a Ready member, and manifests that are wrong whatever happens next."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from headless_conformance.cluster.waiting import eventually
from headless_conformance.core.mismatch import require
from tests.audit.on_kind.cluster import KindTrials, Object, service, sleeper, stateful_set

NEVER = {"exec": {"command": ["false"]}}
DATA = [{"name": "data", "port": 5432}]


@dataclass(frozen=True)
class SetTrial:
    """One set, the state to wait for, and what an audit must say of it."""

    name: str
    replicas: int = 3
    container: Mapping[str, Any] = field(default_factory=dict)
    pod: Mapping[str, Any] = field(default_factory=dict)
    spec: Mapping[str, Any] = field(default_factory=dict)
    """Changes of the StatefulSet; a field that is None is left out."""
    service: Mapping[str, Any] = field(default_factory=dict)
    phase: str = "Running"
    """That all Pods are in."""
    pods: int = 3
    """How many there are."""
    status: int = 2
    says: str = ""
    """Part of a reason, or of the only finding."""
    failed: tuple[str, ...] = ()


TRIALS = (
    SetTrial(
        "pending",
        pod={"nodeSelector": {"audit.example/none": "x"}},
        phase="Pending",
        says="pending-0 (Unschedulable)",
    ),
    SetTrial("unready", container={"readinessProbe": NEVER}, says="unready-0 (ContainersNotReady)"),
    SetTrial("zero", replicas=0, pods=0, says="replicas above 0"),
    SetTrial(
        "first",
        container={"readinessProbe": NEVER},
        spec={"podManagementPolicy": "OrderedReady"},
        pods=1,
        says="first-0 (ContainersNotReady)",
    ),
    SetTrial(
        "nowhere",
        spec={"serviceName": None},
        status=1,
        says="names no governing Service",
        failed=("governing-service", "member-records", "pointer-records", "srv-records"),
    ),
    SetTrial(
        "external",
        service={"type": "ExternalName", "externalName": "db.example", "clusterIP": None, "selector": None},
        status=1,
        says="spec.type is ExternalName",
        failed=("governing-service", "member-records", "pointer-records", "srv-records"),
    ),
    SetTrial(
        "fqdn", pod={"setHostnameAsFQDN": True}, status=1, says="setHostnameAsFQDN", failed=("host-names",)
    ),
)


def members(kind: KindTrials) -> Iterator[str]:
    """Each is judged, or not judged, as docs/audit.md says."""
    namespace = kind.namespace("members", *(one for trial in TRIALS for one in _objects(kind, trial)))
    for trial in TRIALS:
        check = partial(_require_phase, kind, namespace, trial)
        eventually(check, expecting=f"the Pods of {trial.name}", within=60)
        run = kind.audit(f"{namespace}/{trial.name}")
        kind.said(f"  {trial.name}: {run.result['targets'][0]['state']}; {run.figures}; {run.summaries}")
        told = run.summaries if trial.failed else sorted(run.reasons)
        failed = tuple(sorted(check for check, outcome in run.outcomes.items() if outcome == "failed"))
        unjudged = set(run.outcomes.values()) == {"not_judged"}
        if run.status != trial.status or failed != trial.failed or unjudged is bool(trial.failed):
            yield f"{trial.name}: exit status {run.status}, {run.outcomes}, {run.summaries}"
        if len(run.summaries) != bool(trial.failed) or not any(trial.says in line for line in told):
            yield f"{trial.name}: {told}"
    kind.remove(namespace)
    yield from _one_of_three(kind)
    yield from _rolling(kind)
    yield from _ended(kind)


def _objects(kind: KindTrials, trial: SetTrial) -> Sequence[Object]:
    """A set, and the Service of its name."""
    container = {**sleeper(kind.image), **trial.container}
    found = stateful_set(trial.name, container, trial.replicas, trial.pod)
    governing = service(trial.name, {"app": trial.name})
    for spec, changes in ((found["spec"], trial.spec), (governing["spec"], trial.service)):
        spec |= changes
        for name in [name for name, value in spec.items() if value is None]:
            del spec[name]
    return governing, found


def _require_phase(kind: KindTrials, namespace: str, trial: SetTrial) -> None:
    """As many Pods as there will be, each in its phase; those that are to become Ready are."""
    pods = [one for one in kind.objects("pods", namespace) if one["metadata"]["labels"]["app"] == trial.name]
    phases = [one["status"].get("phase") for one in pods]
    expected = [trial.phase] * trial.pods
    require(phases == expected, trial.name, expected=str(expected), observed=str(phases))
    if trial.failed:
        kind.wait_until_ready(namespace, [one["metadata"]["name"] for one in pods])


def _one_of_three(kind: KindTrials) -> Iterator[str]:
    """The Ready member is judged, and the others are named."""
    probe = {"exec": {"command": ["sh", "-c", "test $(cat /etc/hostname) = db-1"]}, "periodSeconds": 1}
    namespace = kind.namespace(
        "one",
        service("db", {"app": "db"}),
        stateful_set("db", {**sleeper(kind.image), "readinessProbe": probe}, 3),
    )
    kind.wait_until_ready(namespace, ["db-1"])
    run = kind.audit(f"{namespace}/db")
    notes = run.result["targets"][0].get("notes", [])
    kind.said(f"  one of three: {run.result['targets'][0]['state']}; {run.figures}; {notes}")
    named = [note for note in notes if note.startswith(("not judged: db-0", "not judged: db-2"))]
    if run.status or run.outcomes["member-records"] != "passed" or len(named) != 2 or run.summaries:
        yield f"one of three: exit status {run.status}, {run.outcomes}, {notes}, {run.summaries}"
    kind.remove(namespace)


def _rolling(kind: KindTrials) -> Iterator[str]:
    """A rollout whose first new member does not become Ready is not judged."""
    namespace = kind.namespace(
        "rolling", service("db", {"app": "db"}), stateful_set("db", sleeper(kind.image), 3)
    )
    kind.wait_until_ready(namespace)
    container = {"name": "c", "readinessProbe": NEVER}
    patch = {"spec": {"template": {"spec": {"containers": [container]}}}}
    kind.kubectl("-n", namespace, "patch", "statefulset", "db", "-p", json.dumps(patch))

    def replaced() -> None:
        (last,) = (p for p in kind.objects("pods", namespace) if p["metadata"]["name"] == "db-2")
        seen = "readinessProbe" in last["spec"]["containers"][0]
        require(seen, "db-2", expected="of the new template", observed="of the old template")

    eventually(replaced, expecting="db-2 to be replaced", within=60)
    run = kind.audit(f"{namespace}/db")
    kind.said(f"  rolling: {run.result['targets'][0]['state']}; {run.figures}")
    told = all("rolling, " in reason and "db-2" in reason for reason in run.reasons)
    if run.status != 2 or set(run.result["checks"]) != {"not_judged"} or run.summaries or not told:
        yield f"rolling: exit status {run.status}, {run.result['checks']}, {run.summaries}, {run.reasons}"
    kind.remove(namespace)


def _ended(kind: KindTrials) -> Iterator[str]:
    """An ended Pod that EndpointSlices still list is named; where they do not, there is nothing to say."""
    job = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "db-job", "labels": {"app": "db"}},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "c", **sleeper(kind.image, "sleep 5")}]},
    }
    namespace = kind.namespace(
        "ended",
        service("db", {"app": "db"}, publishNotReadyAddresses=True),
        stateful_set("db", sleeper(kind.image), 2),
        job,
    )
    kind.wait_until_ready(namespace)

    def ended() -> None:
        (found,) = (p for p in kind.objects("pods", namespace) if p["metadata"]["name"] == "db-job")
        phase = found["status"].get("phase")
        require(phase == "Succeeded", "Pod db-job", expected="Succeeded", observed=str(phase))

    eventually(ended, expecting="db-job to end", within=60)
    run = kind.audit(f"{namespace}/db")
    kind.said(f"  ended Pod: {run.outcomes['endpoints']}; {run.figures}; {run.summaries}")
    listed = "db-job" in json.dumps(kind.objects("endpointslices", namespace))
    right = ("known_deviation", 1) if listed else ("passed", 0)
    if run.status or (run.outcomes["endpoints"], len(run.summaries)) != right:
        yield f"ended Pod, listed {listed}: exit status {run.status}, {run.outcomes}, {run.summaries}"
    if listed and "db-job" not in "".join(run.summaries):
        yield f"ended Pod: {run.summaries}"
    kind.remove(namespace)
