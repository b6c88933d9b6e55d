"""The DNS servers that a test asks: those that there are now, and the ones that are waited for."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from headless_conformance.cluster import waiting
from headless_conformance.cluster.clients import DnsServers, name_servers
from headless_conformance.cluster.dns_answer import Transport
from headless_conformance.cluster.dns_services import DnsEndpoint
from headless_conformance.cluster.outages import DNS, Outages, OutageSnapshot
from headless_conformance.cluster.waiting import OutageError


def dns_server(name: str, address: str) -> DnsEndpoint:
    return DnsEndpoint(address, 8053, 8054, "kube-system", name, f"node-of-{name}")


class FakeOutages(Outages):
    """Of a cluster that had DNS servers, in which these parts are dead."""

    has_dns = True

    def __init__(self, **dead: str) -> None:
        super().__init__(Path("absent"), Path("absent"), kubelets=True)
        self.dead = dead

    def require_dns(self) -> None:
        """Nothing is known yet."""

    def look(self, waited: float = 0.0) -> OutageSnapshot:
        return OutageSnapshot(0.0, 0.0, self.dead)


class FakeDns:
    """Has these servers, one list per look, the last for ever."""

    asked: tuple[str, ...] = ("10.96.0.10",)

    def __init__(self, *looks: list[DnsEndpoint]) -> None:
        self.looks = list(looks)

    def endpoints(self) -> list[DnsEndpoint]:
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]


def servers(cluster_dns: Any, **dead: str) -> DnsServers:
    kube: Any = SimpleNamespace(outages=FakeOutages(**dead))
    return DnsServers(kube, cluster_dns, name_servers(cluster_dns))


ONE, TWO = dns_server("a", "10.0.0.1"), dns_server("b", "10.0.0.2")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "SILENCE_SECONDS", 0.5)
    monkeypatch.setattr(waiting, "LONGEST_INTERVAL", 0.01)


def test_servers_that_are_replaced_are_waited_for() -> None:
    found = servers(FakeDns([], [ONE, TWO])).find()
    assert [server.address for server in found] == ["10.0.0.1", "10.0.0.2", "10.96.0.10"]


def test_a_server_is_asked_where_its_endpoint_slice_says() -> None:
    first, service = servers(FakeDns([ONE])).find()
    assert [first.port_over(transport) for transport in Transport] == [8053, 8054]
    assert [service.port_over(transport) for transport in Transport] == [53, 53]


def test_several_name_servers_are_told_apart() -> None:
    cluster_dns = FakeDns([ONE])
    cluster_dns.asked = ("10.96.0.10", "10.96.0.11")
    names = [server.name for server in servers(cluster_dns).services]
    assert names == ["the Pods' name server 1", "the Pods' name server 2"]


def test_servers_that_do_not_come_are_an_outage_and_no_failure() -> None:
    with pytest.raises(OutageError, match="no DNS server"):
        servers(FakeDns([]), **{DNS: "no DNS server of the cluster is Ready"}).find()


def test_a_server_is_there_while_it_is_ready_and_its_node_answers() -> None:
    cluster_dns = FakeDns([ONE, TWO])
    asked = servers(cluster_dns)
    first, second, service = asked.find()
    assert all(asked.are_there(server) for server in (service, first, second))
    asked.kube.outages = FakeOutages(**{"node node-of-b": "node node-of-b does not answer"})
    assert [asked.are_there(server) for server in (service, first, second)] == [False, True, False]
    asked.kube.outages, cluster_dns.looks = FakeOutages(), [[TWO]]
    assert [asked.are_there(server) for server in (service, first, second)] == [False, False, True]
