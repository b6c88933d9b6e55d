"""The reference model held against a small namespace: what is right passes, each kind of error is named."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

import pytest

from headless_conformance.cluster import waiting
from headless_conformance.cluster.dns_exchange import ANSWERS
from headless_conformance.cluster.reference_model import RecordGroup, ReferenceModel
from headless_conformance.core.errors import NotSupportedError
from headless_conformance.core.mismatch import Mismatch
from headless_conformance.records import AnswerData, Question
from tests.cluster.small_world import SERVICE, SmallWorld, member, records
from tests.records.builders import Object, endpoint, headless, port

FQDN = f"{SERVICE}.shop.svc.cluster.local."
POD = f"orders-1.{FQDN}"
SRV = f"_pg._tcp.{FQDN}"
REVERSE = "1.100.51.198.in-addr.arpa."


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "INTERVAL", 0.01)
    monkeypatch.setattr(waiting, "INTERVAL_AFTER_SUCCESS", 0.0)


def model(keeps: str = "nothing") -> ReferenceModel:
    """With DNS servers that keep the denials of names with this end."""
    return ReferenceModel(lambda name: name.endswith(keeps))


@pytest.mark.parametrize("group", RecordGroup)
def test_what_the_objects_demand_passes(group: RecordGroup) -> None:
    world = SmallWorld()
    model().require_records(world.dns, world.headless_set(), group)
    assert world.asked


def test_every_group_asks_for_its_own_records() -> None:
    asked: dict[RecordGroup, set[tuple[str, str]]] = {}
    for group in RecordGroup:
        world = SmallWorld()
        model().require_records(world.dns, world.headless_set(), group)
        asked[group] = {(found.name, found.rdtype) for found in world.asked}
    assert asked[RecordGroup.SERVICE] == {(FQDN, "A"), (FQDN, "AAAA"), (FQDN, "CNAME")}
    assert {(POD, "A"), (POD, "AAAA")} < asked[RecordGroup.ENDPOINTS]
    assert asked[RecordGroup.PORTS] == {(SRV, "SRV")}
    assert (REVERSE, "PTR") in asked[RecordGroup.ADDRESSES]


def says(name: str, rdtype: str, *values: str, transport: str = "tcp") -> Callable[..., AnswerData]:
    """A server that gives these records for one question over one transport."""

    def answer(question: Question, right: AnswerData, over: str) -> AnswerData:
        wrong = question == Question(name, rdtype) and over == transport
        return records(question, *values) if wrong else right

    return answer


@pytest.mark.parametrize(
    ("group", "name", "rdtype", "values", "expected", "line"),
    [
        (
            RecordGroup.SERVICE,
            FQDN,
            "A",
            ("198.51.100.1", "198.51.100.9"),
            "{198.51.100.1, 198.51.100.2}",
            f"+{FQDN} IN A 198.51.100.9",
        ),
        (RecordGroup.SERVICE, FQDN, "AAAA", ("2001:db8::1",), "NODATA", f"+{FQDN} IN AAAA 2001:db8::1"),
        (RecordGroup.ENDPOINTS, POD, "A", ("198.51.100.2",), "{198.51.100.1}", f"-{POD} IN A 198.51.100.1"),
        (
            RecordGroup.PORTS,
            SRV,
            "SRV",
            (f"0 1 5432 {POD}",),
            f"{{orders-1.{FQDN} 5432, orders-2.{FQDN} 5432}}",
            f"-{SRV} IN SRV 0 0 5432 orders-2.{FQDN}",
        ),
        (
            RecordGroup.ADDRESSES,
            REVERSE,
            "PTR",
            (f"orders-2.{FQDN}",),
            f"{{{POD}}}",
            f"-{REVERSE} IN PTR {POD}",
        ),
    ],
    ids=["service", "other-family", "pod", "port", "address"],
)
def test_a_wrong_answer_is_named_with_the_difference_of_the_zone(
    group: RecordGroup, name: str, rdtype: str, values: tuple[str, ...], expected: str, line: str
) -> None:
    world = SmallWorld(says=says(name, rdtype, *values))
    with pytest.raises(Mismatch) as raised:
        model().require_records(world.dns, world.headless_set(), group)
    seen = raised.value.observation
    assert (seen.subject, seen.expected, seen.where.transport) == (f"{rdtype} {name}", expected, "tcp")
    assert line in seen.details


def test_a_name_that_must_not_exist_is_asked_for_unless_its_denial_is_kept() -> None:
    world = SmallWorld(says=says(f"orders-2.{FQDN}", "A", "198.51.100.2"))
    world.slices[0]["endpoints"][1]["conditions"] = {"ready": False}
    with pytest.raises(Mismatch, match="expected NXDOMAIN"):
        model().require_records(world.dns, world.own_set(), RecordGroup.ENDPOINTS)
    model(FQDN).require_records(world.dns, world.own_set(), RecordGroup.ENDPOINTS)


def test_a_cache_that_keeps_reverse_names_only_is_asked_for_other_absent_names() -> None:
    """As kubeadm configures CoreDNS: no denial of the cluster domain is kept, and every other one is."""
    world = SmallWorld()
    world.slices[0]["endpoints"][1]["conditions"] = {"ready": False}
    reverse = Question("2.100.51.198.in-addr.arpa.", "PTR")
    for group in (RecordGroup.ENDPOINTS, RecordGroup.ADDRESSES):
        model(".arpa.").require_records(world.dns, world.own_set(), group)
    assert Question(f"orders-2.{FQDN}", "A") in world.asked
    assert reverse not in world.asked
    model().require_records(world.dns, world.own_set(), RecordGroup.ADDRESSES)
    assert reverse in world.asked


def test_a_label_of_the_servers_choice_is_followed() -> None:
    world = SmallWorld()
    for found in world.slices[0]["endpoints"]:
        del found["hostname"]
    model().require_records(world.dns, world.headless_set(), RecordGroup.ADDRESSES)
    label = Question(f"198-51-100-1.{FQDN}", "A")
    assert label in world.asked
    world.says = says(label.name, "A", "198.51.100.9", transport="udp")
    with pytest.raises(Mismatch, match=r"198\.51\.100\.9"):
        model().require_records(world.dns, world.headless_set(), RecordGroup.ADDRESSES)


def test_nothing_to_ask_is_never_passed() -> None:
    world = SmallWorld(services=[headless(SERVICE, port("", 5432), selector={"app": "db"})])
    world.slices[0]["ports"][0]["name"] = ""
    world.services[0]["spec"]["ports"] = []
    with pytest.raises(Mismatch, match="expected at least 1, got 0"):
        model().require_records(world.dns, world.headless_set(), RecordGroup.PORTS)
    with pytest.raises(NotSupportedError, match="nothing for which there would be SRV records"):
        model().require_records(world.dns, world.own_set(), RecordGroup.PORTS)
    world.services.clear()
    with pytest.raises(Mismatch, match="Service db: expected present, got absent"):
        model().require_records(world.dns, world.headless_set(), RecordGroup.SERVICE)


def test_slices_that_the_controller_must_have_written_pass() -> None:
    model().require_slices(SmallWorld().headless_set())


def test_a_missing_endpoint_and_a_stranger_are_named() -> None:
    world = SmallWorld(pods=[member(1, "198.51.100.1")])
    world.pods = [member(2, "198.51.100.2")]
    with pytest.raises(Mismatch) as raised:
        model().require_slices(world.headless_set())
    seen = raised.value.observation
    assert seen.subject == "EndpointSlices of Service db: endpoints"
    assert "198.51.100.2" in seen.expected
    assert "198.51.100.1" in seen.observed
    assert "198.51.100.1" not in seen.expected


def test_slices_of_others_are_not_judged() -> None:
    world = SmallWorld()
    world.slices.append({**world.slices[0], "endpoints": [endpoint("192.0.2.9")]})
    world.slices[-1]["metadata"] = {"name": "foreign", "namespace": "shop", "labels": {}}
    model().require_slices(world.headless_set())


def endpoints_object(world: SmallWorld) -> Object:
    """The Endpoints of the Service as the control plane writes them."""
    addresses = [
        {
            "ip": pod["status"]["podIP"],
            "hostname": pod["spec"]["hostname"],
            "nodeName": "node-1",
            "targetRef": {
                "kind": "Pod",
                "namespace": "shop",
                "name": pod["metadata"]["name"],
                "uid": pod["metadata"]["uid"],
            },
        }
        for pod in world.pods
    ]
    ports = [{"name": "pg", "port": 5432, "protocol": "TCP"}]
    return {"metadata": {"name": SERVICE}, "subsets": [{"addresses": addresses, "ports": ports}]}


def test_endpoints_that_the_control_plane_must_have_written_pass() -> None:
    world = SmallWorld()
    world.endpoints = [endpoints_object(world)]
    model().require_endpoints(world.headless_set())


def test_a_wrong_address_in_the_endpoints_is_named() -> None:
    world = SmallWorld()
    world.endpoints = [endpoints_object(world)]
    world.endpoints[0]["subsets"][0]["addresses"][0]["ip"] = "192.0.2.9"
    with pytest.raises(Mismatch) as raised:
        model().require_endpoints(world.headless_set())
    seen = raised.value.observation
    assert seen.subject == "Endpoints db: endpoints"
    assert "192.0.2.9" in seen.observed
    assert "192.0.2.9" not in seen.expected


def test_endpoints_of_the_others_alone_are_wrong_and_none_at_all_are_not_supported() -> None:
    world = SmallWorld(endpoints=[{"metadata": {"name": "another"}}])
    with pytest.raises(Mismatch, match="Endpoints db: endpoints"):
        model().require_endpoints(world.headless_set())
    with pytest.raises(NotSupportedError, match="no core/v1 Endpoints"):
        model().require_endpoints(SmallWorld().headless_set())


def test_an_answer_that_is_wrong_now_and_then_is_found() -> None:
    looks = itertools.count()
    usual = 3 * 2 * 2  # three looks at two servers over two transports

    def now_and_then(question: Question, right: AnswerData, over: str) -> AnswerData:
        first = question == Question(FQDN, "A") and next(looks) < usual
        return right if first or question.rdtype != "A" else records(question, "198.51.100.9")

    world = SmallWorld(says=now_and_then)
    with pytest.raises(Mismatch, match=rf"A {re.escape(FQDN)}: expected .*, got \{{198\.51\.100\.9\}}"):
        model().require_records(world.dns, world.headless_set(), RecordGroup.SERVICE, often=ANSWERS)


def test_a_pod_that_goes_while_it_is_asked_for_often_breaks_no_promise() -> None:
    world = SmallWorld()
    asked = itertools.count()

    def going(question: Question, right: AnswerData, over: str) -> AnswerData:
        if question == Question(FQDN, "A") and next(asked) == 3 * 2 * 2 + 1:
            del world.slices[0]["endpoints"][1]
        return right

    world.says = going
    model().require_records(world.dns, world.headless_set(), RecordGroup.SERVICE, often=ANSWERS)
    assert len(world.slices[0]["endpoints"]) == 1
