"""Names of which a zone says that they must not exist, and those of which it says nothing."""

from __future__ import annotations

import pytest

from headless_conformance.records import Denial, Presence, Question
from tests.records.builders import (
    HTTP,
    SQL,
    endpoint,
    endpoint_slice,
    headless,
    ordinary,
    zone,
)


def test_no_shape_of_endpoint_is_defined_for_names() -> None:
    listed = endpoint_slice("db", endpoint("db.example.com"))
    listed["addressType"] = "FQDN"
    found = zone([headless("db", SQL)], [listed])
    for name, rdtype in (("db", "A"), ("x.db", "AAAA"), ("_sql._tcp.db", "SRV")):
        assert (
            found.expectation(Question(f"{name}.shop.svc.cluster.local", rdtype)).presence
            is Presence.LEFT_OPEN
        )


def test_a_service_without_address_yet_is_left_open() -> None:
    pending = {"metadata": {"name": "new", "namespace": "shop"}, "spec": {"ports": [HTTP]}}
    found = zone([pending])
    assert not found.expectations
    assert found.expectation(Question("new.shop.svc.cluster.local", "A")).presence is Presence.LEFT_OPEN


NAMES = [
    ("absent.shop", "A", Denial.NXDOMAIN),
    ("absent.elsewhere", "A", Denial.NXDOMAIN),
    ("x.absent.shop", "A", Denial.NXDOMAIN),
    ("_sql._tcp.absent.shop", "SRV", Denial.NXDOMAIN),
    ("absent.db.shop", "A", Denial.NXDOMAIN),
    ("absent.db.shop", "TXT", Denial.NXDOMAIN),
    ("_absent._tcp.db.shop", "SRV", Denial.NXDOMAIN),
    ("_sql._udp.db.shop", "SRV", Denial.NXDOMAIN),
    ("_absent._tcp.web.shop", "SRV", Denial.NXDOMAIN),
    ("db-0.db.shop", "AAAA", Denial.NODATA),
    ("db.shop", "SRV", None),
    ("_sql._tcp.db.shop", "A", None),
    ("_tcp.db.shop", "A", None),
    ("a.b.db.shop", "A", None),
    ("a.b.absent.shop", "A", None),
    ("a.b.c.db.shop", "A", None),
    ("10-1-0-1.web.shop", "A", None),
    ("shop", "A", None),
]


@pytest.mark.parametrize(("name", "rdtype", "denial"), NAMES)
def test_names_that_must_not_exist(name: str, rdtype: str, denial: Denial | None) -> None:
    services = [headless("db", SQL), ordinary("web", ["10.96.0.9"], HTTP)]
    found = zone(services, [endpoint_slice("db", endpoint("10.1.0.1", hostname="db-0"), ports=(SQL,))])
    told = found.expectation(Question(f"{name}.svc.cluster.local", rdtype))
    assert told.denial is denial
    assert told.presence is (Presence.FORBIDDEN if denial else Presence.LEFT_OPEN)


@pytest.mark.parametrize(
    "name",
    ["1.10.in-addr.arpa", "256.0.0.10.in-addr.arpa", "x.0.0.10.in-addr.arpa", "d.f.ip6.arpa", "in-addr.arpa"],
)
def test_reverse_names_of_no_single_address_are_left_open(name: str) -> None:
    assert zone([headless("db")]).expectation(Question(name, "PTR")).presence is Presence.LEFT_OPEN


def test_what_is_not_in_view_is_left_open() -> None:
    found = zone(
        [headless("db")], [endpoint_slice("db", endpoint("10.1.0.1", hostname="db-0"))], namespaces=["shop"]
    )
    assert found.expectation(Question("absent.shop.svc.cluster.local", "A")).presence is Presence.FORBIDDEN
    for name in ("absent.elsewhere.svc.cluster.local", "www.example.com"):
        assert found.expectation(Question(name, "A")).presence is Presence.LEFT_OPEN


def test_a_part_of_a_zone() -> None:
    services = [headless("db"), headless("db2"), headless("db", namespace="shop2")]
    found = zone(services, [endpoint_slice("db", endpoint("10.1.0.1"))])
    assert {str(told.question) for told in found.of("shop", "db")} == {
        "db.shop.svc.cluster.local. IN A",
        "db.shop.svc.cluster.local. IN AAAA",
        "db.shop.svc.cluster.local. IN CNAME",
        "1.0.1.10.in-addr.arpa. IN PTR",
    }
    assert {told.question.name for told in found.of("shop")} == {
        "db.shop.svc.cluster.local.",
        "db2.shop.svc.cluster.local.",
        "1.0.1.10.in-addr.arpa.",
    }
