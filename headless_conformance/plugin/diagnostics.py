"""What a person wants to see next to a failure: the objects as they are, their events, and the
logs of DNS servers and nodes."""

from __future__ import annotations

import shutil
import time
from collections.abc import Generator
from datetime import UTC, datetime, timedelta

import allure
import pytest

from headless_conformance.cluster import manifests
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.kube import Kube
from headless_conformance.cluster.model import Cluster
from headless_conformance.cluster.waiting import COULD_NOT_OBSERVE, OutageError
from headless_conformance.core.errors import NotSupportedError, UserError
from headless_conformance.core.objects import Object
from headless_conformance.core.paths import NODE_LOGS
from headless_conformance.plugin.context import RUN, is_worker, run_context

_KINDS = ("Service", "StatefulSet", "EndpointSlice", "Pod", "PersistentVolumeClaim", "Event")
BEGUN = pytest.StashKey[float]()
"""When the session, and when a test's set-up began, in seconds since the epoch."""
SKEW = timedelta(minutes=5)
"""How far the cluster's clock may be behind ours."""
NAMESPACES = ("scratch_namespace", "document_namespace")
"""Fixtures that are namespaces of what a test looks at."""
UNSEEN: tuple[type[Exception], ...] = (*COULD_NOT_OBSERVE, NotSupportedError)


def pytest_sessionstart(session: pytest.Session) -> None:
    session.stash[BEGUN] = time.time()
    if session.config.stash[RUN].is_conformance and not is_worker(session.config):
        shutil.rmtree(NODE_LOGS, ignore_errors=True)


def pytest_conformance_diagnose(session: pytest.Session) -> None:
    """Export the nodes' logs, as long as the cluster is there."""
    context = run_context(session.config)
    context.provider.export_logs(context)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if call.when == "setup":
        item.stash[BEGUN] = call.start
    if report.failed and call.when != "teardown" and not _is_outage(call):
        seen = getattr(item, "funcargs", {})
        if isinstance(kube := seen.get("kube"), Kube):
            sets = {found.namespace for found in seen.values() if isinstance(found, HeadlessSet)}
            for namespace in sorted(sets | {seen[name] for name in NAMESPACES if name in seen}):
                _attach_objects(
                    kube, namespace, datetime.fromtimestamp(item.session.stash[BEGUN], UTC) - SKEW
                )
            _attach_dns_logs(kube)
        if isinstance(cluster := seen.get("cluster"), Cluster):
            _attach_kubelet_logs(cluster, item.stash[BEGUN])
    return report


def _is_outage(call: pytest.CallInfo[None]) -> bool:
    """Whether a part of the cluster does not answer, which would keep us waiting at every look."""
    return call.excinfo is not None and isinstance(call.excinfo.value, OutageError)


def _attach_objects(kube: Kube, namespace: str, since: datetime) -> None:
    """Events only of this session: a namespace that is used again and again has those of an hour."""
    for kind in _KINDS:
        try:
            objects = [
                item for item in kube.list(kind, namespace) if kind != "Event" or last_seen(item) >= since
            ]
        except UNSEEN as error:
            allure.attach(
                str(error), name=f"no {kind} list of {namespace}", attachment_type=allure.attachment_type.TEXT
            )
            continue
        text = manifests.to_yaml([manifests.redacted(_without_noise(item)) for item in objects])
        allure.attach(text, name=f"{kind} in {namespace}", attachment_type=allure.attachment_type.YAML)


def last_seen(event: Object) -> datetime:
    """When an Event was written or happened last, in either of the API's forms."""
    times = (
        event["metadata"]["creationTimestamp"],
        event.get("lastTimestamp"),
        (event.get("series") or {}).get("lastObservedTime"),
    )
    return max(datetime.fromisoformat(found) for found in times if found)


def _without_noise(item: Object) -> Object:
    """Without the copy that kubectl keeps of what was applied."""
    item.get("metadata", {}).get("annotations", {}).pop(
        "kubectl.kubernetes.io/last-applied-configuration", None
    )
    return item


def _attach_dns_logs(kube: Kube) -> None:
    try:
        pods = [
            pod
            for namespace, labels in kube.outages.dns_pods
            for pod in kube.list("Pod", namespace, labelSelector=labels)
        ]
    except UNSEEN as error:
        allure.attach(str(error), name="no DNS Pods", attachment_type=allure.attachment_type.TEXT)
        return
    for pod in pods:
        name = pod["metadata"]["name"]
        allure.attach(kube.log(pod), name=f"log of {name}", attachment_type=allure.attachment_type.TEXT)


def _attach_kubelet_logs(cluster: Cluster, since: float) -> None:
    if cluster.kubelet_logs is None:
        return
    try:
        logs = cluster.kubelet_logs(since)
    except UserError as error:
        logs = {"no node": str(error)}
    for node, text in logs.items():
        if text.strip():
            allure.attach(text, name=f"kubelet of {node}", attachment_type=allure.attachment_type.TEXT)
