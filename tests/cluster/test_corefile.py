"""What a DNS server keeps is read from the server block and the zone that answer for a name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import pytest

from headless_conformance.cluster.corefile import DnsConfiguration

NAME, REVERSE = "db.default.svc.cluster.local.", "1.2.0.10.in-addr.arpa."

KUBEADM = """
.:53 {
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       endpoint_pod_names
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 {
       disable success cluster.local
       disable denial cluster.local
    }
}
"""
OLDER = KUBEADM.replace(
    " {\n       disable success cluster.local\n       disable denial cluster.local\n    }", ""
)
OTHER_ZONE = "example.org:53 {\n    cache 3600 {\n       disable success\n    }\n}\n"
SNIPPET = "(kept) {\n    cache 20 # seconds\n}\n"


def kept(
    corefile: str, name: str = NAME, *, port: int = 53, beside: Mapping[str, str] = MappingProxyType({})
) -> tuple[int, int]:
    found = DnsConfiguration({"Corefile": corefile, **beside}, port)
    return found.kept(name, "success"), found.kept(name, "denial")


@pytest.mark.parametrize(
    ("corefile", "name", "seconds"),
    [
        (KUBEADM, NAME, (0, 0)),
        (KUBEADM, REVERSE, (30, 30)),
        (OLDER, NAME, (30, 30)),
        (OLDER.replace("cache 30", "cache"), NAME, (30, 30)),
        (OLDER.replace("ttl 30", "ttl 60"), NAME, (30, 30)),
        (OLDER.replace("ttl 30", "ttl 0"), NAME, (5, 5)),
        (OLDER.replace("cache 30", "cache 10"), NAME, (10, 10)),
        (OLDER.replace("cache 30", "cache 30 example.org"), NAME, (0, 0)),
        (OLDER.replace("cache 30", "cache 30 cluster.local."), NAME, (30, 30)),
        (OLDER.replace("cache 30", "cache {\n success 9984 20\n denial 9984 7\n }"), NAME, (20, 7)),
        (OTHER_ZONE + OLDER, NAME, (30, 30)),
        (OTHER_ZONE + KUBEADM, NAME, (0, 0)),
        (OLDER + OTHER_ZONE, "www.example.org.", (0, 3600)),
        (OLDER + "cluster.local, svc.cluster.local:53 {\n kubernetes cluster.local\n}\n", NAME, (0, 0)),
        (OLDER.replace(":53", ":5353") + KUBEADM, NAME, (0, 0)),
        ("tls://.:53 {\n cache 9\n}\n" + KUBEADM, NAME, (0, 0)),
        (SNIPPET + KUBEADM.replace("    cache 30 {", "    import kept\n    loop {"), NAME, (20, 20)),
        ("10.0.0.0/8 {\n    cache 15\n}\n" + KUBEADM, REVERSE, (15, 15)),
    ],
)
def test_what_is_kept(corefile: str, name: str, seconds: tuple[int, int]) -> None:
    assert kept(corefile, name) == seconds


def test_the_port_on_which_the_servers_are_asked_decides() -> None:
    corefile = OLDER.replace(":53", ":8053") + OTHER_ZONE
    assert kept(corefile, port=8053) == (30, 30)
    assert kept(corefile) == (0, 0)


def test_files_beside_the_corefile_are_read_where_they_are_imported() -> None:
    corefile = KUBEADM.replace("    errors", "    import /etc/coredns/*.override").replace("cache 30", "loop")
    assert kept(corefile, beside={"kept.override": "cache 12\n", "other": "cache 9\n"}) == (12, 12)


def test_options_and_ttl_are_those_of_the_zone_that_answers() -> None:
    other = "cluster.example:53 {\n    kubernetes cluster.example {\n       ttl 7\n    }\n}\n"
    found = DnsConfiguration({"Corefile": other + KUBEADM})
    assert (found.ttl(NAME), found.ttl("db.cluster.example."), found.ttl("www.example.org.")) == (30, 7, None)
    assert found.has_option("endpoint_pod_names", NAME)
    assert not found.has_option("endpoint_pod_names", "db.cluster.example.")
