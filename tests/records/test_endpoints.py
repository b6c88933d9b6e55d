"""The endpoints that the control plane must have written, for each shape of Service and Pod."""

from __future__ import annotations

import pytest

from headless_conformance.records import compare_endpoints, expected_endpoints
from headless_conformance.records.endpoints import ListedEndpoint
from headless_conformance.records.objects import EndpointPort
from tests.records.builders import (
    SQL,
    Object,
    endpoint,
    endpoint_slice,
    external,
    headless,
    ordinary,
    pod,
    port,
    written,
)

SELECTOR = {"app": "db"}
NAMED = port("sql", 3306, target="mysql")
MYSQL = {"name": "mysql", "containerPort": 13306, "protocol": "TCP"}


def expected(service: Object, *pods: Object) -> list[ListedEndpoint]:
    found = expected_endpoints(service, pods)
    assert found is not None
    return sorted(found, key=str)


def one(service: Object, found: Object) -> ListedEndpoint:
    (only,) = expected(service, found)
    return only


def reference(name: str) -> Object:
    return {"kind": "Pod", "namespace": "shop", "name": name, "uid": f"uid-of-{name}"}


def test_a_ready_pod() -> None:
    found = one(
        headless("db", SQL, selector=SELECTOR), pod("db-0", "10.1.0.1", hostname="db-0", subdomain="db")
    )
    assert found == ListedEndpoint(
        family="IPv4",
        address="10.1.0.1",
        ports=frozenset((EndpointPort("sql", 3306, "TCP"),)),
        hostname="db-0",
        target="Pod/shop/db-0/uid-of-db-0",
        node="node-1",
        ready=True,
        serving=True,
        terminating=False,
    )
    assert str(found) == (
        "10.1.0.1 sql:3306/TCP hostname db-0 of Pod/shop/db-0/uid-of-db-0 on node-1: ready, serving"
    )


STATES = [
    ({}, False, (True, True, False)),
    ({"ready": False}, False, (False, False, False)),
    ({"ready": False}, True, (True, False, False)),
    ({"terminating": True}, False, (False, True, True)),
    ({"terminating": True}, True, (True, True, True)),
    ({"terminating": True, "ready": False}, True, (True, False, True)),
]


@pytest.mark.parametrize(("state", "publish", "flags"), STATES)
def test_conditions(state: Object, publish: bool, flags: tuple[bool, bool, bool]) -> None:
    service = headless("db", selector=SELECTOR, publishNotReadyAddresses=publish)
    found = one(service, pod("db-0", "10.1.0.1", **state))
    assert (found.ready, found.serving, found.terminating) == flags


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
@pytest.mark.parametrize("publish", [False, True])
def test_a_pod_that_has_ended_is_no_endpoint(phase: str, publish: bool) -> None:
    service = headless("db", selector=SELECTOR, publishNotReadyAddresses=publish)
    assert expected(service, pod("job", "10.1.0.1", phase=phase, ready=False)) == []


def test_a_pod_without_address_is_no_endpoint() -> None:
    assert expected(headless("db", selector=SELECTOR), pod("db-0", phase="Pending", ready=False)) == []


@pytest.mark.parametrize(
    ("spec", "hostname"),
    [
        ({"hostname": "db-0", "subdomain": "db"}, "db-0"),
        ({"hostname": "db-0", "subdomain": "other"}, ""),
        ({"hostname": "db-0"}, ""),
        ({"subdomain": "db"}, ""),
    ],
)
def test_the_hostname_is_that_of_the_governing_service_alone(spec: Object, hostname: str) -> None:
    for service in (headless("db", selector=SELECTOR), ordinary("db", ["10.96.0.1"], selector=SELECTOR)):
        assert one(service, pod("db-0", "10.1.0.1", **spec)).hostname == hostname


def test_a_named_target_port_is_looked_up_in_each_pod() -> None:
    service = headless("db", NAMED, port("web", 80), selector=SELECTOR)
    with_port, without_port = expected(
        service, pod("db-0", "10.1.0.1", ports=(MYSQL,)), pod("db-1", "10.1.0.2")
    )
    assert with_port.ports == {EndpointPort("sql", 13306, "TCP"), EndpointPort("web", 80, "TCP")}
    assert without_port.ports == {EndpointPort("web", 80, "TCP")}


def test_a_named_target_port_must_have_the_protocol() -> None:
    found = one(
        headless("db", NAMED, selector=SELECTOR),
        pod("db-0", "10.1.0.1", ports=({**MYSQL, "protocol": "UDP"},)),
    )
    assert found.ports == frozenset()


def test_sidecars_have_ports_and_other_init_containers_have_not() -> None:
    containers = [{"name": "init", "ports": [MYSQL]}]
    sidecars = [{"name": "side", "restartPolicy": "Always", "ports": [MYSQL]}]
    service = headless("db", NAMED, selector=SELECTOR)
    assert not one(service, pod("db-0", "10.1.0.1", initContainers=containers)).ports
    assert one(service, pod("db-0", "10.1.0.1", initContainers=sidecars)).ports


def test_a_service_without_ports_has_endpoints_without_ports() -> None:
    assert one(headless("db", selector=SELECTOR), pod("db-0", "10.1.0.1")).ports == frozenset()


@pytest.mark.parametrize(
    ("families", "addresses"),
    [
        (["IPv4"], ["10.1.0.1"]),
        (["IPv6"], ["fd00::1"]),
        (["IPv6", "IPv4"], ["10.1.0.1", "fd00::1"]),
        ([], ["10.1.0.1", "fd00::1"]),
    ],
)
def test_families(families: list[str], addresses: list[str]) -> None:
    service = headless("db", selector=SELECTOR, ipFamilies=families)
    assert [found.address for found in expected(service, pod("db-0", "10.1.0.1", "FD00:0::1"))] == addresses


def test_an_ordinary_service_that_names_no_family_has_that_of_its_address() -> None:
    found = expected(ordinary("db", ["fd00:1::9"], selector=SELECTOR), pod("db-0", "10.1.0.1", "fd00::1"))
    assert [listed.address for listed in found] == ["fd00::1"]


def test_the_selector_needs_all_labels_and_the_namespace() -> None:
    both = headless("db", selector={"app": "db", "role": "primary"})
    assert expected(both, pod("db-0", "10.1.0.1")) == []
    assert expected(headless("db", namespace="other", selector=SELECTOR), pod("db-0", "10.1.0.1")) == []


@pytest.mark.parametrize(
    "service", [headless("db"), headless("db", selector={}), external("db", "www.example.com")]
)
def test_services_for_which_nothing_is_written(service: Object) -> None:
    assert expected_endpoints(service, [pod("db-0", "10.1.0.1")]) is None
    assert not compare_endpoints(service, [], [endpoint_slice("db", endpoint("10.9.0.1"))])


def test_two_pods_of_the_network_of_one_node_are_two_endpoints() -> None:
    pods = [pod(f"db-{number}", "192.0.2.1", hostNetwork=True) for number in (0, 1)]
    assert len(expected(headless("db", selector=SELECTOR), *pods)) == 2


def listed(*endpoints: Object, ports: tuple[Object, ...] = (SQL,), name: str = "db-x") -> Object:
    return written(endpoint_slice("db", *endpoints, ports=ports, name=name))


def of_pod(name: str, address: str, **more: object) -> Object:
    conditions = {"ready": True, "serving": True, "terminating": False}
    return {
        "addresses": [address],
        "conditions": conditions,
        "targetRef": reference(name),
        "nodeName": "node-1",
        **more,
    }


def test_how_endpoints_are_spread_over_slices_is_open() -> None:
    service = headless("db", SQL, selector=SELECTOR)
    pods = [pod("db-0", "10.1.0.1"), pod("db-1", "10.1.0.2")]
    first, second = of_pod("db-0", "10.1.0.1"), of_pod("db-1", "10.1.0.2")
    for slices in (
        [listed(first, second)],
        [listed(first), listed(second, name="db-y")],
        [listed(first, second), listed(second, name="db-y"), listed(ports=(), name="db-z")],
    ):
        assert not compare_endpoints(service, pods, slices)


def test_differences() -> None:
    service = headless("db", SQL, selector=SELECTOR)
    pods = [pod("db-0", "10.1.0.1"), pod("db-1", "10.1.0.2")]
    conditions = {"ready": False, "serving": True, "terminating": False}
    slices = [listed(of_pod("db-1", "10.1.0.2", conditions=conditions), of_pod("db-2", "10.1.0.3"))]
    found = compare_endpoints(service, pods, slices)
    assert [endpoint.address for endpoint in found.missing] == ["10.1.0.1"]
    assert [endpoint.address for endpoint in found.surplus] == ["10.1.0.3"]
    assert [change.fields for change in found.changed] == [("ready",)]
    assert str(found) == "\n".join(
        [
            "EndpointSlices of Service shop/db",
            "-10.1.0.1 sql:3306/TCP of Pod/shop/db-0/uid-of-db-0 on node-1: ready, serving",
            "+10.1.0.3 sql:3306/TCP of Pod/shop/db-2/uid-of-db-2 on node-1: ready, serving",
            "-10.1.0.2 sql:3306/TCP of Pod/shop/db-1/uid-of-db-1 on node-1: ready, serving",
            "+10.1.0.2 sql:3306/TCP of Pod/shop/db-1/uid-of-db-1 on node-1: serving  ; differs in ready",
        ]
    )


def test_the_endpoint_of_a_pod_that_has_ended_must_go() -> None:
    service = headless("db", SQL, selector=SELECTOR, publishNotReadyAddresses=True)
    ended = pod("job", "10.1.0.1", phase="Succeeded", ready=False)
    found = compare_endpoints(service, [ended], [listed(of_pod("job", "10.1.0.1"))])
    assert [endpoint.target for endpoint in found.surplus] == ["Pod/shop/job/uid-of-job"]


def test_slices_of_others_are_not_judged() -> None:
    foreign = endpoint_slice("db", endpoint("10.9.0.1"), name="by-hand")
    assert not compare_endpoints(headless("db", SQL, selector=SELECTOR), [], [foreign])


def test_the_label_of_headless_services() -> None:
    unlabelled = written(endpoint_slice("db", name="db-x"), headless=False)
    found = compare_endpoints(headless("db", selector=SELECTOR), [], [unlabelled])
    assert found.mislabelled == ("db-x",)
    assert "+EndpointSlice db-x" in str(found)
    assert not compare_endpoints(ordinary("db", ["10.96.0.1"], selector=SELECTOR), [], [unlabelled])
