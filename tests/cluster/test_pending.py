"""What Pods wait for is said in the words of the scheduler and the kubelet, and a failed pull is given up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from headless_conformance.cluster.pending import (
    PATIENCE_SECONDS,
    QUIET_SECONDS,
    PendingPods,
    pending_reason,
    pull_failure,
)
from headless_conformance.cluster.waiting import OutageError
from headless_conformance.core.errors import NotSupportedError


def pod(waiting: dict[str, str] | None = None, conditions: list[dict[str, str]] | None = None) -> Any:
    status: dict[str, Any] = {"phase": "Pending", "conditions": conditions or []}
    if waiting is not None:
        status["containerStatuses"] = [
            {"name": "c", "image": "registry.example/x:1", "state": {"waiting": waiting}}
        ]
    metadata = {"name": "web-0", "namespace": "n", "uid": "1"}
    return {"metadata": metadata, "spec": {"nodeName": "node-1"}, "status": status}


NO_PULL = {"reason": "ErrImagePull", "message": "failed to resolve reference:\n  not found"}
SCHEDULER = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/3 nodes are available: 3 node(s) had untolerated taint {a: b}.",
}


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff", "InvalidImageName"])
def test_a_failed_pull_names_image_node_and_the_kubelets_reason(reason: str) -> None:
    assert pull_failure(pod({**NO_PULL, "reason": reason})) == (
        f"image registry.example/x:1 cannot be pulled on node node-1: {reason}: "
        "failed to resolve reference: not found"
    )


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (pod(conditions=[SCHEDULER]), f"no node yet: {SCHEDULER['message']}"),
        (
            pod({"reason": "CreateContainerConfigError", "message": 'secret "p" not found'}),
            'container c: CreateContainerConfigError: secret "p" not found',
        ),
        (pod({"reason": "ContainerCreating"}), "FailedMount: no such volume"),
        (pod(), ""),
    ],
    ids=["scheduler", "kubelet", "event", "nothing yet"],
)
def test_what_a_pod_waits_for_is_in_others_words(seen: Any, said: str) -> None:
    assert pending_reason(seen, lambda _: "FailedMount: no such volume") == said


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def pending(clock: Callable[[], float], said: list[str]) -> PendingPods:
    return PendingPods(said.append, clock=clock)


def test_a_reason_is_said_once_and_not_of_pods_that_start_at_once(
    pending: PendingPods, clock: Clock, said: list[str]
) -> None:
    pending.look([pod(conditions=[SCHEDULER])])
    assert said == []
    clock.now += QUIET_SECONDS
    pending.look([pod(conditions=[SCHEDULER])])
    pending.look([pod(conditions=[SCHEDULER])])
    assert said == [f"waiting for Pod n/web-0: no node yet: {SCHEDULER['message']}"]


def test_a_pull_that_goes_on_failing_is_given_up_within_half_a_minute(
    pending: PendingPods, clock: Clock, said: list[str]
) -> None:
    assert PATIENCE_SECONDS < 30
    pending.look([pod(NO_PULL)])
    clock.now += PATIENCE_SECONDS
    pending.look([pod({**NO_PULL, "reason": "ImagePullBackOff"})])
    assert len(said) == 2
    clock.now += 1
    with pytest.raises(OutageError, match=r"image registry\.example/x:1 cannot be pulled on node node-1"):
        pending.look([pod(NO_PULL)])


def test_pods_that_go_on_being_refused_are_not_supported(pending: PendingPods, clock: Clock) -> None:
    pending.refused("StatefulSet web", "FailedCreate: exceeded quota")
    clock.now += PATIENCE_SECONDS + 1
    with pytest.raises(
        NotSupportedError, match="refuses the Pods of StatefulSet web: FailedCreate: exceeded"
    ):
        pending.refused("StatefulSet web", "FailedCreate: exceeded quota")
