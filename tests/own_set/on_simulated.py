"""`python -m tests.own_set.on_simulated`: the suite with TARGET= against StatefulSets of a person's own.

They are on a simulated cluster that a run finds as PROVIDER=existing: one that is right, one whose
`serviceName` names nothing, one that names another set's Service, one for which DNS servers have a wrong SRV
record, and one that is scaled to zero. Each must come out as it is, and nothing in their namespace may have
been changed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from headless_conformance.cluster.headless_set import is_pod_ready
from headless_conformance.cluster.kube import Kube, Object
from headless_conformance.cluster.model import Cluster
from headless_conformance.cluster.outages import Outages
from headless_conformance.cluster.waiting import eventually
from headless_conformance.core.mismatch import require_items
from headless_conformance.core.paths import REPORTS, ROOT
from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import from_env
from headless_conformance.core.variables import VARIABLES
from headless_conformance.providers.simulated.cluster import SimulatedCluster, ensure_programs
from headless_conformance.results.report_file import read_report
from tests.own_set.host_dns import REQUESTS, SERVERS

NAMESPACE = "shop"
SECONDS = 600.0
READY_SECONDS = 60.0
TTL = 5
KINDS = (
    "StatefulSet",
    "Service",
    "EndpointSlice",
    "Pod",
    "PersistentVolumeClaim",
    "Secret",
    "ConfigMap",
    "RoleBinding",
    "Event",
)
COREFILE = """\
.:53 {{
    errors
    ready
    template IN SRV {domain} {{
       match "^_pg\\._tcp\\.tills-db\\.shop\\."
       answer "{{{{ .Name }}}} 5 IN SRV 0 100 5433 tills-0.tills-db.shop.svc.{domain}."
       fallthrough
    }}
    kubernetes {domain} in-addr.arpa ip6.arpa {{
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl {ttl}
    }}
}}
"""


@dataclass(frozen=True)
class Case:
    """A StatefulSet of the person's, and what a run with it as TARGET must come to."""

    name: str
    failed: Mapping[str, str]
    """Requirements that must fail, each with what one of its failures must be about."""
    exit_status: int
    passed: tuple[str, ...] = ()
    not_judged: bool = False
    service_name: str = ""
    replicas: int = 2
    start: int = 0

    @property
    def target(self) -> str:
        return f"{NAMESPACE}/{self.name}"

    def objects(self) -> list[Object]:
        """The set and the headless Service that selects its Pods."""
        labels = {"app": self.name}
        container = {"name": "pg", "image": "example/pg", "ports": [{"name": "pg", "containerPort": 5432}]}
        spec: Object = {
            "serviceName": self.service_name or f"{self.name}-db",
            "replicas": self.replicas,
            "podManagementPolicy": "Parallel",
            "ordinals": {"start": self.start},
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        }
        service = {
            "clusterIP": "None",
            "selector": labels,
            "ports": [{"name": "pg", "port": 15432, "targetPort": "pg"}],
        }
        return [
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": f"{self.name}-db"}, "spec": service},
            {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": self.name}, "spec": spec},
        ]


CASES = (
    Case(
        "orders",
        {},
        exit_status=0,
        passed=(
            "SEED-HLS-03",
            "SEED-HLS-04",
            "SEED-NID-01",
            "SEED-NID-03",
            "SEED-NID-05",
            "SEED-DSC-11",
            "SEED-NSL-10",
            "SEED-XC-01",
        ),
        start=1,
    ),
    Case(
        "carts",
        {
            "SEED-HLS-03": "Service nothing",
            "SEED-HLS-04": "Service nothing",
            "SEED-DSC-09": "Service nothing",
            "SEED-DSC-10": "Service nothing",
            "SEED-NID-02": "Service nothing",
            "SEED-NID-03": "Service nothing",
            "SEED-NID-05": "Service nothing",
            "SEED-DSC-11": "Service nothing",
            "SEED-NSL-10": "Service nothing",
            "SEED-XC-01": "Service nothing",
        },
        exit_status=1,
        service_name="nothing",
    ),
    Case(
        "baskets",
        {
            "SEED-HLS-04": "EndpointSlices of Service orders-db: hostnames",
            "SEED-NID-05": "A baskets-0.orders-db.shop.svc.cluster.local.",
        },
        exit_status=1,
        passed=("SEED-HLS-03", "SEED-NID-03", "SEED-XC-01"),
        service_name="orders-db",
    ),
    Case(
        "tills",
        {"SEED-DSC-11": "SRV _pg._tcp.tills-db.shop.svc.cluster.local."},
        exit_status=1,
        passed=("SEED-NID-03", "SEED-NID-05", "SEED-NSL-10"),
    ),
    Case("idle", {}, exit_status=2, not_judged=True, replicas=0),
)


def main() -> int:
    """Exit status 1 with the cases that did not come out as they must."""
    settings = from_env({})
    wrong: list[str] = []
    programs = ensure_programs(settings, Progress(total=1))
    corefile = COREFILE.format(domain="cluster.local", ttl=TTL)
    with (
        SimulatedCluster(settings, programs, dns_corefile=corefile) as cluster,
        tempfile.TemporaryDirectory() as folder,
    ):
        outages = Outages(Path(folder), cluster.kubeconfig, kubelets=False)
        outages.begin()
        kube = Kube(cluster.kubeconfig, cluster.kubectl, outages)
        _create(kube)
        for case in CASES:
            begun = time.monotonic()
            problems = list(_problems(case, cluster, kube))
            wrong += problems
            print(
                f"{case.target}: {'; '.join(problems) or 'as it must be'}, {time.monotonic() - begun:.0f} s"
            )
    return 1 if wrong else 0


def _create(kube: Kube) -> None:
    kube.request("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    account = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/default"
    eventually(lambda: kube.request("GET", account), expecting="the service account", within=READY_SECONDS)
    for case in CASES:
        for item in case.objects():
            kube.create(NAMESPACE, item)
    wanted = [f"{case.name}-{case.start + n}" for case in CASES for n in range(case.replicas)]

    def ready() -> None:
        pods = [pod for pod in kube.list("Pod", NAMESPACE) if is_pod_ready(pod)]
        require_items("Ready Pods", [pod["metadata"]["name"] for pod in pods], wanted)

    eventually(ready, expecting="all Pods to be Ready", within=READY_SECONDS)


def _problems(case: Case, cluster: Cluster, kube: Kube) -> Iterator[str]:
    before = _versions(kube)
    with tempfile.TemporaryDirectory() as folder:
        requests = Path(folder) / "requests"
        status = _run(case, cluster, requests)
        asked = [line.split(" ", 1) for line in requests.read_text().splitlines()]
    own = Counter(method for method, url in asked if f"/namespaces/{NAMESPACE}/" in url)
    if set(own) != {"GET"}:
        yield f"requests in its namespace: {dict(own)}"
    if _versions(kube) != before:
        yield "its namespace is not as it was"
    if status != case.exit_status:
        yield f"exit status {status}, not {case.exit_status}"
    report = read_report(REPORTS / "conformance.yaml")
    tests = [test for test in report.tests if f"[{case.target}" in test.id or f"-{case.target}" in test.id]
    outcomes: dict[str, set[str]] = {}
    subjects: dict[str, list[str]] = {}
    for test in tests:
        for requirement in test.requirements:
            outcomes.setdefault(requirement, set()).add(str(test.outcome))
            subjects.setdefault(requirement, []).append(test.mismatch.subject if test.mismatch else "")
    failed = {name for name, found in outcomes.items() if found & {"failed", "error"}}
    if failed != set(case.failed):
        yield f"failed are {sorted(failed)}, not {sorted(case.failed)}"
    for name, subject in case.failed.items():
        if not any(found.startswith(subject) for found in subjects.get(name, ())):
            yield f"{name} says {subjects.get(name)}, nothing about {subject}"
    for name in case.passed:
        if "passed" not in outcomes.get(name, ()):
            yield f"{name} is {outcomes.get(name)}, not passed"
    judged = set().union(*outcomes.values()) - {"not_supported"}
    if case.not_judged and judged != {"not_judged"}:
        yield f"outcomes are {sorted(judged)}, not not_judged"


def _versions(kube: Kube) -> dict[tuple[str, str], str]:
    """Kind, name and resourceVersion of every object in the namespace."""
    return {
        (kind, item["metadata"]["uid"]): item["metadata"]["resourceVersion"]
        for kind in KINDS
        for item in kube.list(kind, NAMESPACE)
    }


def _run(case: Case, cluster: Cluster, requests: Path) -> int:
    """The exit status of the tests that are about this set."""
    env = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    env |= {
        "PYTHONPATH": str(ROOT),
        "PROVIDER": "existing",
        "KUBECONFIG": str(cluster.kubeconfig),
        "CONFIRM": "1",
        "IMAGE_PREFIX": "not.used.example",
        "TARGET": case.target,
        SERVERS: json.dumps(cluster.host_dns),
        REQUESTS: str(requests),
    }
    words = ["e2e", "--", "-p", "tests.own_set.host_dns", "-k", case.target]
    done = subprocess.run(
        [sys.executable, "-m", "headless_conformance", *words],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if "--verbose" in sys.argv:
        print(done.stdout, done.stderr)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
