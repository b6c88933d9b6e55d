"""The core/v1 Endpoints of a Service: what is in them, and what the control plane must have written."""

from __future__ import annotations

from headless_conformance.records import expected_in_endpoints, listed_in_endpoints
from tests.records.builders import SQL, Object, external, headless, pod, port

SELECTOR = {"app": "db"}
PORTS = [{"name": "sql", "port": 3306, "protocol": "TCP"}]


def member(ordinal: int, *addresses: str, **more: object) -> Object:
    return pod(f"db-{ordinal}", *addresses, hostname=f"db-{ordinal}", subdomain="db", **more)  # type: ignore[arg-type]


def address(ordinal: int, ip: str) -> Object:
    name = f"db-{ordinal}"
    target = {"kind": "Pod", "namespace": "shop", "name": name, "uid": f"uid-of-{name}"}
    return {"ip": ip, "hostname": name, "nodeName": "node-1", "targetRef": target}


def texts(found: object) -> list[str]:
    assert isinstance(found, frozenset)
    return sorted(map(str, found))


def test_ready_and_unready_members_are_listed_as_such() -> None:
    service = headless("db", SQL, selector=SELECTOR, ipFamilies=["IPv4"])
    pods = [member(0, "10.1.0.1"), member(1, "10.1.0.2", ready=False)]
    endpoints = {
        "subsets": [
            {
                "addresses": [address(0, "10.1.0.1")],
                "notReadyAddresses": [address(1, "10.1.0.2")],
                "ports": PORTS,
            }
        ]
    }
    assert listed_in_endpoints(endpoints) == expected_in_endpoints(service, pods)
    assert len(listed_in_endpoints(endpoints)) == 2


def test_a_pod_that_is_being_deleted_is_not_listed() -> None:
    service = headless("db", SQL, selector=SELECTOR, ipFamilies=["IPv4"])
    assert expected_in_endpoints(service, [member(0, "10.1.0.1", terminating=True)]) == frozenset()


def test_a_pod_without_any_of_the_ports_is_not_listed() -> None:
    service = headless("db", port("sql", 3306, target="mysql"), selector=SELECTOR, ipFamilies=["IPv4"])
    assert expected_in_endpoints(service, [member(0, "10.1.0.1")]) == frozenset()
    without_ports = headless("db", selector=SELECTOR, ipFamilies=["IPv4"])
    assert len(texts(expected_in_endpoints(without_ports, [member(0, "10.1.0.1")]))) == 1


def test_of_two_families_the_first_one_is_listed() -> None:
    service = headless("db", SQL, selector=SELECTOR, ipFamilies=["IPv6", "IPv4"])
    (only,) = texts(expected_in_endpoints(service, [member(0, "10.1.0.1", "2001:db8::1")]))
    assert only.startswith("2001:db8::1 ")


def test_a_service_without_selector_has_what_a_person_writes() -> None:
    assert expected_in_endpoints(external("db", "db.example.com"), []) is None


def test_no_subset_is_no_endpoint() -> None:
    assert listed_in_endpoints({}) == listed_in_endpoints({"subsets": None}) == frozenset()
