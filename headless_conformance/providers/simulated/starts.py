"""How long simulated clusters take to start.

Each start ends with a StatefulSet of three Pods whose names resolve, over UDP and TCP, at every DNS server.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import dns.message
import dns.query
import dns.rdatatype
from kubernetes import client
from kubernetes.utils import create_from_dict
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from headless_conformance.cluster.api_client import api_client
from headless_conformance.cluster.model import DEFAULT_DOMAIN, Cluster
from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import Settings
from headless_conformance.providers.simulated.cluster import SimulatedCluster, ensure_programs

_SETTLE_SECONDS = 30.0
LABELS = {"app": "probe"}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "probe", "namespace": "default"},
    "spec": {"clusterIP": "None", "selector": LABELS, "ports": [{"port": 80}]},
}
SET = {
    "apiVersion": "apps/v1",
    "kind": "StatefulSet",
    "metadata": {"name": "probe", "namespace": "default"},
    "spec": {
        "serviceName": "probe",
        "replicas": 3,
        "selector": {"matchLabels": LABELS},
        "template": {
            "metadata": {"labels": LABELS},
            "spec": {"containers": [{"name": "probe", "image": "simulated"}]},
        },
    },
}


def measure_starts(settings: Settings, count: int) -> None:
    """Print one line for each start, in seconds, and a summary; ends with the first failure."""
    programs = ensure_programs(settings, Progress())
    ready: list[float] = []
    right: list[float] = []
    for number in range(1, count + 1):
        begun = time.monotonic()
        with SimulatedCluster(settings, programs) as cluster:
            ready.append(time.monotonic() - begun)
            _names_resolve(cluster, settings.network.domain or DEFAULT_DOMAIN)
            right.append(time.monotonic() - begun)
        print(f"start {number}: ready {ready[-1]:.2f} s, names right {right[-1]:.2f} s", flush=True)
    for title, values in (("ready", ready), ("names right", right)):
        print(
            f"{title}: median {statistics.median(values):.2f} s, maximum {max(values):.2f} s, "
            f"{len(values)} starts"
        )


def _names_resolve(cluster: Cluster, domain: str) -> None:
    api = api_client(cluster.kubeconfig)
    for manifest in (SERVICE, SET):
        create_from_dict(api, manifest)
    core: Any = client.CoreV1Api(api)
    for attempt in Retrying(
        stop=stop_after_delay(_SETTLE_SECONDS),
        wait=wait_fixed(0.05),
        retry=retry_if_exception_type(AssertionError),
        reraise=True,
    ):
        with attempt:
            pods = {pod.metadata.name: pod.status.pod_ip for pod in core.list_namespaced_pod("default").items}
            assert len(pods) == 3, pods
            service = f"probe.default.svc.{domain}."
            expected = {
                service: set(pods.values()),
                **{f"{name}.{service}": {address} for name, address in pods.items()},
            }
            for address, port in cluster.host_dns:
                for ask in (dns.query.udp, dns.query.tcp):
                    for name, addresses in expected.items():
                        answer = ask(
                            dns.message.make_query(name, dns.rdatatype.A), address, port=port, timeout=2
                        )
                        found = {str(record) for rrset in answer.answer for record in rrset}
                        assert found == addresses, f"{name} at port {port}: {found}, not {addresses}"
