"""What the document deploys, deployed once per run and shared by every test that only looks, and the Pods that look at it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import allure
import pytest

from headless_conformance.cluster import manifests
from headless_conformance.cluster.agent import Agent
from headless_conformance.cluster.clients import AGENT, NSLOOKUP, create_client, new_agent
from headless_conformance.cluster.deployer import Deployer, uids
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.kube import CommandResult
from headless_conformance.cluster.manifests import HEADLESS_FILE, STATEFULSET_FILE, STUB_FILE
from headless_conformance.cluster.model import Cluster
from headless_conformance.cluster.shared import Shared
from headless_conformance.cluster.sql import SQL, Sql
from headless_conformance.cluster.waiting import POD_READY_TIMEOUT, STACK_READY_TIMEOUT
from headless_conformance.core.errors import UserError
from suites.headless_service.dns_test import POD, Session, run_session, typed


@dataclass(frozen=True)
class Applied:
    """The document's two steps as they went: what kubectl printed, and the members' UIDs before and after the second."""

    statefulset: CommandResult
    headless: CommandResult
    before: dict[str, str]
    after: dict[str, str]


def _deploy_documented(deployer: Deployer, transcript_set: HeadlessSet) -> dict[str, object]:
    namespace, shared = transcript_set.namespace, deployer.shared
    for file in ("secret.yaml", HEADLESS_FILE):
        for item in manifests.load(file):
            shared.reserve(item["kind"], namespace, item["metadata"]["name"])
    for ordinal in transcript_set.ordinals:
        shared.reserve("PersistentVolumeClaim", namespace, f"data-{transcript_set.member(ordinal)}")
    shared.require_unselected(namespace, manifests.find(manifests.load(HEADLESS_FILE), "Service")["spec"]["selector"])
    steps = [deployer.apply(file, namespace) for file in ("secret.yaml", STATEFULSET_FILE)]
    for ran in steps:
        if ran.status:
            raise UserError(f"{ran.command} failed, correct the manifest: {ran.stderr.strip()}")
    transcript_set.await_ready(STACK_READY_TIMEOUT)
    before = uids(transcript_set.pods())
    headless = deployer.apply(HEADLESS_FILE, namespace)
    transcript_set.await_ready(POD_READY_TIMEOUT)
    return {"statefulset": asdict(steps[1]), "headless": asdict(headless), "before": before, "after": uids(transcript_set.pods())}


SLOW_TO_START = ("applied", "load_balanced")
"""Fixtures that wait for database servers."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Among several workers: have the servers started at once, and do meanwhile what does not need them."""
    if not hasattr(config, "workerinput"):
        return

    def needs(item: pytest.Item, *fixtures: str) -> bool:
        return any(name in getattr(item, "fixturenames", ()) for name in fixtures)

    starters = [item for name in SLOW_TO_START for item in [item for item in items if needs(item, name)][:1]]
    items.sort(key=lambda item: (item not in starters, needs(item, *SLOW_TO_START, "each_set")))


@pytest.fixture(scope="session")
def applied(deployer: Deployer, document_namespace: str) -> Applied:
    """The document's two steps, done once per run: the StatefulSet of the page before, then the one with its Service."""
    transcript_set = deployer.headless_set(document_namespace, "mysql-sts", "mysql-svc")
    record = deployer.shared.once("transcript_set", lambda: _deploy_documented(deployer, transcript_set))
    return Applied(CommandResult(**record["statefulset"]), CommandResult(**record["headless"]), record["before"], record["after"])


@pytest.fixture(scope="session")
def transcript_set(applied: Applied, deployer: Deployer, document_namespace: str) -> HeadlessSet:
    """`mysql-sts` behind `mysql-svc`, the names of the document's transcripts, Ready."""
    if applied.headless.status:
        raise UserError(f"{applied.headless.command} failed, correct the manifest: {applied.headless.stderr.strip()}")
    return deployer.headless_set(document_namespace, "mysql-sts", "mysql-svc")


@pytest.fixture(scope="session")
def example_set(deployer: Deployer, document_namespace: str) -> HeadlessSet:
    """`mysql` behind `db`, the names of the document's prose, Ready; its pods are stubs."""

    def deploy() -> None:
        for item in manifests.load(STUB_FILE):
            deployer.shared.reserve(item["kind"], document_namespace, item["metadata"]["name"])
        service = manifests.find(manifests.load(STUB_FILE), "Service")
        deployer.shared.require_unselected(document_namespace, service["spec"]["selector"])
        deployer.stub_set(document_namespace)

    deployer.shared.once("example_set", deploy)
    return deployer.headless_set(document_namespace, "mysql", "db")


@pytest.fixture(params=["mysql-sts behind mysql-svc", "mysql behind db"])
def each_set(request: pytest.FixtureRequest) -> HeadlessSet:
    """One after the other, the document's two sets of names."""
    chosen: HeadlessSet = request.getfixturevalue("transcript_set" if "mysql-svc" in request.param else "example_set")
    return chosen


@pytest.fixture
def stub_set(deployer: Deployer, scratch_namespace: str) -> HeadlessSet:
    """A stub set of one test's own, Ready, to be changed at will."""
    return deployer.stub_set(scratch_namespace)


@pytest.fixture
def single_member_set(deployer: Deployer, scratch_namespace: str) -> HeadlessSet:
    """The same with one member, where one shows what there is to see."""
    return deployer.stub_set(scratch_namespace, manifests.stub_objects(replicas=1))


@pytest.fixture(scope="session")
def load_balanced(deployer: Deployer, shared: Shared) -> HeadlessSet:
    """The contrast: database servers of its own behind an ordinary Service, in a namespace of its own."""

    def deploy() -> str:
        namespace = shared.create_namespace("load-balanced")
        objects = [item for file in ("secret.yaml", "load_balanced.yaml", STATEFULSET_FILE) for item in manifests.load(file)]
        # Nothing here depends on the order in which they start.
        manifests.find(objects, "StatefulSet")["spec"]["podManagementPolicy"] = "Parallel"
        deployer.create(objects, namespace)
        deployer.headless_set(namespace, "mysql-sts", "mysql-lb").await_ready(STACK_READY_TIMEOUT)
        return namespace

    return deployer.headless_set(str(shared.once("load-balanced", deploy)), "mysql-sts", "mysql-lb")


@pytest.fixture(scope="session")
def same_named_set(deployer: Deployer, other_namespace: str) -> HeadlessSet:
    """The stub set once more, in that other namespace: the same names, with members of its own."""

    def deploy() -> None:
        deployer.stub_set(other_namespace, manifests.stub_objects(replicas=2))

    deployer.shared.once("decoy", deploy)
    return deployer.headless_set(other_namespace, "mysql", "db", 2)


@pytest.fixture(scope="session")
def agent(transcript_set: HeadlessSet, example_set: HeadlessSet, deployer: Deployer) -> Iterator[Agent]:
    """An agent in the documented namespace, in a pod that came after the Services and is no member."""
    deployer.shared.once("agent", lambda: create_client(deployer, transcript_set.namespace, AGENT))
    agent = new_agent(deployer, transcript_set.namespace)
    yield agent
    agent.close()


@pytest.fixture(scope="session")
def nslookup_pod(transcript_set: HeadlessSet, deployer: Deployer) -> str:
    """A pod in the documented namespace whose nslookup is the classic one."""
    deployer.shared.once("nslookup", lambda: create_client(deployer, transcript_set.namespace, NSLOOKUP))
    return NSLOOKUP


@pytest.fixture(scope="session")
def sql(transcript_set: HeadlessSet, deployer: Deployer) -> Sql:
    """A MySQL client in the documented namespace."""
    deployer.shared.once("sql", lambda: create_client(deployer, transcript_set.namespace, SQL))
    return Sql(deployer.kube, transcript_set.namespace)


@pytest.fixture
def namespace(document_namespace: str) -> str:
    """The documented namespace."""
    return document_namespace


@pytest.fixture(scope="session")
def dns_test(transcript_set: HeadlessSet, shared: Shared, cluster: Cluster) -> Session:
    """The document's session in the new pod, with its two lookups, done once per run."""

    def once() -> dict[str, Any]:
        shared.reserve("Pod", transcript_set.namespace, POD)
        return run_session(transcript_set, typed(cluster))

    session = Session(**shared.once("dns-test", once))
    allure.attach(session.shown, name=f"kubectl run {POD}", attachment_type=allure.attachment_type.TEXT)
    return session
