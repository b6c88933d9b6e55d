"""A StatefulSet of the person's own: what is expected of it follows from its objects."""

from __future__ import annotations

from typing import Any

import pytest

from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.core.errors import NotSupportedError
from headless_conformance.core.mismatch import Mismatch
from tests.cluster.small_world import SmallWorld, member
from tests.records import builders


def test_names_follow_from_its_first_ordinal() -> None:
    own = SmallWorld().own_set()
    assert own.pod_names == ["orders-1", "orders-2"]
    assert own.pod_name(own.next_ordinal) == "orders-3"
    assert own.ready_ips() == ["198.51.100.1", "198.51.100.2"]


def test_members_that_are_not_ready_are_not_judged_unless_the_service_publishes_them() -> None:
    world = SmallWorld(pods=[member(1, "198.51.100.1"), member(2, "198.51.100.2", ready=False)])
    own = world.own_set(ready_ordinals=(1,))
    assert [pod["metadata"]["name"] for pod in own.get_pods()] == own.pod_names == ["orders-1"]
    assert own.ready_ips() == ["198.51.100.1"]
    world.services[0]["spec"]["publishNotReadyAddresses"] = True
    assert own.ready_ips() == ["198.51.100.1", "198.51.100.2"]


def test_an_ended_pod_is_no_address_of_the_service() -> None:
    world = SmallWorld()
    world.services[0]["spec"]["publishNotReadyAddresses"] = True
    world.pods.append(builders.pod("job", "198.51.100.9", phase="Succeeded", ready=False))
    assert "198.51.100.9" not in world.own_set().ready_ips()


def test_an_address_that_two_members_share_is_one() -> None:
    world = SmallWorld(pods=[member(1, "198.51.100.1"), member(2, "198.51.100.1")])
    assert world.own_set().ready_ips() == ["198.51.100.1"]


def test_pods_of_others_that_the_service_selects_count() -> None:
    world = SmallWorld()
    world.pods.append(builders.pod("other", "198.51.100.9"))
    assert "198.51.100.9" in world.own_set().ready_ips()
    assert len(world.own_set().endpoints()) == 2


def test_of_two_families_tests_ask_for_one() -> None:
    world = SmallWorld()
    world.services[0]["spec"]["ipFamilies"] = ["IPv4", "IPv6"]
    for number, pod in enumerate(world.pods, 1):
        pod["status"]["podIPs"].append({"ip": f"2001:db8::{number}"})
    own = world.own_set()
    assert own.ready_ips() == ["198.51.100.1", "198.51.100.2"]
    assert own.pod_ip(1) == "198.51.100.1"
    assert len(own.resolvable_ips()) == 4
    world.services[0]["spec"]["ipFamilies"] = ["IPv6"]
    for look in (own.ready_ips, lambda: own.pod_ip(1)):
        with pytest.raises(NotSupportedError, match="no addresses of IPv4"):
            look()


def test_without_selector_and_with_very_many_addresses_it_is_not_supported() -> None:
    world = SmallWorld(pods=[member(ordinal, f"198.51.100.{ordinal}") for ordinal in range(1, 100)])
    with pytest.raises(NotSupportedError, match="99 addresses do not fit"):
        world.own_set().ready_ips()
    del world.services[0]["spec"]["selector"]
    with pytest.raises(NotSupportedError, match="has no selector"):
        world.own_set().ready_ips()


def test_a_set_without_service_name_breaks_the_promise_of_its_name() -> None:
    own = SmallWorld().own_set(service="")
    for look in (own.get_service, own.ready_ips, lambda: own.pod_fqdn(1)):
        with pytest.raises(Mismatch, match=r"spec\.serviceName: expected present, got absent"):
            look()


@pytest.mark.parametrize(
    ("spec", "hosts", "resolver"),
    [
        ({}, True, True),
        ({"hostNetwork": True}, False, False),
        ({"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}, False, True),
        ({"hostAliases": [{"ip": "192.0.2.1", "hostnames": ["a"]}]}, False, True),
        ({"dnsPolicy": "None", "dnsConfig": {"nameservers": ["192.0.2.1"]}}, True, False),
        ({"dnsConfig": {"options": [{"name": "ndots", "value": "1"}]}}, True, False),
    ],
)
def test_what_its_pods_have_otherwise_is_not_supported(
    spec: dict[str, Any], *, hosts: bool, resolver: bool
) -> None:
    world = SmallWorld()
    world.statefulset["spec"]["template"]["spec"] |= spec
    own = world.own_set()
    for look, supported in (
        (own.require_hosts_file_of_kubelet, hosts),
        (own.require_resolver_of_cluster, resolver),
    ):
        if supported:
            look()
            continue
        with pytest.raises(NotSupportedError):
            look()


def test_a_member_that_may_come_is_asked_for_only_where_nothing_hides_it() -> None:
    world = SmallWorld()
    kept = "orders-3.db.shop.svc.cluster.local."
    other = "9.100.51.198.in-addr.arpa."

    def may_ask(found: HeadlessSet, name: str) -> bool:
        return found.may_ask_for_absent(name, lambda asked: asked == kept)

    assert may_ask(world.own_set(), other)
    assert not may_ask(world.own_set(), kept)
    assert not may_ask(world.own_set(settled=False), other)
    assert may_ask(world.headless_set(), kept)
