"""What the document's tests share and what takes time to start.

Each is asked for at once, and waited for where a test needs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from headless_conformance.cluster.clients import AGENT, client_set_up
from headless_conformance.cluster.deployer import Deployer, uids
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.manifests import ManifestFolder, find, keep_nothing, with_replicas
from headless_conformance.cluster.shared import OTHER, SetUp
from suites.headless_service.manifest_files import (
    HEADLESS_FILE,
    LOAD_BALANCED_FILE,
    SECRET_FILE,
    STATEFULSET_FILE,
    STUB_FILE,
)
from suites.headless_service.sql import SQL_CLIENT

NSLOOKUP = "headless-nslookup"
"""Name of the Pod whose nslookup is the classic one."""
LOAD_BALANCED_REPLICAS = 2
"""What is seen through the ordinary Service is that more than one database answers."""
RARELY = 60
"""Seconds between two looks of a kubelet at servers that nobody disturbs: each look starts a MySQL client."""
SAME_NAMED_REPLICAS = 2
NEW_REPLICAS = 2


def set_of_transcripts(deployer: Deployer, namespace: str) -> HeadlessSet:
    return deployer.headless_set(namespace, "mysql-sts", "mysql-svc")


def set_of_examples(deployer: Deployer, namespace: str) -> HeadlessSet:
    return deployer.headless_set(namespace, "mysql", "db")


def set_behind_ordinary_service(deployer: Deployer) -> HeadlessSet:
    namespace = deployer.shared.own_namespace("load-balanced")
    return deployer.headless_set(namespace, "mysql-sts", "mysql-lb", LOAD_BALANCED_REPLICAS)


def set_of_same_names(deployer: Deployer) -> HeadlessSet:
    namespace = deployer.shared.own_namespace(OTHER)
    return deployer.headless_set(namespace, "mysql", "db", SAME_NAMED_REPLICAS)


def set_that_came_later(deployer: Deployer) -> HeadlessSet:
    return deployer.headless_set(deployer.shared.own_namespace("new"), "mysql", "db", NEW_REPLICAS)


def transcript_set_up(deployer: Deployer, folder: ManifestFolder, namespace: str) -> SetUp:
    """The document's two steps: the StatefulSet of the page before, and when it is Ready, the one with its
    Service."""
    documented, shared = set_of_transcripts(deployer, namespace), deployer.shared

    def create() -> dict[str, object]:
        for file in (SECRET_FILE, HEADLESS_FILE):
            for item in folder.load(file):
                shared.reserve(item["kind"], namespace, item["metadata"]["name"])
        for ordinal in documented.ordinals:
            shared.reserve("PersistentVolumeClaim", namespace, f"data-{documented.pod_name(ordinal)}")
        shared.require_unselected(namespace, find(folder.load(HEADLESS_FILE), "Service")["spec"]["selector"])
        deployer.create(folder.load(SECRET_FILE), namespace)
        applied = deployer.apply(folder, STATEFULSET_FILE, namespace)
        applied.require_success()
        return asdict(applied)

    def finish(statefulset: Any) -> dict[str, object]:
        documented.await_ready(deployer.cluster.stack_ready_timeout)
        before = uids(documented.get_pods())
        headless = deployer.apply(folder, HEADLESS_FILE, namespace)
        documented.await_ready(deployer.cluster.pod_ready_timeout)
        return {
            "statefulset": statefulset,
            "headless": asdict(headless),
            "before": before,
            "after": uids(documented.get_pods()),
        }

    return SetUp(shared, "transcript_set", create, finish)


def example_set_up(deployer: Deployer, folder: ManifestFolder, namespace: str) -> SetUp:
    """The stub set under the names outside the document's transcripts."""

    def create() -> None:
        objects = folder.load(STUB_FILE)
        for item in objects:
            deployer.shared.reserve(item["kind"], namespace, item["metadata"]["name"])
        deployer.shared.require_unselected(namespace, find(objects, "Service")["spec"]["selector"])
        deployer.create(objects, namespace)

    def finish(_created: Any) -> None:
        set_of_examples(deployer, namespace).await_ready(deployer.cluster.pod_ready_timeout)

    return SetUp(deployer.shared, "example_set", create, finish)


def load_balanced_set_up(deployer: Deployer, folder: ManifestFolder) -> SetUp:
    """Database servers behind an ordinary Service, in a namespace of their own."""

    def create() -> None:
        files = (SECRET_FILE, LOAD_BALANCED_FILE, STATEFULSET_FILE)
        objects = [item for file in files for item in folder.load(file)]
        # Nothing here depends on the order in which they start, on what they keep, or on how soon one that
        # fails is noticed.
        statefulset = find(objects, "StatefulSet")
        keep_nothing(statefulset)
        statefulset["spec"]["podManagementPolicy"] = "Parallel"
        for container in statefulset["spec"]["template"]["spec"]["containers"]:
            if probe := container.get("readinessProbe"):
                probe["periodSeconds"] = RARELY
        deployer.create(
            with_replicas(objects, LOAD_BALANCED_REPLICAS), set_behind_ordinary_service(deployer).namespace
        )

    def finish(_created: Any) -> None:
        set_behind_ordinary_service(deployer).await_ready(deployer.cluster.stack_ready_timeout)

    return SetUp(deployer.shared, "load_balanced", create, finish)


def same_named_set_up(deployer: Deployer, folder: ManifestFolder) -> SetUp:
    """The stub set once more in another namespace."""

    def create() -> None:
        objects = with_replicas(folder.load(STUB_FILE), SAME_NAMED_REPLICAS)
        deployer.create(objects, set_of_same_names(deployer).namespace)

    def finish(_created: Any) -> None:
        set_of_same_names(deployer).await_ready(deployer.cluster.pod_ready_timeout)

    return SetUp(deployer.shared, "same_named_set", create, finish)


def new_set_up(deployer: Deployer, folder: ManifestFolder) -> SetUp:
    """The stub set once more in a namespace that comes later, in every address family that the cluster has,
    and with a Pod that is added when the first one is Ready."""

    def create() -> None:
        objects = with_replicas(folder.load(STUB_FILE), 1)
        find(objects, "Service")["spec"]["ipFamilyPolicy"] = "PreferDualStack"
        deployer.create(objects, set_that_came_later(deployer).namespace)

    def finish(_created: Any) -> None:
        whole = set_that_came_later(deployer)
        replace(whole, replicas=1).await_ready(deployer.cluster.pod_ready_timeout)
        whole.scale(whole.replicas).await_ready(deployer.cluster.pod_ready_timeout)

    return SetUp(deployer.shared, "new_set", create, finish)


def nslookup_set_up(deployer: Deployer, folder: ManifestFolder, namespace: str) -> SetUp:
    """The Pod whose nslookup is the classic one."""
    return client_set_up(deployer, folder, namespace, NSLOOKUP, "nslookup_pod")


def sql_set_up(deployer: Deployer, folder: ManifestFolder, namespace: str, secret: SetUp) -> SetUp:
    """The Pod with a MySQL client, which reads the password from what `secret` creates."""
    pod = client_set_up(deployer, folder, namespace, SQL_CLIENT, "sql")

    def create() -> None:
        # A kubelet that looks for a Secret too early looks again after ten seconds and more.
        secret.created()
        pod.create()

    return replace(pod, create=create)


def agent_set_up(
    deployer: Deployer, folder: ManifestFolder, namespace: str, services: Sequence[SetUp]
) -> SetUp:
    """The agent in the documented namespace, in a Pod that comes after what `services` create."""
    pod = client_set_up(deployer, folder, namespace, AGENT, "agent")

    def create() -> None:
        for service in services:
            service.finished()
        pod.create()

    return replace(pod, create=create)
