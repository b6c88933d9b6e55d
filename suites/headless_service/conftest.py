"""What the document deploys, deployed once per run and shared by every test that only looks,
and the Pods that look at it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import allure
import pytest

from headless_conformance.cluster.agent import Agent
from headless_conformance.cluster.clients import AGENT, create_client, new_agent
from headless_conformance.cluster.deployer import Deployer, uids
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.kube import CommandResult
from headless_conformance.cluster.manifests import ManifestFolder, find, with_replicas
from headless_conformance.cluster.model import Cluster
from headless_conformance.cluster.shared import RunState
from headless_conformance.core.paths import MANIFESTS
from headless_conformance.plugin.sets import OWN_SET, parametrize_sets
from suites.headless_service.dns_test_session import POD, ShellSession, command_words, run_session
from suites.headless_service.manifest_files import (
    HEADLESS_FILE,
    LOAD_BALANCED_FILE,
    SECRET_FILE,
    STATEFULSET_FILE,
    STUB_FILE,
)
from suites.headless_service.sql import SQL_CLIENT, Sql

NSLOOKUP = "headless-nslookup"
"""Name of the Pod whose nslookup is the classic one."""


@dataclass(frozen=True)
class ApplyRecord:
    """The document's two steps as they went: what kubectl printed, and the Pods' UIDs before and after."""

    statefulset: CommandResult
    headless: CommandResult
    before: dict[str, str]
    after: dict[str, str]


def _deploy_documented(
    deployer: Deployer, folder: ManifestFolder, transcript_set: HeadlessSet
) -> dict[str, object]:
    namespace, shared = transcript_set.namespace, deployer.shared
    for file in (SECRET_FILE, HEADLESS_FILE):
        for item in folder.load(file):
            shared.reserve(item["kind"], namespace, item["metadata"]["name"])
    for ordinal in transcript_set.ordinals:
        shared.reserve("PersistentVolumeClaim", namespace, f"data-{transcript_set.pod_name(ordinal)}")
    shared.require_unselected(namespace, find(folder.load(HEADLESS_FILE), "Service")["spec"]["selector"])
    steps = [deployer.apply(folder, file, namespace) for file in (SECRET_FILE, STATEFULSET_FILE)]
    for result in steps:
        result.require_success()
    transcript_set.await_ready(deployer.cluster.stack_ready_timeout)
    before = uids(transcript_set.get_pods())
    headless = deployer.apply(folder, HEADLESS_FILE, namespace)
    transcript_set.await_ready(deployer.cluster.pod_ready_timeout)
    return {
        "statefulset": asdict(steps[1]),
        "headless": asdict(headless),
        "before": before,
        "after": uids(transcript_set.get_pods()),
    }


SLOW_TO_START = ("apply_record", "load_balanced")
"""Fixtures that wait for database servers."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Among several workers: have the servers started at once, and do meanwhile what does not need them."""
    if not hasattr(config, "workerinput"):
        return

    def needs(item: pytest.Item, *fixtures: str) -> bool:
        return any(name in getattr(item, "fixturenames", ()) for name in fixtures)

    starters = [item for name in SLOW_TO_START for item in [item for item in items if needs(item, name)][:1]]
    items.sort(key=lambda item: (item not in starters, needs(item, *SLOW_TO_START, *SETS)))


SETS = {
    "any_set": ("transcript_set",),
    "document_set": ("transcript_set", "example_set"),
    "each_set": ("transcript_set", "example_set"),
    "every_set": ("transcript_set", "example_set", "same_named_set"),
}
"""The sets that a test with this argument runs on; but for `document_set`, on the person's own, too, where
the test only looks."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test after the other on each set that it is for."""
    for argument, sets in SETS.items():
        parametrize_sets(metafunc, argument, sets, range(3), own=argument != "document_set")


@pytest.fixture(scope="session")
def manifest_folder(manifest_folder_class: type[ManifestFolder]) -> ManifestFolder:
    """This document's manifests."""
    return manifest_folder_class(MANIFESTS / "headless_service")


@pytest.fixture(scope="session")
def apply_record(deployer: Deployer, manifest_folder: ManifestFolder, document_namespace: str) -> ApplyRecord:
    """The document's two steps, done once per run: the StatefulSet of the page before,
    then the one with its Service."""
    transcript_set = deployer.headless_set(document_namespace, "mysql-sts", "mysql-svc")
    deploy = partial(_deploy_documented, deployer, manifest_folder, transcript_set)
    record = deployer.shared.once("transcript_set", deploy)
    statefulset, headless = CommandResult(**record["statefulset"]), CommandResult(**record["headless"])
    return ApplyRecord(statefulset, headless, record["before"], record["after"])


@pytest.fixture(scope="session")
def transcript_set(apply_record: ApplyRecord, deployer: Deployer, document_namespace: str) -> HeadlessSet:
    """`mysql-sts` behind `mysql-svc`, the names of the document's transcripts, Ready."""
    apply_record.headless.require_success()
    return deployer.headless_set(document_namespace, "mysql-sts", "mysql-svc")


@pytest.fixture(scope="session")
def example_set(deployer: Deployer, manifest_folder: ManifestFolder, document_namespace: str) -> HeadlessSet:
    """`mysql` behind `db`, the names outside the document's transcripts, Ready; its Pods are stubs."""

    def deploy() -> None:
        objects = manifest_folder.load(STUB_FILE)
        for item in objects:
            deployer.shared.reserve(item["kind"], document_namespace, item["metadata"]["name"])
        deployer.shared.require_unselected(document_namespace, find(objects, "Service")["spec"]["selector"])
        deployer.create_set(document_namespace, objects)

    deployer.shared.once("example_set", deploy)
    return deployer.headless_set(document_namespace, "mysql", "db")


def _chosen(request: pytest.FixtureRequest) -> HeadlessSet:
    """The set that this run of a test is about: one of those in SETS."""
    chosen: HeadlessSet = request.getfixturevalue(request.param)
    return chosen


any_set, document_set, each_set, every_set = (pytest.fixture(_chosen, name=name) for name in SETS)


@pytest.fixture
def ordinals(request: pytest.FixtureRequest) -> Sequence[int]:
    """One after the other, those of the document's Pods; all of the Ready members of the person's set."""
    if request.param is not None:
        return [request.param]
    own_set: HeadlessSet = request.getfixturevalue(OWN_SET)
    return own_set.ordinals


@pytest.fixture
def stub_set(deployer: Deployer, manifest_folder: ManifestFolder, scratch_namespace: str) -> HeadlessSet:
    """A stub set of one test's own, Ready, to be changed at will."""
    return deployer.create_set(scratch_namespace, manifest_folder.load(STUB_FILE))


@pytest.fixture
def single_pod_set(
    deployer: Deployer, manifest_folder: ManifestFolder, scratch_namespace: str
) -> HeadlessSet:
    """The same with one Pod, where one shows what there is to see."""
    return deployer.create_set(scratch_namespace, with_replicas(manifest_folder.load(STUB_FILE), 1))


@pytest.fixture(scope="session")
def load_balanced(deployer: Deployer, manifest_folder: ManifestFolder, shared: RunState) -> HeadlessSet:
    """The contrast: database servers of its own behind an ordinary Service, in a namespace of its own."""

    def deploy() -> str:
        namespace = shared.create_namespace("load-balanced")
        files = (SECRET_FILE, LOAD_BALANCED_FILE, STATEFULSET_FILE)
        objects = [item for file in files for item in manifest_folder.load(file)]
        # Nothing here depends on the order in which they start.
        find(objects, "StatefulSet")["spec"]["podManagementPolicy"] = "Parallel"
        deployer.create(objects, namespace)
        deployer.headless_set(namespace, "mysql-sts", "mysql-lb").await_ready(
            deployer.cluster.stack_ready_timeout
        )
        return namespace

    return deployer.headless_set(str(shared.once("load-balanced", deploy)), "mysql-sts", "mysql-lb")


@pytest.fixture(scope="session")
def same_named_set(deployer: Deployer, manifest_folder: ManifestFolder, other_namespace: str) -> HeadlessSet:
    """The stub set once more, in that other namespace: the same names, with Pods of its own."""

    def deploy() -> None:
        deployer.create_set(other_namespace, with_replicas(manifest_folder.load(STUB_FILE), 2))

    deployer.shared.once("same-named-set", deploy)
    return deployer.headless_set(other_namespace, "mysql", "db", 2)


@pytest.fixture(scope="session")
def agent(
    transcript_set: HeadlessSet,
    example_set: HeadlessSet,
    deployer: Deployer,
    shared_manifests: ManifestFolder,
) -> Iterator[Agent]:
    """An agent in the documented namespace, in a Pod that came after the Services and is not of a set."""
    create = partial(create_client, deployer, shared_manifests, transcript_set.namespace, AGENT)
    deployer.shared.once("agent", create)
    agent = new_agent(deployer, shared_manifests, transcript_set.namespace)
    yield agent
    agent.close()


@pytest.fixture(scope="session")
def nslookup_pod(transcript_set: HeadlessSet, deployer: Deployer, manifest_folder: ManifestFolder) -> str:
    """A Pod in the documented namespace whose nslookup is the classic one."""
    create = partial(create_client, deployer, manifest_folder, transcript_set.namespace, NSLOOKUP)
    deployer.shared.once("nslookup", create)
    return NSLOOKUP


@pytest.fixture(scope="session")
def sql(transcript_set: HeadlessSet, deployer: Deployer, manifest_folder: ManifestFolder) -> Sql:
    """A MySQL client in the documented namespace."""
    create = partial(create_client, deployer, manifest_folder, transcript_set.namespace, SQL_CLIENT)
    deployer.shared.once("sql", create)
    return Sql(deployer.kube, transcript_set.namespace)


@pytest.fixture(scope="session")
def dns_test(transcript_set: HeadlessSet, shared: RunState, cluster: Cluster) -> ShellSession:
    """The document's session in the new Pod, with its two lookups, done once per run."""

    def once() -> dict[str, Any]:
        shared.reserve("Pod", transcript_set.namespace, POD)
        return run_session(transcript_set, command_words(cluster))

    session = ShellSession(**shared.once("dns-test", once))
    allure.attach(session.shown, name=f"kubectl run {POD}", attachment_type=allure.attachment_type.TEXT)
    return session
