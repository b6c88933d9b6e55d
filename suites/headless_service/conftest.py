"""What the document deploys, deployed once per run and shared by every test that only looks,
and the Pods that look at it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import allure
import pytest

from headless_conformance.cluster.agent import Agent
from headless_conformance.cluster.clients import agent_on, new_agent
from headless_conformance.cluster.deployer import Deployer
from headless_conformance.cluster.dns_exchange import ANSWERS
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.kube import CommandResult, node_of
from headless_conformance.cluster.manifests import ManifestFolder, with_replicas
from headless_conformance.cluster.model import Capability, Cluster
from headless_conformance.cluster.node_agents import node_agents_set_up
from headless_conformance.cluster.shared import BASELINE, RunState, SetUp
from headless_conformance.core.paths import MANIFESTS
from headless_conformance.plugin.markers import needs_of
from headless_conformance.plugin.sets import OWN_SET, parametrize_sets
from suites.headless_service.dns_test_session import POD, ShellSession, run_session
from suites.headless_service.looks import await_looks, is_last, note_outcome
from suites.headless_service.manifest_files import STUB_FILE
from suites.headless_service.set_ups import (
    NSLOOKUP,
    agent_set_up,
    example_set_up,
    load_balanced_set_up,
    new_set_up,
    nslookup_set_up,
    same_named_set_up,
    set_behind_ordinary_service,
    set_of_examples,
    set_of_same_names,
    set_of_transcripts,
    set_that_came_later,
    sql_set_up,
    transcript_set_up,
)
from suites.headless_service.sql import Marks, Sql, write_marks


@dataclass(frozen=True)
class ApplyRecord:
    """The document's two steps as they went: what kubectl printed, and the Pods' UIDs before and after."""

    statefulset: CommandResult
    headless: CommandResult
    before: dict[str, str]
    after: dict[str, str]


SETS = {
    "any_set": ("transcript_set",),
    "document_set": ("transcript_set", "example_set"),
    "each_set": ("transcript_set", "example_set"),
    "every_set": ("transcript_set", "example_set", "same_named_set"),
}
"""The sets that a test with this argument runs on; but for `document_set`, on the person's own, too, where
the test only looks."""


SERVERS = {"apply_record", "transcript_set", "load_balanced", "servers_of_others"}
"""The fixtures of tests that wait for database servers."""


def fixtures_of(item: pytest.Item) -> set[str]:
    """The fixtures of a test, among them the set that its parameter names."""
    parameters = (
        item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    )
    chosen = [parameters[argument] for argument in SETS if argument in parameters]
    names = {*getattr(item, "fixturenames", ()), *chosen}
    # What is asked often, is asked from these.
    return names | {"node_agents", "example_set"} if "dns" in names else names


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What only looks comes first. Among several workers, one waits for the document's servers from the
    beginning, and the others do meanwhile what does not need them; what takes longest comes first."""
    if not hasattr(config, "workerinput"):
        items.sort(key=is_last)
        return

    def needs_servers(item: pytest.Item) -> bool:
        return not fixtures_of(item).isdisjoint(SERVERS)

    def takes_long(item: pytest.Item) -> int:
        is_longest = item.get_closest_marker("longest") is not None
        return 2 if is_longest else int("scratch_namespace" in fixtures_of(item))

    items.sort(key=takes_long, reverse=True)
    items.sort(key=is_last)
    waiting = next(filter(needs_servers, items), None)
    items.sort(key=lambda item: (is_last(item), item is not waiting and needs_servers(item)))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "teardown" and not is_last(item):
        note_outcome(item, vars(report)["conformance"]["outcome"])
    return report


@pytest.fixture(scope="session")
def looked_at(request: pytest.FixtureRequest, cluster: Cluster) -> None:
    """No test that must see the document's set unchanged is under way or to come."""
    if hasattr(request.config, "workerinput"):
        needs = SERVERS - {"load_balanced"}
        items = (item for item in request.session.items if not is_last(item))
        looking = [item for item in items if not fixtures_of(item).isdisjoint(needs)]
        await_looks(request.config, looking, cluster.stack_ready_timeout)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test after the other on each set that it is for."""
    for argument, sets in SETS.items():
        parametrize_sets(metafunc, argument, sets, range(3), own=argument != "document_set")


@pytest.fixture
def answers() -> int:
    """How many answers to each question must be right where they are said to be always the same."""
    return ANSWERS


@pytest.fixture(scope="session")
def manifest_folder(manifest_folder_class: type[ManifestFolder]) -> ManifestFolder:
    """This document's manifests."""
    return manifest_folder_class(MANIFESTS / "headless_service")


@pytest.fixture(scope="session")
def needed_fixtures(request: pytest.FixtureRequest, cluster: Cluster) -> set[str]:
    """The fixtures of all selected tests that this cluster can show."""
    able = [item for item in request.session.items if cluster.capabilities.issuperset(needs_of(item))]
    return {name for item in able for name in fixtures_of(item)}


@pytest.fixture(scope="session")
def set_ups(
    request: pytest.FixtureRequest,
    deployer: Deployer,
    manifest_folder: ManifestFolder,
    shared_manifests: ManifestFolder,
    document_namespace: str,
    set_up_of_dns_agent: SetUp,
    needed_fixtures: set[str],
) -> dict[str, SetUp]:
    """What takes time to start, by the fixture that waits for it; where several workers share a cluster with
    real Pods, all that the selected tests need is asked for at once."""
    place = deployer, manifest_folder, document_namespace
    documented = transcript_set_up(*place)
    found = {
        "transcript_set": documented,
        "dns": set_up_of_dns_agent,
        "load_balanced": load_balanced_set_up(deployer, manifest_folder),
        "example_set": example_set_up(*place),
        "sql": sql_set_up(*place, documented),
        "nslookup_pod": nslookup_set_up(*place),
        "same_named_set": same_named_set_up(deployer, manifest_folder),
        "node_agents": node_agents_set_up(deployer, shared_manifests),
    }
    if hasattr(request.config, "workerinput") and Capability.KUBELET in deployer.cluster.capabilities:
        for name, set_up in found.items():
            if name in needed_fixtures:
                set_up.begin()
    return found


@pytest.fixture(scope="session")
def set_up_of_agent(
    set_ups: dict[str, SetUp], deployer: Deployer, shared_manifests: ManifestFolder, document_namespace: str
) -> SetUp:
    """The agent's Pod in the documented namespace, which comes after the Services."""
    services = [set_ups[name] for name in ("transcript_set", "example_set")]
    return agent_set_up(deployer, shared_manifests, document_namespace, services)


@pytest.fixture(scope="session")
def apply_record(
    request: pytest.FixtureRequest,
    set_ups: dict[str, SetUp],
    set_up_of_agent: SetUp,
    needed_fixtures: set[str],
) -> ApplyRecord:
    """The document's two steps, done once per run: the StatefulSet of the page before,
    then the one with its Service."""
    record = set_ups["transcript_set"].finished()
    if hasattr(request.config, "workerinput") and "agent" in needed_fixtures:
        set_up_of_agent.begin()
    statefulset, headless = CommandResult(**record["statefulset"]), CommandResult(**record["headless"])
    return ApplyRecord(statefulset, headless, record["before"], record["after"])


@pytest.fixture(scope="session")
def transcript_set(apply_record: ApplyRecord, deployer: Deployer, document_namespace: str) -> HeadlessSet:
    """`mysql-sts` behind `mysql-svc`, the names of the document's transcripts, Ready."""
    apply_record.headless.require_success()
    return set_of_transcripts(deployer, document_namespace)


@pytest.fixture(scope="session")
def example_set(set_ups: dict[str, SetUp], deployer: Deployer, document_namespace: str) -> HeadlessSet:
    """`mysql` behind `db`, the names outside the document's transcripts, Ready; its Pods are stubs."""
    set_ups["example_set"].finished()
    return set_of_examples(deployer, document_namespace)


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
def load_balanced(set_ups: dict[str, SetUp], deployer: Deployer) -> HeadlessSet:
    """The contrast: database servers of its own behind an ordinary Service, in a namespace of its own."""
    set_ups["load_balanced"].finished()
    return set_behind_ordinary_service(deployer)


@pytest.fixture(scope="session")
def servers_of_others(set_ups: dict[str, SetUp], needed_fixtures: set[str]) -> Sequence[SetUp]:
    """The database servers that tests of this run ask for."""
    return [set_ups[name] for name in ("transcript_set", "load_balanced") if name in needed_fixtures]


@pytest.fixture(scope="session")
def same_named_set(set_ups: dict[str, SetUp], deployer: Deployer) -> HeadlessSet:
    """The stub set once more, in that other namespace: the same names, with Pods of its own."""
    set_ups["same_named_set"].finished()
    return set_of_same_names(deployer)


@pytest.fixture(scope="session")
def new_set(deployer: Deployer, manifest_folder: ManifestFolder) -> HeadlessSet:
    """A set that came later than the document's, which nothing is done to once a Pod was added."""
    new_set_up(deployer, manifest_folder).finished()
    return set_that_came_later(deployer)


@pytest.fixture(scope="session")
def agent(
    transcript_set: HeadlessSet,
    example_set: HeadlessSet,
    set_up_of_agent: SetUp,
    deployer: Deployer,
    shared_manifests: ManifestFolder,
) -> Iterator[Agent]:
    """An agent in the documented namespace, in a Pod that came after the Services and is not of a set."""
    set_up_of_agent.finished()
    agent = new_agent(deployer, shared_manifests, transcript_set.namespace)
    yield agent
    agent.close()


@pytest.fixture(scope="session")
def agents_everywhere(
    node_agents: list[Agent], example_set: HeadlessSet, deployer: Deployer
) -> Iterator[list[Agent]]:
    """On every node, and in the Pods of the set that has a DNS client in its image."""
    found = [(pod["metadata"]["name"], node_of(pod)) for pod in example_set.get_pods()]
    members = [agent_on(deployer, example_set.namespace, pod, node) for pod, node in found]
    yield [*node_agents, *members]
    for member in members:
        member.close()


@pytest.fixture(scope="session")
def nslookup_pod(set_ups: dict[str, SetUp]) -> str:
    """A Pod in the documented namespace whose nslookup is the classic one."""
    set_ups["nslookup_pod"].finished()
    return NSLOOKUP


@pytest.fixture(scope="session")
def sql(set_ups: dict[str, SetUp], deployer: Deployer, document_namespace: str) -> Sql:
    """A MySQL client in the documented namespace."""
    set_ups["sql"].finished()
    return Sql(deployer.kube, document_namespace)


@pytest.fixture(scope="session")
def marked_databases(transcript_set: HeadlessSet, sql: Sql, shared: RunState) -> Callable[[], Marks]:
    """Writes a row to each of the document's databases, once per run, and tells them."""
    return lambda: Marks(**shared.once("marks", lambda: asdict(write_marks(transcript_set, sql))))


@pytest.fixture(scope="session")
def dns_test(transcript_set: HeadlessSet, shared: RunState) -> ShellSession:
    """The document's session in the new Pod, with its two lookups, done once per run."""
    names = transcript_set.service_name, f"{transcript_set.pod_name(0)}.{transcript_set.service_name}"
    return _session_once(shared, "dns-test", transcript_set.namespace, names)


@pytest.fixture(scope="session")
def bare_session_namespace(shared: RunState) -> str:
    """Where the document's `kubectl run` is typed with nothing of the document around it."""
    return shared.own_namespace("shell", BASELINE)


@pytest.fixture(scope="session")
def bare_session(bare_session_namespace: str, shared: RunState) -> ShellSession:
    """The document's command with nothing looked up in its shell, done once per run: what it promises of the
    Pod needs no set, and the Pod takes its grace period to go."""
    return _session_once(shared, "bare-session", bare_session_namespace)


def _session_once(shared: RunState, role: str, namespace: str, names: Sequence[str] = ()) -> ShellSession:
    def once() -> dict[str, Any]:
        shared.reserve("Pod", namespace, POD)
        return run_session(shared.kube, shared.cluster, namespace, names)

    session = ShellSession(**shared.once(role, once))
    allure.attach(session.shown, name=f"kubectl run {POD}", attachment_type=allure.attachment_type.TEXT)
    return session
