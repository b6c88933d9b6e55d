"""What keeps Pods from running, in the words of the scheduler and the kubelet, said while they are waited
for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from headless_conformance.cluster.waiting import OutageError
from headless_conformance.core.errors import not_supported
from headless_conformance.core.objects import Object

PULL_FAILURES = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "ErrImageNeverPull",
        "ImageInspectError",
        "InvalidImageName",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    }
)
"""Reasons of the kubelet for a container that waits for an image which it could not get."""
USUAL = frozenset({"ContainerCreating", "PodInitializing"})
"""Reasons that say nothing."""
PATIENCE_SECONDS = 20.0
"""How long the first report of a failed pull, or of refused Pods, is taken for one that passes: the kubelet
and the controllers try again meanwhile."""
QUIET_SECONDS = 5.0
"""How long a Pod may wait before anything is said of it."""
LONGEST_REASON = 400


def container_statuses(pod: Object) -> list[Object]:
    """Those of init containers first, as far as the kubelet has written any."""
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def pull_failure(pod: Object) -> str:
    """Which image cannot be pulled on which node, and why; empty where none is known to be so."""
    for container, reason, words in _waiting(pod):
        if reason in PULL_FAILURES:
            node = pod.get("spec", {}).get("nodeName", "")
            return f"image {container['image']} cannot be pulled on node {node}: {words}"
    return ""


def unscheduled(pod: Object) -> str:
    """Why the scheduler gives a Pod no node; empty where it has one or nothing was said yet."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    for found in conditions:
        if found["type"] == "PodScheduled" and found["status"] == "False":
            return f"no node yet: {shortened(found.get('message') or found.get('reason') or '')}"
    return ""


def pending_reason(pod: Object, warning: Callable[[Object], str] = lambda pod: "") -> str:
    """What a Pod waits for, as far as anybody says it.

    `warning` gives the last warning about a Pod, which is asked for where its status has nothing.
    """
    if said := pull_failure(pod) or unscheduled(pod):
        return said
    for container, reason, words in _waiting(pod):
        return f"container {container['name']}: {words}" if reason not in USUAL else warning(pod)
    return ""


def _waiting(pod: Object) -> Iterator[tuple[Object, str, str]]:
    """Each container that waits, with the kubelet's reason, and its reason and message."""
    for container in container_statuses(pod):
        waiting = (container.get("state") or {}).get("waiting")
        if waiting:
            reason, message = waiting.get("reason") or "", waiting.get("message") or ""
            yield container, reason, shortened(": ".join(filter(None, (reason, message))))


def shortened(text: str) -> str:
    """One line of at most LONGEST_REASON characters."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_REASON else f"{line[:LONGEST_REASON]}…"


class PendingPods:
    """Pods that this process waits for. `say` gets what they wait for, each thing once."""

    def __init__(
        self,
        say: Callable[[str], object],
        warning: Callable[[Object], str] = lambda pod: "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say = say
        self._warning = warning
        self._clock = clock
        self._since: dict[str, float] = {}
        self._said: set[tuple[str, str]] = set()

    def look(self, pods: Iterable[Object]) -> None:
        """Say what these Pods, which are not Ready, wait for. OutageError for an image that the kubelet could
        not pull for PATIENCE_SECONDS."""
        for pod in pods:
            name, uid = pod["metadata"]["name"], pod["metadata"].get("uid", "")
            failure = pull_failure(pod)
            if failure and self._seconds(f"pull {uid}") > PATIENCE_SECONDS:
                raise OutageError(failure)
            if self._seconds(uid) < QUIET_SECONDS and not failure:
                continue
            reason = pending_reason(pod, self._warning)
            if reason and (uid, reason) not in self._said:
                self._said.add((uid, reason))
                namespace = pod["metadata"].get("namespace", "")
                self._say(f"waiting for Pod {namespace}/{name}: {reason}")

    def refused(self, owner: str, why: str) -> None:
        """The Pods of `owner` are refused for this reason. NotSupportedError once that has been so for
        PATIENCE_SECONDS."""
        if self._seconds(f"refused {owner}") > PATIENCE_SECONDS:
            not_supported(f"the cluster refuses the Pods of {owner}: {shortened(why)}")

    def _seconds(self, key: str) -> float:
        """Since this was met first."""
        now = self._clock()
        return now - self._since.setdefault(key, now)
