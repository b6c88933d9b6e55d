"""A set that changes: what is there now, and nothing of what was there before."""

from __future__ import annotations

import time
from typing import Any

import pytest

from headless_conformance.cluster import waiting
from headless_conformance.cluster.change import ChangingSet, History
from headless_conformance.cluster.reference_model import ReferenceModel
from headless_conformance.core.mismatch import Mismatch
from headless_conformance.records import AnswerData, Question
from tests.cluster.small_world import SERVICE, SmallWorld, member, records

FQDN = f"{SERVICE}.shop.svc.cluster.local."
POD = f"orders-1.{FQDN}"
OLD_REVERSE = "1.100.51.198.in-addr.arpa."


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "INTERVAL", 0.01)
    monkeypatch.setattr(waiting, "INTERVAL_AFTER_SUCCESS", 0.0)


def changing(world: SmallWorld, history: History | None = None) -> ChangingSet:
    model = ReferenceModel(lambda _name: False)
    return ChangingSet(world.headless_set(), world.dns, model, 4, history or History())


def replaced() -> SmallWorld:
    """The first member has another address."""
    return SmallWorld(pods=[member(1, "198.51.100.7"), member(2, "198.51.100.2")])


def keeps(name: str, rdtype: str, *values: str) -> Any:
    """Servers that go on giving these records."""

    def answer(question: Question, right: AnswerData, _transport: str) -> AnswerData:
        return records(question, *values) if question == Question(name, rdtype) else right

    return answer


def test_a_set_at_rest_is_current_and_every_member_up_to_the_most_is_asked_for() -> None:
    world = SmallWorld()
    changing(world).require_current()
    assert {Question(f"orders-{ordinal}.{FQDN}", "A") for ordinal in range(4)} <= world.asked


def test_what_was_asked_before_is_asked_again() -> None:
    history = History()
    changing(SmallWorld(), history).require_current()
    world = replaced()
    changing(world, history).require_all_current()
    assert Question(OLD_REVERSE, "PTR") in world.asked
    world.says = keeps(OLD_REVERSE, "PTR", POD)
    with pytest.raises(Mismatch, match=OLD_REVERSE):
        changing(world, history).require_all_current()


def test_reverse_names_alone_that_servers_keep_are_asked_for_at_the_end() -> None:
    history = History()
    world = SmallWorld()
    world.kept = lambda name: 30.0 if name.endswith("in-addr.arpa.") else 0.0
    changing(world, history).require_current()
    assert Question(OLD_REVERSE, "PTR") not in world.asked
    changing(world, history).require_all_current()
    assert Question(OLD_REVERSE, "PTR") in world.asked


def test_slices_that_do_not_follow_the_pods_are_named() -> None:
    world = SmallWorld()
    world.pods = replaced().pods
    with pytest.raises(Mismatch, match="EndpointSlices of Service db: endpoints"):
        changing(world).require_current()


def test_endpoints_that_do_not_follow_the_pods_are_named() -> None:
    world = SmallWorld(endpoints=[{"metadata": {"name": SERVICE}}])
    with pytest.raises(Mismatch, match="Endpoints db: endpoints"):
        changing(world).require_current()


def test_a_member_that_is_not_ready_is_not_published_whatever_the_service_says() -> None:
    unready = [member(1, "198.51.100.1", ready=False), member(2, "198.51.100.2")]
    world = SmallWorld(pods=unready)
    world.services[0]["spec"]["publishNotReadyAddresses"] = True
    world.slices[0]["endpoints"][0]["conditions"]["serving"] = False
    with pytest.raises(Mismatch, match=rf"A {FQDN}: expected {{198\.51\.100\.2}}"):
        changing(world).require_current()


def test_without_the_service_no_name_of_it_exists() -> None:
    history = History()
    changing(SmallWorld(), history).require_current()
    world = SmallWorld(services=[], slices=SmallWorld().slices)
    changing(world, history).require_current(published=False)
    world.says = keeps(f"_pg._tcp.{FQDN}", "SRV", f"0 1 5432 {POD}")
    with pytest.raises(Mismatch, match=rf"SRV _pg\._tcp\.{FQDN}: expected NXDOMAIN"):
        changing(world, history).require_current(published=False)


def test_what_other_tests_have_asked_for_is_asked_again_when_no_server_can_keep_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    history, now = History(seen_by_others=True), 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    old, new = Question(OLD_REVERSE, "PTR"), Question("7.100.51.198.in-addr.arpa.", "PTR")
    history.known.add(old)
    history.begin()
    history.known.add(new)
    history.begin()
    assert history.may_be_kept(old, 30.0)
    assert not history.may_be_kept(new, 30.0)
    now = 130.0
    assert not history.may_be_kept(old, 30.0)
