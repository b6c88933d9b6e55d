"""All cases side by side on one cluster, and whether their namespace is afterwards what it was before."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from headless_conformance.cluster.kube import Kube
from headless_conformance.cluster.model import Cluster
from headless_conformance.cluster.outages import Outages
from headless_conformance.cluster.pods import is_pod_ready
from headless_conformance.cluster.waiting import eventually
from headless_conformance.core.mismatch import require_items
from tests.own_set.cases import NAMESPACE, Case
from tests.own_set.contents import contents, differences
from tests.own_set.runs import run

READY_SECONDS = 60.0


def are_right(cases: Sequence[Case], cluster: Cluster) -> bool:
    """Whether a run for each of these sets, which are created first, comes to what it must and changes
    nothing. Prints a line for each."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        outages = Outages(path, cluster.kubeconfig, kubelets=False)
        outages.begin()
        kube = Kube(cluster.kubeconfig, cluster.kubectl, outages)
        _create(kube, cases)
        before = contents(kube, NAMESPACE)
        print(f"the sets are Ready after {time.monotonic() - begun:.0f} s", flush=True)

        def problems_of(case: Case) -> list[str]:
            finished = run(case, cluster, path / case.name)
            problems = list(finished.problems())
            print(f"{case.target}: {'; '.join(problems) or 'as it must be'}", flush=True)
            if problems:
                print(finished.printed, flush=True)
            return problems

        with ThreadPoolExecutor(len(cases)) as pool:
            wrong = [problem for problems in pool.map(problems_of, cases) for problem in problems]
        changed = list(differences(before, contents(kube, NAMESPACE)))
    print(f"namespace {NAMESPACE}: {'; '.join(changed) or 'as it was'}")
    print(f"{len(cases)} cases in {time.monotonic() - begun:.0f} s")
    return not (wrong or changed)


def _create(kube: Kube, cases: Sequence[Case]) -> None:
    kube.request("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    account = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/default"
    eventually(lambda: kube.request("GET", account), expecting="the service account", within=READY_SECONDS)
    for case in cases:
        for item in case.objects():
            kube.create(NAMESPACE, item)
    wanted = [name for case in cases for name in case.pods]

    def ready() -> None:
        pods = [pod["metadata"]["name"] for pod in kube.list("Pod", NAMESPACE) if is_pod_ready(pod)]
        require_items("Ready Pods", pods, wanted)
        slices = kube.list("EndpointSlice", NAMESPACE)
        endpoints = [found for item in slices for found in item.get("endpoints") or ()]
        served = [found["targetRef"]["name"] for found in endpoints if found["conditions"]["ready"]]
        require_items("ready endpoints", served, wanted)

    eventually(ready, expecting="all Pods to be Ready", within=READY_SECONDS)
