"""DNS servers on the platforms that people have, and what is said where there are none."""

from __future__ import annotations

from typing import Any

import pytest

from headless_conformance.audit import DnsServer
from headless_conformance.audit.discovery import DiscoveredServers, find_servers
from headless_conformance.audit.errors import InspectionError, MissingRightError
from headless_conformance.audit.findings import NoteKind
from tests.audit.objects import service
from tests.audit.world import World

Object = dict[str, Any]
ADDRESS = "10.96.0.10"


def dns_ports(udp: int | str = 53, tcp: int | str = 53) -> list[Object]:
    return [
        {"name": "dns-udp", "port": 53, "protocol": "UDP", "targetPort": udp},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": tcp},
        {"name": "metrics", "port": 9153, "protocol": "TCP"},
    ]


def add_dns(
    world: World, name: str, namespace: str, port: int, address: str = ADDRESS, **changes: Any
) -> None:
    """A DNS Service with two servers that listen on a port of their own."""
    spec = {"ports": dns_ports(), **changes}
    world.add("Service", service(name, {"dns": name}, namespace, clusterIP=address, **spec))
    endpoints = [
        {
            "addresses": [f"10.2.0.{number}"],
            "conditions": {"ready": True},
            "targetRef": {"kind": "Pod", "namespace": namespace, "name": f"{name}-{number}"},
        }
        for number in (1, 2)
    ]
    listed = {
        "metadata": {"name": name, "namespace": namespace, "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "ports": [{**found, "port": port if found["name"] != "metrics" else 9153} for found in spec["ports"]],
        "endpoints": endpoints,
    }
    world.add("EndpointSlice", listed)


def ask_for(world: World, *nameservers: str) -> DiscoveredServers:
    world.list_all = narrowed(world)  # type: ignore[method-assign]
    return find_servers(world, nameservers)


def narrowed(world: World) -> Any:
    """Lists with the selectors that discovery uses."""

    def list_all(kind: str, namespace: str = "", **query: str) -> list[Object]:
        found = World.list_all(world, kind, namespace)
        if "fieldSelector" in query:
            address = query["fieldSelector"].removeprefix("spec.clusterIP=")
            return [one for one in found if one["spec"].get("clusterIP") == address]
        if "labelSelector" in query:
            key, value = query["labelSelector"].split("=")
            return [one for one in found if one["metadata"].get("labels", {}).get(key) == value]
        return found

    return list_all


@pytest.mark.parametrize(
    ("name", "namespace", "port"),
    [
        ("kube-dns", "kube-system", 53),
        ("rke2-coredns-rke2-coredns", "kube-system", 53),
        ("kube-dns", "kube-system", 8053),
        ("dns-default", "openshift-dns", 5353),
        ("names", "infrastructure", 1053),
    ],
)
def test_the_owner_of_the_address_leads_to_the_servers(
    empty: World, name: str, namespace: str, port: int
) -> None:
    add_dns(empty, name, namespace, port)
    found = ask_for(empty, ADDRESS)
    assert [(one.pod, one.namespace, one.port) for one in found.servers] == [
        (f"{name}-1", namespace, port),
        (f"{name}-2", namespace, port),
    ]
    assert (found.services, found.problem, found.without_tcp) == ([f"{namespace}/{name}"], "", [])


def test_a_second_address_of_the_service_counts(empty: World) -> None:
    add_dns(empty, "kube-dns", "kube-system", 53)
    empty.find("Service", "kube-dns")["spec"]["clusterIPs"] = [ADDRESS, "fd00::a"]
    assert len(ask_for(empty, "fd00::a").servers) == 2


def test_a_second_dns_service_is_asked_too(empty: World) -> None:
    add_dns(empty, "coredns", "kube-system", 53)
    add_dns(empty, "coredns-secondary", "kube-system", 53, address="10.96.0.11")
    found = ask_for(empty, ADDRESS, "10.96.0.11")
    assert len(found.servers) == 4


def test_behind_a_cache_on_the_node_are_the_servers_of_dns_services(empty: World) -> None:
    add_dns(empty, "kube-dns-upstream", "kube-system", 53)
    found = ask_for(empty, "169.254.20.10")
    assert len(found.servers) == 2
    assert found.caches == ["169.254.20.10"]
    assert "169.254.20.10" in found.notes[0]


@pytest.mark.parametrize("address", ["169.254.169.254", "169.254.169.253"])
def test_the_address_of_a_clouds_dns_is_no_cache_of_the_node(empty: World, address: str) -> None:
    add_dns(empty, "kube-dns", "kube-system", 53)
    found = ask_for(empty, address)
    assert (found.servers, found.caches) == ([], [])
    assert "managed DNS" in found.problem


def test_a_cache_on_the_node_is_a_note_of_each_target(world: World) -> None:
    add_dns(world, "kube-dns-upstream", "kube-system", 53)
    for number, server in enumerate(list(world.dns.values()), start=1):
        name = f"kube-dns-upstream-{number}"
        world.dns[DnsServer(f"10.2.0.{number}", 53, "kube-system", name)] = server
    world.list_all = narrowed(world)  # type: ignore[method-assign]
    result = world.audit(servers=(), nameserver="169.254.20.10")
    assert result.status == 0
    (note,) = result.targets[0].notes
    assert (note.kind, note.of) == (NoteKind.CACHE_NOT_ASKED, "169.254.20.10")
    assert "not looked at" in note.text


def test_an_api_server_that_does_not_know_the_selector_is_asked_for_all(empty: World) -> None:
    """Before Kubernetes 1.31 no Service can be selected by its cluster IP."""
    add_dns(empty, "kube-dns", "kube-system", 53)
    lists = narrowed(empty)

    def older(kind: str, namespace: str = "", **query: str) -> list[Object]:
        if "fieldSelector" in query:
            raise InspectionError("the API server answers 400: field label not supported: spec.clusterIP")
        return list(lists(kind, namespace, **query))

    empty.list_all = older  # type: ignore[method-assign]
    found = find_servers(empty, [ADDRESS])
    assert (len(found.servers), found.problem) == (2, "")


def test_a_managed_dns_without_pods_is_said(empty: World) -> None:
    found = ask_for(empty, "198.51.100.53")
    assert found.servers == []
    assert "managed DNS" in found.problem


def test_servers_that_are_no_pods_are_said(empty: World) -> None:
    add_dns(empty, "kube-dns", "kube-system", 53)
    for endpoint in empty.find("EndpointSlice", "kube-dns")["endpoints"]:
        del endpoint["targetRef"]
    assert "10.2.0.1, 10.2.0.2" in ask_for(empty, ADDRESS).problem


def test_servers_that_are_not_ready_are_not_asked(empty: World) -> None:
    add_dns(empty, "kube-dns", "kube-system", 53)
    empty.find("EndpointSlice", "kube-dns")["endpoints"][0]["conditions"]["ready"] = False
    found = ask_for(empty, ADDRESS)
    assert [one.pod for one in found.servers] == ["kube-dns-2"]
    assert "kube-dns-1" in found.notes[0]


def test_a_dns_service_without_tcp_is_remembered(empty: World) -> None:
    add_dns(empty, "kube-dns", "kube-system", 53, ports=dns_ports()[:1])
    found = ask_for(empty, ADDRESS)
    assert found.without_tcp == ["kube-system/kube-dns"]
    assert len(found.servers) == 2


def test_an_account_that_may_not_list_services_is_told_which_right_it_lacks(empty: World) -> None:
    empty.refused["Service"] = MissingRightError("list services in all namespaces")
    assert "list services in all namespaces" in find_servers(empty, [ADDRESS]).problem
