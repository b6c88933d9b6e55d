"""`python -m tests.providers.existing.on_simulated`: the program on clusters of a person's own whose nodes
and storage are unusual.

The nodes are simulated and the scheduler is real: what is seen is where Pods of a run go, that nothing fails
because of a node that it cannot use, and that nothing is left. Prints a line for each shape; exit status 1
when one is not as it must be.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headless_conformance.cluster.kube import Kube
from headless_conformance.cluster.outages import Outages
from headless_conformance.core.paths import ROOT
from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import from_env
from headless_conformance.core.variables import VARIABLES
from headless_conformance.providers.simulated.cluster import SimulatedCluster, ensure_programs

Change = Mapping[str, Any]
SECONDS = 420.0
"""Bound on a run: the trial alone waits for nodes for five minutes."""
ARM = {"metadata": {"labels": {"kubernetes.io/arch": "arm64"}}}
WINDOWS = {"metadata": {"labels": {"kubernetes.io/os": "windows"}}}
TAINTED = {"spec": {"taints": [{"key": "team", "value": "a", "effect": "NoSchedule"}]}}
CORDONED = {"spec": {"unschedulable": True}}
FULL = {"status": {"allocatable": {"pods": "0"}, "capacity": {"pods": "0"}}}
SECOND_DEFAULT = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {
        "name": "second",
        "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
    },
    "provisioner": "simulated.headless-conformance/volumes",
    "volumeBindingMode": "WaitForFirstConsumer",
}
DENIED = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "deny-by-default"},
    "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
}


@dataclass(frozen=True)
class ClusterShape:
    """A cluster, and what must come of a run on it."""

    name: str
    nodes: Sequence[Change]
    """How each node is changed, in the order of their names; those that are not listed stay as they are."""
    unused: Sequence[int] = ()
    """The nodes, by their place, on which no Pod of the run may be."""
    status: int = 0
    said: str = ""
    """What the end must have in it."""
    objects: Mapping[str, Change] = field(default_factory=dict)
    """What is created besides, by the path of its collection."""
    env: Mapping[str, str] = field(default_factory=dict)


SHAPES = (
    ClusterShape("only arm64 nodes", [ARM] * 3),
    ClusterShape("Windows nodes beside Linux nodes", [{}, WINDOWS], unused=[1]),
    ClusterShape("one node cordoned", [{}, CORDONED], unused=[1]),
    ClusterShape("one node full", [{}, FULL], unused=[1]),
    ClusterShape("nodes behind taints beside others", [TAINTED, {}, TAINTED], unused=[0, 2]),
    ClusterShape(
        "all nodes behind taints",
        [TAINTED] * 3,
        unused=[0, 1, 2],
        status=2,
        said="untolerated taint",
    ),
    ClusterShape(
        "two default StorageClasses", [], objects={"/apis/storage.k8s.io/v1/storageclasses": SECOND_DEFAULT}
    ),
    ClusterShape(
        "NetworkPolicies that deny by default",
        [],
        objects={"/apis/networking.k8s.io/v1/namespaces/default/networkpolicies": DENIED},
    ),
    ClusterShape(
        "a proxy in the environment",
        [],
        env={"HTTPS_PROXY": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1"},
    ),
)


class PodPlaces:
    """Where Pods of namespaces that a run creates have been, as far as looking often tells."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.nodes: set[str] = set()

    @contextmanager
    def watched(self) -> Iterator[set[str]]:
        self._thread.start()
        try:
            yield self.nodes
        finally:
            self._ended.set()
            self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(0.3):
            for pod in self._kube.list("Pod", ""):
                if pod["metadata"]["namespace"].startswith("headless-"):
                    self.nodes.add(str(pod["spec"].get("nodeName", "")))


def problems_of(shape: ClusterShape, kubeconfig: Path, kube: Kube, names: Sequence[str]) -> Iterator[str]:
    """What is not as it must be in one run."""
    env = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    env |= {"PYTHONPATH": str(ROOT), "KUBECONFIG": str(kubeconfig), **shape.env}
    words = ["e2e", "PROVIDER=existing", "--yes"]
    command = [sys.executable, "-m", "headless_conformance", *words]
    places = PodPlaces(kube)
    with places.watched() as nodes:
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=SECONDS, check=False)
    end = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1]
    if done.returncode != shape.status or shape.said not in end:
        yield f"exit status {done.returncode}, not {shape.status}:\n{done.stdout}{done.stderr}"
    if wrong := nodes & {names[place] for place in shape.unused}:
        yield f"Pods were on {sorted(wrong)}"
    if not shape.status and not nodes - {""}:
        yield "no Pod was anywhere"
    left = [item["metadata"]["name"] for item in kube.list("Namespace", "")]
    if ours := [name for name in left if name.startswith("headless-")]:
        yield f"left are {ours}"


def tried(shape: ClusterShape, start: Callable[[], SimulatedCluster]) -> list[str]:
    """The problems of one shape, on a cluster of its own."""
    with start() as cluster, tempfile.TemporaryDirectory() as folder:
        outages = Outages(Path(folder), cluster.kubeconfig, kubelets=False)
        kube = Kube(cluster.kubeconfig, cluster.kubectl, outages)
        names = sorted(item["metadata"]["name"] for item in kube.list("Node", ""))
        for name, change in zip(names, shape.nodes, strict=False):
            path = f"/api/v1/nodes/{name}{'/status' if 'status' in change else ''}"
            if change:
                kube.request("PATCH", path, dict(change))
        for path, item in shape.objects.items():
            kube.request("POST", path, dict(item))
        return list(problems_of(shape, cluster.kubeconfig, kube, names))


def main() -> int:
    """Exit status 1 with the shapes that are not as they must be; arguments are parts of their names."""
    settings = from_env({})
    programs = ensure_programs(settings, Progress(total=1))
    wanted = [shape for shape in SHAPES if not sys.argv[1:] or any(map(shape.name.count, sys.argv[1:]))]
    wrong = 0
    for shape in wanted:
        begun = time.monotonic()
        problems = tried(shape, lambda: SimulatedCluster(settings, programs))
        wrong += bool(problems)
        seconds = time.monotonic() - begun
        print(f"{shape.name}: {'; '.join(problems) or 'as it must be'} ({seconds:.0f} s)", flush=True)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
