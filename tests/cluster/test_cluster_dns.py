"""Where a cluster's DNS is follows from what Pods are told to ask, whatever Services are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest
from kubernetes.client.exceptions import ApiException

from headless_conformance.cluster.cluster_dns import ClusterDns
from headless_conformance.cluster.kube import Kube
from headless_conformance.cluster.model import Capability
from headless_conformance.core.errors import NotSupportedError, not_supported
from headless_conformance.core.mismatch import Mismatch
from headless_conformance.core.objects import Object
from tests.cluster.stand_in import stand_in_cluster

KUBELETS = stand_in_cluster(capabilities=frozenset({Capability.KUBELET}))
SIMULATED = stand_in_cluster(capabilities=frozenset())
THEIRS = stand_in_cluster(ours=False, capabilities=frozenset({Capability.KUBELET}))


def service(namespace: str, name: str, address: str, *, port: int = 53, **metadata: Any) -> Object:
    ports = [
        {"name": f"{name}-udp", "port": port, "protocol": "UDP"},
        {"name": f"{name}-tcp", "port": port, "protocol": "TCP"},
    ]
    return {
        "metadata": {"namespace": namespace, "name": name, **metadata},
        "spec": {"clusterIP": address, "clusterIPs": [address], "ports": ports, "selector": {"dns": name}},
    }


def slice_of(found: Object, *pods: str, port: int) -> Object:
    ports = [{**one, "port": port} for one in found["spec"]["ports"]]
    endpoints = [
        {
            "addresses": [f"10.0.0.{number}"],
            "conditions": {"ready": True},
            "nodeName": f"node-{number}",
            "targetRef": {"kind": "Pod", "name": pod, "namespace": found["metadata"]["namespace"]},
        }
        for number, pod in enumerate(pods, start=1)
    ]
    return {"ports": ports, "endpoints": endpoints}


FIRST = service("kube-system", "kube-dns", "10.96.0.10", labels={"k8s-app": "kube-dns"})
SECOND = service("dns", "coredns-secondary", "10.96.0.11")
OTHER = service("default", "web", "10.96.0.50", port=80)
POD = {"spec": {"volumes": [{"name": "token"}, {"name": "config", "configMap": {"name": "dns-config"}}]}}


class FakeKube:
    """A cluster with these Services, whose kubelets hand out these name servers."""

    def __init__(self, *handed_out: list[str], services: list[Object], refused: tuple[str, ...] = ()) -> None:
        self.handed_out = {f"node-{number}": found for number, found in enumerate(handed_out)}
        self.services = services
        self.refused = refused
        self.slices: Mapping[str, Object] = {"kube-dns": slice_of(FIRST, "a", "b", port=8053)}
        self.objects: dict[tuple[str, str], Object] = {("Pod", "a"): POD}

    def request(self, method: str, path: str) -> Object:
        if path.endswith("configz"):
            found = self.handed_out[path.split("/")[4]]
            if not found:
                raise ApiException(status=503)
            return {"kubeletconfig": {"clusterDNS": found}}
        return {"items": [{"metadata": {"name": name}} for name in self.handed_out]}

    def list(self, kind: str, namespace: str, labelSelector: str = "") -> list[Object]:
        if kind in self.refused or f"{kind} in {namespace}" in self.refused:
            not_supported(f"this account is refused {kind}")
        if kind == "EndpointSlice":
            found = self.slices.get(labelSelector.rpartition("=")[2])
            return [found] if found else []
        return [one for one in self.services if namespace in ("", one["metadata"]["namespace"])]

    def get(self, kind: str, namespace: str, name: str) -> Object:
        try:
            return self.objects[kind, name]
        except KeyError:
            raise ApiException(status=404) from None


def dns_of(kube: FakeKube, cluster: Any = KUBELETS, resolver: str = "") -> ClusterDns:
    return ClusterDns(cast(Kube, kube), cluster, lambda: resolver)


def test_all_services_that_kubelets_hand_out_are_the_clusters_dns() -> None:
    found = dns_of(
        FakeKube(["10.96.0.10", "10.96.0.11"], ["10.96.0.11"], [], services=[FIRST, SECOND, OTHER])
    )
    assert found.addresses == found.asked == ["10.96.0.10", "10.96.0.11"]
    assert found.service_fqdn("10.96.0.11", "kube.local") == "coredns-secondary.dns.svc.kube.local."
    assert found.pods == [("kube-system", "dns=kube-dns"), ("dns", "dns=coredns-secondary")]


def test_an_address_that_no_dns_service_owns_is_none_of_the_clusters() -> None:
    found = dns_of(FakeKube(["10.96.0.10", "192.0.2.53", "10.96.0.50"], services=[FIRST, OTHER]))
    assert found.addresses == found.asked == ["10.96.0.10"]
    alone = dns_of(FakeKube(["192.0.2.53"], services=[FIRST, OTHER]))
    with pytest.raises(Mismatch, match=r"192\.0\.2\.53"):
        assert alone.addresses
    assert alone.asked == ["192.0.2.53"]


def test_what_stands_behind_a_cache_on_the_nodes_is_asked_too() -> None:
    found = dns_of(FakeKube(["169.254.20.10"], services=[FIRST, OTHER]))
    assert [one["metadata"]["name"] for one in found.services] == ["kube-dns"]
    with pytest.raises(NotSupportedError, match="cache"):
        assert found.addresses


def test_a_pod_of_the_persons_cluster_says_whom_it_asks() -> None:
    kube = FakeKube(services=[FIRST, SECOND], refused=("Service in ",))
    found = dns_of(kube, THEIRS, "nameserver 10.96.0.10\nnameserver 192.0.2.53\n")
    assert (found.addresses, found.asked) == (["10.96.0.10"], ["10.96.0.10", "192.0.2.53"])


def test_without_kubelets_the_dns_service_is_known_by_its_label_else_by_its_port() -> None:
    assert dns_of(FakeKube(services=[OTHER, FIRST, SECOND]), SIMULATED).addresses == ["10.96.0.10"]
    assert dns_of(FakeKube(services=[OTHER, SECOND]), SIMULATED).addresses == ["10.96.0.11"]


def test_servers_and_ports_are_those_of_the_endpoint_slices() -> None:
    servers = dns_of(FakeKube(["10.96.0.10"], services=[FIRST])).endpoints() or []
    assert [(one.pod, one.udp_port, one.tcp_port, one.node) for one in servers] == [
        ("a", 8053, 8053, "node-1"),
        ("b", 8053, 8053, "node-2"),
    ]


def test_servers_that_may_not_be_seen_are_not_none() -> None:
    kube = FakeKube(["10.96.0.10"], services=[FIRST], refused=("EndpointSlice",))
    assert dns_of(kube).endpoints() is None


def test_the_configuration_is_what_the_servers_have_mounted() -> None:
    kube = FakeKube(["10.96.0.10"], services=[FIRST])
    kube.objects["ConfigMap", "coredns"] = {"data": {"Corefile": ".:53 {\n cache 30\n}\n"}}
    own = {"data": {"Corefile": ".:8053 {\n cache 7\n}\n.:53 {\n cache 9\n}\n"}}
    kube.objects["ConfigMap", "dns-config"] = own
    assert [one.kept("a.", "success") for one in dns_of(kube).configurations] == [7]
    del kube.objects["ConfigMap", "dns-config"]
    assert [one.kept("a.", "success") for one in dns_of(kube).configurations] == [30]
    del kube.objects["ConfigMap", "coredns"]
    with pytest.raises(NotSupportedError, match="no ConfigMap"):
        assert dns_of(kube).configurations
