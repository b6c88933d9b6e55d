"""Fixtures of the scale tests, which take minutes and run with SLOW=1 only."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from uuid import uuid4

import allure
import pytest

from headless_conformance.cluster.dns_answer import on_this_host
from headless_conformance.cluster.dns_client import Dns
from headless_conformance.cluster.dns_exchange import HostAsker
from headless_conformance.cluster.facts import Facts
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.kube import Kube
from headless_conformance.cluster.large_set import (
    DELAYS,
    SERVICE_NAME,
    STATEFULSET_NAME,
    LargeSet,
    SizeChange,
    costs,
)
from headless_conformance.cluster.model import Cluster
from headless_conformance.cluster.shared import delete_namespace
from headless_conformance.core.settings import Settings
from headless_conformance.plugin.context import run_context

HERE = Path(__file__).parent

NewLargeSet = Callable[[], AbstractContextManager[LargeSet]]
ReportChange = Callable[[SizeChange], None]
Costs = Callable[[int, Sequence[SizeChange]], None]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes minutes; run with SLOW=1")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    slow = run_context(config).settings.slow
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.allure_label("Scale", label_type="parentSuite"))
            item.add_marker(pytest.mark.timeout(900))
            if not slow:
                item.add_marker(pytest.mark.skip(reason="slow; run with SLOW=1"))


@pytest.fixture(scope="session")
def seed(settings: Settings) -> int:
    """Which Pods are looked at one by one: chosen at random,
    shown with each failure, given again as SCALE_SEED."""
    return random.SystemRandom().randrange(2**32) if settings.scale.seed is None else settings.scale.seed


@pytest.fixture(scope="session")
def names_to_ask(settings: Settings) -> int | None:
    """How many Pods are looked at one by one; None for all."""
    return settings.scale.names


@pytest.fixture(scope="session")
def new_large_set(cluster: Cluster, kube: Kube, facts: Facts) -> NewLargeSet:
    """A large set without Pods, in a namespace of its own, which is deleted afterwards."""
    dns = Dns(HostAsker(), on_this_host(cluster.host_dns))

    @contextmanager
    def make() -> Iterator[LargeSet]:
        namespace = f"n{uuid4().hex[:4]}"
        kube.request("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
        try:
            large_set = LargeSet(
                cluster, HeadlessSet(kube, facts, namespace, STATEFULSET_NAME, SERVICE_NAME), dns
            )
            large_set.create()
            yield large_set
        finally:
            delete_namespace(kube, namespace)

    return make


@pytest.fixture
def report(
    record_property: Callable[[str, object], None], capsys: pytest.CaptureFixture[str]
) -> ReportChange:
    """Puts a change's figures into the reports and on the terminal."""

    def put(change: SizeChange) -> None:
        size = f"{change.replicas} Pods"
        record_property(f"seconds to {size}", round(change.settled, 3))
        for title, rank in DELAYS.items():
            record_property(
                f"seconds from event to answer, {title}, {size}", round(change.percentile(rank), 4)
            )
        allure.attach(str(change), name=size, attachment_type=allure.attachment_type.TEXT)
        with capsys.disabled():
            print(f"\n{change}", flush=True)

    return put


@pytest.fixture
def report_costs(capsys: pytest.CaptureFixture[str]) -> Costs:
    """Puts what one Pod more costs into the reports and on the terminal."""

    def put(idle: int, steps: Sequence[SizeChange]) -> None:
        table = costs(idle, steps)
        allure.attach(table, name="cost of an endpoint", attachment_type=allure.attachment_type.TEXT)
        with capsys.disabled():
            print(f"\n{table}", flush=True)

    return put
