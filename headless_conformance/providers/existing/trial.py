"""A trial before the tests: one Pod for each image of a run, so that what keeps every Pod from running ends
the run with one sentence, and the images are on their way."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager

from headless_conformance.cluster.kube import Kube
from headless_conformance.cluster.manifests import ManifestFolder, fitted
from headless_conformance.cluster.model import Cluster
from headless_conformance.cluster.outages import Outages
from headless_conformance.cluster.pending import PendingPods, container_statuses, pending_reason, shortened
from headless_conformance.cluster.shared import RunState, folder_of_cluster
from headless_conformance.cluster.waiting import ObservationError, OutageError, eventually
from headless_conformance.core.errors import NotSupportedError, UserError
from headless_conformance.core.objects import Object
from headless_conformance.core.paths import MANIFESTS
from headless_conformance.images.workloads import STAND_IN_FILE

PODS_GONE_SECONDS = 60.0
"""Bound on Pods of the trial being gone."""
TRIAL_SECONDS = 300.0
"""Bound on all images being pulled and all Pods having a node: a cluster may have to start a node first."""
COMMAND = ["sh", "-c", f"cat {STAND_IN_FILE} >/dev/termination-log 2>/dev/null; exit 0"]


def try_images(cluster: Cluster, run: str, say: Callable[[str], object]) -> Mapping[str, str]:
    """What the images are of that stand for public ones, by the names that manifests have.

    UserError when every Pod is refused, when an image cannot be pulled, or when Pods get no node. What was
    created is being deleted then.
    """
    folder = folder_of_cluster(run, cluster)
    outages = Outages(folder, cluster.kubeconfig, kubelets=False)
    kube = Kube(cluster.kubeconfig, cluster.kubectl, outages, limited=True)
    pending = PendingPods(say, kube.last_warning)
    state = RunState(folder, kube, cluster, run)
    state.write_address()
    with _place(state) as namespace:
        created: dict[str, str] = {}
        try:
            _create(kube, cluster, namespace, created)
            _await(kube, namespace, created, pending)
            pods = created.items()
            return {image: words for image, pod in pods if (words := _stand_in(kube, namespace, pod))}
        finally:
            if cluster.only_namespace:
                _remove(kube, namespace, created.values())


@contextmanager
def _place(state: RunState) -> Iterator[str]:
    """A namespace of the trial's own, or the only one that may be used."""
    if state.cluster.only_namespace:
        yield state.cluster.only_namespace
        return
    with state.namespace("trial") as namespace:
        yield namespace


def _remove(kube: Kube, namespace: str, pods: Collection[str]) -> None:
    """Delete the Pods and wait until they are gone."""
    for name in pods:
        kube.delete("Pod", namespace, name)

    def check() -> None:
        left = [pod["metadata"]["name"] for pod in kube.list("Pod", namespace)]
        if still := sorted(set(left) & set(pods)):
            raise ObservationError(f"{', '.join(still)} in namespace {namespace} cannot be removed")

    eventually(check, expecting="the Pods of the trial to be gone", within=PODS_GONE_SECONDS)


def _create(kube: Kube, cluster: Cluster, namespace: str, created: dict[str, str]) -> None:
    """A Pod for each image, whose name is put into `created`. What is refused for some images only is left to
    the tests that need them."""
    refusals: list[str] = []
    for image, pod in _pods(cluster).items():
        try:
            kube.create(namespace, pod)
        except NotSupportedError as error:
            refusals.append(shortened(str(error)))
        else:
            created[image] = str(pod["metadata"]["name"])
    if not created:
        raise UserError(f"No Pod of a run can be created: {refusals[0]}; ask those who set that.")


def _pods(cluster: Cluster) -> Mapping[str, Object]:
    """A Pod for each image, by its name in the manifests: as the agent's, which asks for the least."""
    (agent,) = ManifestFolder(MANIFESTS / "shared").load("clients.yaml")
    pods: dict[str, Object] = {}
    for number, image in enumerate(cluster.images):
        container = {**agent["spec"]["containers"][0], "image": image, "command": COMMAND}
        spec = {**agent["spec"], "containers": [container], "restartPolicy": "Never"}
        pod = {**agent, "metadata": {"name": f"headless-trial-{number}"}, "spec": spec}
        (pods[image],) = fitted([pod], cluster)
    return pods


def _await(kube: Kube, namespace: str, created: Mapping[str, str], pending: PendingPods) -> None:
    """Until every container has begun, or ended. UserError when that does not come."""

    def check() -> None:
        late = [pod for name in created.values() if not _has_run(pod := kube.get("Pod", namespace, name))]
        pending.look(late)
        if late:
            reasons = {pending_reason(pod, kube.last_warning) or "nobody says why" for pod in late}
            raise ObservationError("; ".join(sorted(reasons)))

    try:
        eventually(check, expecting="the images to be on their nodes", within=TRIAL_SECONDS)
    except OutageError as error:
        raise UserError(f"{_capitalized(error)}; see IMAGE_PREFIX= and IMAGES_FILE=.") from None
    except ObservationError as error:
        raise UserError(
            f"Pods did not start on this cluster within {TRIAL_SECONDS:.0f} s: {error}."
        ) from None


def _has_run(pod: Object) -> bool:
    statuses = container_statuses(pod)
    states = [found.get("state") or {} for found in statuses]
    return bool(states) and all("running" in state or "terminated" in state for state in states)


def _stand_in(kube: Kube, namespace: str, name: str) -> str:
    """What a Pod's image says that it is made of; empty for an image that is no stand-in."""
    (container,) = container_statuses(kube.get("Pod", namespace, name))
    return str((container["state"].get("terminated") or {}).get("message") or "").strip()


def _capitalized(error: Exception) -> str:
    text = str(error)
    return text[:1].upper() + text[1:]
