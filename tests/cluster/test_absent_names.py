"""Which names must not exist beside the members of a set."""

from __future__ import annotations

from headless_conformance.cluster.absent_names import names_of_no_member
from tests.cluster.small_world import SERVICE, SmallWorld
from tests.records import builders

FQDN = f"{SERVICE}.shop.svc.cluster.local."


def test_other_ordinals_spellings_and_pods_are_named_and_no_member_is() -> None:
    world = SmallWorld()
    world.pods.append(builders.pod("web-0", "198.51.100.7"))
    names = names_of_no_member(world.own_set())
    assert len(set(names)) == len(names)
    assert not {f"orders-1.{FQDN}", f"orders-2.{FQDN}"} & set(names)
    for label in ("orders-3", "orders-4", "orders-0", "orders-01", "orders", "web-0", "198-51-100-1"):
        assert f"{label}.{FQDN}" in names
    assert f"0.orders-1.{FQDN}" in names


def test_what_another_set_has_below_the_service_is_left_out() -> None:
    world = SmallWorld()
    world.slices[0]["endpoints"] += [builders.endpoint("198.51.100.7", hostname="orders-01")]
    names = names_of_no_member(world.own_set())
    assert f"orders-01.{FQDN}" not in names
    assert f"orders-001.{FQDN}" in names


def test_labels_of_the_servers_choice_are_left_out_where_there_may_be_some() -> None:
    world = SmallWorld()
    world.slices[0]["endpoints"] += [builders.endpoint("198.51.100.7")]
    assert f"198-51-100-1.{FQDN}" not in names_of_no_member(world.own_set())
