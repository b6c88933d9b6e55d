"""The zone of each shape of Service, written out."""

from __future__ import annotations

import dns.zone
import pytest

from headless_conformance.records import Denial, Presence, Question, Zone, zone_of, zone_text
from tests.records.builders import (
    DNS,
    HTTP,
    SQL,
    Object,
    endpoint,
    endpoint_slice,
    external,
    headless,
    ordinary,
    port,
    zone,
)


def lines(found: Zone) -> list[str]:
    """Forward names alone, without the rules."""
    return [line for line in all_lines(found) if ".arpa." not in line]


def reverse_lines(found: Zone) -> list[str]:
    return [line for line in all_lines(found) if ".arpa." in line]


def all_lines(found: Zone) -> list[str]:
    shortened = zone_text(found.expectations.values()).replace(".svc.cluster.local.", "")
    return [line.partition("  ;")[0] for line in shortened.splitlines()[2:]]


def test_text_names_the_rules_and_can_be_loaded() -> None:
    found = zone(
        [headless("db", SQL)], [endpoint_slice("db", endpoint("10.1.0.1", hostname="db-0"), ports=(SQL,))]
    )
    text = zone_text(found.of("shop", "db"))
    assert text.splitlines() == [
        "; Demanded records. The TTL, and priority and weight of SRV, are the server's choice.",
        "$TTL 5",
        "1.0.1.10.in-addr.arpa. IN PTR db-0.db.shop.svc.cluster.local.  ; R17",
        "db.shop.svc.cluster.local. IN A 10.1.0.1  ; R8",
        "; db.shop.svc.cluster.local. IN AAAA NODATA  ; R11 RFC2308",
        "; db.shop.svc.cluster.local. IN CNAME NODATA  ; R8 R11 RFC2308",
        "_sql._tcp.db.shop.svc.cluster.local. IN SRV 0 0 3306 db-0.db.shop.svc.cluster.local.  ; R14",
        "db-0.db.shop.svc.cluster.local. IN A 10.1.0.1  ; R10",
        "; db-0.db.shop.svc.cluster.local. IN AAAA NODATA  ; R13 RFC2308",
    ]
    loaded = dns.zone.from_text(text, origin=".", relativize=False, check_origin=False)
    assert len(list(loaded.iterate_rdatas())) == 4


def test_ready_endpoints_without_hostname_have_labels_of_the_servers_choice() -> None:
    endpoints = [
        endpoint("10.1.0.1", hostname="db-0"),
        endpoint("10.1.0.2"),
        endpoint("10.1.0.3", ready=None),
    ]
    found = zone([headless("db", SQL)], [endpoint_slice("db", *endpoints, ports=(SQL,))])
    assert lines(found) == [
        "db.shop IN A 10.1.0.1",
        "db.shop IN A 10.1.0.2",
        "db.shop IN A 10.1.0.3",
        "; db.shop IN AAAA NODATA",
        "; db.shop IN CNAME NODATA",
        "_sql._tcp.db.shop IN SRV 0 0 3306 db-0.db.shop",
        "; _sql._tcp.db.shop IN SRV 0 0 3306 <label>.db.shop",
        "db-0.db.shop IN A 10.1.0.1",
        "; db-0.db.shop IN AAAA NODATA",
    ]
    assert reverse_lines(found) == [
        "1.0.1.10.in-addr.arpa. IN PTR db-0.db.shop",
        "; 2.0.1.10.in-addr.arpa. IN PTR <label>.db.shop",
        "; 3.0.1.10.in-addr.arpa. IN PTR <label>.db.shop",
    ]
    assert "; 2, R14, label: R1" in zone_text(found.expectations.values())


def test_without_a_ready_endpoint_no_name_of_a_headless_service_exists() -> None:
    endpoints = [endpoint("10.1.0.1", hostname="db-0", ready=False)]
    found = zone([headless("db", SQL)], [endpoint_slice("db", *endpoints, ports=(SQL,))])
    assert lines(found) == [
        "; db.shop IN ANY NXDOMAIN",
        "; db.shop IN ANY NXDOMAIN",
        "; _sql._tcp.db.shop IN ANY NXDOMAIN",
        "; db-0.db.shop IN ANY NXDOMAIN",
        "; db-0.db.shop IN ANY NXDOMAIN",
    ]
    assert reverse_lines(found) == ["; 1.0.1.10.in-addr.arpa. IN PTR no name in the cluster domain"]
    assert found.expectation(Question("db.shop.svc.cluster.local", "TXT")).denial is Denial.NXDOMAIN


def test_an_endpoint_that_is_not_ready_has_no_record_beside_ready_ones() -> None:
    endpoints = [endpoint("10.1.0.1", hostname="db-0"), endpoint("10.1.0.2", hostname="db-1", ready=False)]
    found = zone([headless("db")], [endpoint_slice("db", *endpoints)])
    assert lines(found)[0] == "db.shop IN A 10.1.0.1"
    assert "; db-1.db.shop IN ANY NXDOMAIN" in lines(found)


def test_ordinary_service() -> None:
    services = [
        ordinary("web", ["10.96.0.9", "fd00::9"], HTTP, DNS),
        ordinary("plain", ["10.96.0.10"], port("", 8080)),
    ]
    found = zone(services, [endpoint_slice("web", endpoint("10.1.0.1", ready=False), ports=(HTTP,))])
    assert lines(found) == [
        "plain.shop IN A 10.96.0.10",
        "; plain.shop IN AAAA NODATA",
        "; plain.shop IN CNAME NODATA",
        "; _8080._tcp.plain.shop IN ANY NXDOMAIN",
        "web.shop IN A 10.96.0.9",
        "web.shop IN AAAA fd00::9",
        "; web.shop IN CNAME NODATA",
        "_http._tcp.web.shop IN SRV 0 0 80 web.shop",
        "_dns._udp.web.shop IN SRV 0 0 53 web.shop",
    ]
    assert "9.0.96.10.in-addr.arpa. IN PTR web.shop" in reverse_lines(found)


def test_external_name() -> None:
    found = zone([external("mail", "Mail.example.com")])
    assert lines(found) == ["mail.shop IN CNAME mail.example.com."]
    for rdtype in ("A", "TXT"):
        assert [
            str(r.value) for r in found.expectation(Question("mail.shop.svc.cluster.local", rdtype)).records
        ] == ["mail.example.com."]
    assert found.expectation(Question("1.1.1.10.in-addr.arpa", "TXT")).presence is Presence.LEFT_OPEN
    assert found.expectation(Question("x.mail.shop.svc.cluster.local", "A")).denial is Denial.NXDOMAIN


def test_srv_records_are_endpoints_times_ports() -> None:
    endpoints = [endpoint("10.1.0.1", hostname="db-0"), endpoint("10.1.0.2", hostname="db-1")]
    found = zone([headless("db", SQL, HTTP)], [endpoint_slice("db", *endpoints, ports=(SQL, HTTP))])
    assert [line for line in lines(found) if "SRV" in line] == [
        "_http._tcp.db.shop IN SRV 0 0 80 db-0.db.shop",
        "_http._tcp.db.shop IN SRV 0 0 80 db-1.db.shop",
        "_sql._tcp.db.shop IN SRV 0 0 3306 db-0.db.shop",
        "_sql._tcp.db.shop IN SRV 0 0 3306 db-1.db.shop",
    ]


def test_srv_has_the_port_of_the_endpoint() -> None:
    moved = endpoint_slice("db", endpoint("10.1.0.1", hostname="db-0"), ports=(port("sql", 13306),))
    assert "_sql._tcp.db.shop IN SRV 0 0 13306 db-0.db.shop" in lines(zone([headless("db", SQL)], [moved]))


def test_slices_with_different_ports() -> None:
    first = endpoint_slice("db", endpoint("10.1.0.1", hostname="db-0"), ports=(SQL,), name="first")
    second = endpoint_slice("db", endpoint("10.1.0.2", hostname="db-1"), ports=(HTTP,), name="second")
    assert lines(zone([headless("db", SQL, HTTP)], [first, second])) == [
        "db.shop IN A 10.1.0.1",
        "db.shop IN A 10.1.0.2",
        "; db.shop IN AAAA NODATA",
        "; db.shop IN CNAME NODATA",
        "_http._tcp.db.shop IN SRV 0 0 80 db-1.db.shop",
        "_sql._tcp.db.shop IN SRV 0 0 3306 db-0.db.shop",
        "db-0.db.shop IN A 10.1.0.1",
        "; db-0.db.shop IN AAAA NODATA",
        "db-1.db.shop IN A 10.1.0.2",
        "; db-1.db.shop IN AAAA NODATA",
    ]


def test_a_port_that_no_endpoint_has_is_no_name_and_one_that_the_service_lacks_is_left_open() -> None:
    found = zone(
        [headless("db", SQL)], [endpoint_slice("db", endpoint("10.1.0.1", hostname="db-0"), ports=(HTTP,))]
    )
    assert "; _sql._tcp.db.shop IN ANY NXDOMAIN" in lines(found)
    assert "; _http._tcp.db.shop IN SRV" in lines(found)
    assert (
        found.expectation(Question("_http._tcp.db.shop.svc.cluster.local", "SRV")).presence
        is Presence.LEFT_OPEN
    )


@pytest.mark.parametrize("ports", [(), (port("", 80),)])
def test_ports_without_name_have_no_srv_record(ports: tuple[Object, ...]) -> None:
    found = zone(
        [headless("db", *ports)], [endpoint_slice("db", endpoint("10.1.0.1", hostname="db-0"), ports=ports)]
    )
    assert "db.shop IN A 10.1.0.1" in lines(found)
    assert not any("SRV" in line for line in lines(found))
    assert ("; _80._tcp.db.shop IN ANY NXDOMAIN" in lines(found)) == bool(ports)


def test_a_port_without_number_is_left_open() -> None:
    listed = endpoint_slice("db", endpoint("10.1.0.1", hostname="db-0"))
    listed["ports"] = [{"name": "sql"}]
    found = zone([headless("db", SQL)], [listed])
    assert (
        found.expectation(Question("_sql._tcp.db.shop.svc.cluster.local", "SRV")).presence
        is Presence.LEFT_OPEN
    )


def test_both_families() -> None:
    four = endpoint_slice("db", endpoint("10.1.0.1", hostname="db-0"), endpoint("10.1.0.2"), ports=(SQL,))
    six = endpoint_slice(
        "db", endpoint("fd00::1", hostname="db-0"), endpoint("fd00::2"), ports=(SQL,), name="six"
    )
    found = zone([headless("db", SQL)], [four, six])
    assert lines(found) == [
        "db.shop IN A 10.1.0.1",
        "db.shop IN A 10.1.0.2",
        "db.shop IN AAAA fd00::1",
        "db.shop IN AAAA fd00::2",
        "; db.shop IN CNAME NODATA",
        "_sql._tcp.db.shop IN SRV 0 0 3306 db-0.db.shop",
        "; _sql._tcp.db.shop IN SRV 0 0 3306 <label>.db.shop",
        "db-0.db.shop IN A 10.1.0.1",
        "db-0.db.shop IN AAAA fd00::1",
    ]
    nibbles = ".".join("100000000000000000000000000000df")
    assert f"{nibbles}.ip6.arpa. IN PTR db-0.db.shop" in reverse_lines(found)
    assert "; 1 to 2, R14, label: R1" in zone_text(found.expectations.values())


def test_one_hostname_with_several_addresses() -> None:
    endpoints = [endpoint("10.1.0.1", hostname="db-0"), endpoint("10.1.0.2", hostname="db-0")]
    found = zone([headless("db", SQL)], [endpoint_slice("db", *endpoints, ports=(SQL,))])
    assert lines(found)[4:] == [
        "_sql._tcp.db.shop IN SRV 0 0 3306 db-0.db.shop",
        "db-0.db.shop IN A 10.1.0.1",
        "db-0.db.shop IN A 10.1.0.2",
        "; db-0.db.shop IN AAAA NODATA",
    ]


def test_one_address_with_several_hostnames_is_in_the_set_of_the_service_once() -> None:
    endpoints = [endpoint("10.1.0.1", hostname="db-0"), endpoint("10.1.0.1", hostname="db-1")]
    found = zone([headless("db")], [endpoint_slice("db", *endpoints)])
    assert lines(found)[:2] == ["db.shop IN A 10.1.0.1", "; db.shop IN AAAA NODATA"]
    assert reverse_lines(found) == [
        "1.0.1.10.in-addr.arpa. IN PTR db-0.db.shop",
        "1.0.1.10.in-addr.arpa. IN PTR db-1.db.shop",
    ]


def test_an_endpoint_of_several_services_has_a_pointer_to_each_headless_one() -> None:
    services = [headless("db"), headless("metrics"), ordinary("read", ["10.96.0.1"], SQL)]
    slices = [
        endpoint_slice("db", endpoint("10.1.0.1", hostname="db-0")),
        endpoint_slice("metrics", endpoint("10.1.0.1")),
        endpoint_slice("read", endpoint("10.1.0.1")),
    ]
    assert reverse_lines(zone(services, slices))[:-1] == [
        "1.0.1.10.in-addr.arpa. IN PTR db-0.db.shop",
        "; 1.0.1.10.in-addr.arpa. IN PTR <label>.metrics.shop",
        "; 1.0.1.10.in-addr.arpa. IN PTR <label>.read.shop",
    ]


def test_addresses_after_the_first_of_an_endpoint_may_have_records() -> None:
    found = zone([headless("db")], [endpoint_slice("db", endpoint("10.1.0.1", "10.1.0.2", hostname="db-0"))])
    assert lines(found)[:2] == ["db.shop IN A 10.1.0.1", "; db.shop IN A 10.1.0.2"]
    assert reverse_lines(found)[1] == "; 2.0.1.10.in-addr.arpa. IN PTR db-0.db.shop"


def test_a_service_name_of_63_characters() -> None:
    name = "s" * 63
    found = zone(
        [headless(name, SQL)], [endpoint_slice(name, endpoint("10.1.0.1", hostname="h" * 63), ports=(SQL,))]
    )
    assert f"_sql._tcp.{name}.shop IN SRV 0 0 3306 {'h' * 63}.{name}.shop" in lines(found)


def test_a_port_name_of_63_characters_fits_into_no_label() -> None:
    long = port("p" * 63, 80)
    found = zone(
        [headless("db", long), ordinary("web", ["10.96.0.9"], long)],
        [endpoint_slice("db", endpoint("10.1.0.1"), ports=(long,))],
    )
    assert not any("SRV" in line for line in lines(found))


@pytest.mark.parametrize("domain", ["cluster.local", "cluster.local.", "Cluster.LOCAL"])
def test_the_domain_can_be_written_in_any_way(domain: str) -> None:
    found = zone_of([ordinary("web", ["10.96.0.9"], HTTP)], [], domain=domain)
    assert found.expectation(Question("WEB.shop.svc.cluster.local", "A")).presence is Presence.DEMANDED
