"""The DNS servers that a test asks: those that there are now, and the ones that are waited for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headless_conformance.cluster import waiting
from headless_conformance.cluster.clients import DnsServers
from headless_conformance.cluster.dns_answer import Server
from headless_conformance.cluster.outages import DNS, Outages, OutageSnapshot
from headless_conformance.cluster.waiting import OutageError
from headless_conformance.core.objects import Object

SERVICE = Server("the Pods' name server", "10.96.0.10")


def dns_pod(name: str, address: str, *, ready: bool = True) -> Object:
    return {
        "metadata": {"name": name},
        "spec": {"nodeName": f"node-of-{name}", "containers": [{}]},
        "status": {"podIP": address, "conditions": [{"type": "Ready", "status": str(ready)}]},
    }


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


class FakeKube:
    """Lists these Pods, one list per look, the last for ever."""

    def __init__(self, *looks: list[Object], **dead: str) -> None:
        self.looks = list(looks)
        self.outages = FakeOutages(**dead)

    def list(self, kind: str, namespace: str, **query: str) -> list[Object]:
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]


def servers(kube: Any) -> DnsServers:
    return DnsServers(kube, SERVICE)


ONE, TWO = dns_pod("a", "10.0.0.1"), dns_pod("b", "10.0.0.2")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "SILENCE_SECONDS", 0.5)
    monkeypatch.setattr(waiting, "LONGEST_INTERVAL", 0.01)


def test_servers_that_are_replaced_are_waited_for() -> None:
    found = servers(FakeKube([], [dns_pod("a", "10.0.0.1", ready=False)], [ONE, TWO])).find()
    assert [server.address for server in found] == ["10.96.0.10", "10.0.0.1", "10.0.0.2"]


def test_servers_that_do_not_come_are_an_outage_and_no_failure() -> None:
    with pytest.raises(OutageError, match="no DNS server"):
        servers(FakeKube([], **{DNS: "no DNS server of the cluster is Ready"})).find()


def test_a_server_is_there_while_its_pod_is_ready_and_its_node_answers() -> None:
    kube = FakeKube([ONE, TWO])
    asked = servers(kube)
    service, first, second = asked.find()
    assert all(asked.are_there(server) for server in (service, first, second))
    kube.outages.dead = {"node node-of-b": "node node-of-b does not answer"}
    assert [asked.are_there(server) for server in (service, first, second)] == [False, True, False]
    kube.outages.dead, kube.looks = {}, [[TWO]]
    assert [asked.are_there(server) for server in (service, first, second)] == [False, False, True]
