"""`make check` reads an existing StatefulSet and finds each kind of disagreement, without writing anything."""

from __future__ import annotations

import copy
from typing import Any

import dns.message
import dns.name
import dns.rcode
import dns.rrset
import pytest
from kubernetes.client.exceptions import ApiException

from headless_conformance.cluster.dns_client import Answer, Server, Transport
from headless_conformance.cluster.kube import Object
from headless_conformance.core.errors import UserError
from headless_conformance.providers.existing.connection import Connection
from headless_conformance.requirements.register import load
from headless_conformance.results.verdict import Outcome
from headless_conformance.run import check as checking
from headless_conformance.run.check import CHECKS, Finding, Subject, check, look, status_of

DOMAIN = "kube.local"
SERVICE_NAME = f"db.shop.svc.{DOMAIN}."
POD_ADDRESSES = {"orders-0": "198.51.100.7", "orders-1": "198.51.100.8"}


def pod(name: str, address: str) -> Object:
    return {
        "metadata": {
            "name": name,
            "uid": f"uid-{name}",
            "ownerReferences": [{"uid": "set"}],
            "labels": {"app": "orders"},
        },
        "spec": {"hostname": name, "subdomain": "db"},
        "status": {"podIPs": [{"ip": address}], "conditions": [{"type": "Ready", "status": "True"}]},
    }


def healthy() -> dict[str, Any]:
    endpoints = [
        {
            "addresses": [address],
            "conditions": {"ready": True},
            "hostname": name,
            "targetRef": {"uid": f"uid-{name}"},
        }
        for name, address in POD_ADDRESSES.items()
    ]
    return {
        "StatefulSet": {
            "metadata": {"uid": "set"},
            "spec": {
                "serviceName": "db",
                "replicas": 2,
                "template": {"metadata": {"labels": {"app": "orders", "tier": "db"}}},
            },
        },
        "Service": {
            "spec": {
                "clusterIP": "None",
                "clusterIPs": ["None"],
                "type": "ClusterIP",
                "selector": {"app": "orders"},
                "ipFamilies": ["IPv4"],
            }
        },
        "Pod": [pod(name, address) for name, address in POD_ADDRESSES.items()],
        "EndpointSlice": [{"addressType": "IPv4", "endpoints": endpoints}],
        "records": {
            (SERVICE_NAME, "A"): list(POD_ADDRESSES.values()),
            **{(f"{name}.{SERVICE_NAME}", "A"): [address] for name, address in POD_ADDRESSES.items()},
            **{
                (str(dns.reversename.from_address(address)), "PTR"): [f"{name}.{SERVICE_NAME}"]
                for name, address in POD_ADDRESSES.items()
            },
        },
    }


class ReadOnly:
    """A cluster that can be read; it has no method that writes."""

    def __init__(self, world: dict[str, Any]) -> None:
        self.world = world

    def get(self, kind: str, namespace: str, name: str) -> Object:
        if self.world[kind] is None:
            raise ApiException(status=404, reason="not found")
        if isinstance(self.world[kind], Exception):
            raise self.world[kind]
        return dict(self.world[kind])

    def list(self, kind: str, namespace: str, **_: str) -> list[Object]:
        return list(self.world[kind])


def findings(world: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Finding]:
    def ask(name: str, rdtype: str) -> list[Answer]:
        query = dns.message.make_query(dns.name.from_text(name), rdtype)
        answer = dns.message.make_response(query)
        found = world["records"].get((name, rdtype))
        if found:
            answer.answer.append(dns.rrset.from_text(name, 5, "IN", rdtype, *found))
        else:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return [Answer(name, rdtype, Server("coredns-1", "198.51.100.53"), Transport.TCP, answer)]

    monkeypatch.setattr(checking, "AT_REST_TIMEOUT", 0.05)
    subject = Subject(ReadOnly(world), "shop", "orders", DOMAIN, ask)  # type: ignore[arg-type]
    return {finding.requirement: finding for finding in look(subject)}


def test_a_healthy_set_passes_every_check(monkeypatch: pytest.MonkeyPatch) -> None:
    found = findings(healthy(), monkeypatch)
    assert {finding.outcome for finding in found.values()} == {Outcome.PASSED}
    assert status_of(list(found.values())) == 0


def change(path: list[Any], value: Any) -> dict[str, Any]:
    world = copy.deepcopy(healthy())
    place = world
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return world


@pytest.mark.parametrize(
    ("path", "value", "requirement", "names"),
    [
        (["Service"], None, "SEED-HLS-03", "no Service db"),
        (["Service", "spec", "clusterIP"], "198.51.100.99", "SEED-HLS-03", "198.51.100.99"),
        (["Service", "spec", "selector"], {"app": "other"}, "SEED-DSC-05", "other"),
        (["Pod", 1, "metadata", "name"], "orders-7", "SEED-NID-01", "orders-7"),
        (["Pod", 0, "spec", "subdomain"], "elsewhere", "SEED-NID-01", "elsewhere"),
        (["EndpointSlice", 0, "endpoints", 0, "addresses"], ["198.51.100.66"], "SEED-XC-01", "198.51.100.66"),
        (["EndpointSlice", 0, "endpoints", 0, "hostname"], "stranger", "SEED-XC-01", "stranger"),
        (["records", (SERVICE_NAME, "A")], ["198.51.100.7"], "SEED-NID-03", "198.51.100.8"),
        (["records", (f"orders-0.{SERVICE_NAME}", "A")], ["198.51.100.8"], "SEED-NID-05", "orders-0"),
        (
            ["records", (f"orders-2.{SERVICE_NAME}", "A")],
            ["198.51.100.9"],
            "SEED-NID-05",
            f"expected NXDOMAIN, came orders-2.{SERVICE_NAME}",
        ),
        (
            ["records", ("7.100.51.198.in-addr.arpa.", "PTR")],
            [f"other.{SERVICE_NAME}"],
            "SEED-NSL-10",
            "7.100.51.198",
        ),
    ],
)
def test_each_disagreement_fails_the_claim_that_it_is_about(
    path: list[Any], value: Any, requirement: str, names: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = findings(change(path, value), monkeypatch)
    assert found[requirement].outcome is Outcome.FAILED, found[requirement]
    assert names in found[requirement].reason
    assert status_of(list(found.values())) == 1


def test_a_pod_that_is_not_ready_has_no_name_unless_its_service_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = change(["Pod", 1, "status", "conditions"], [])
    assert findings(world, monkeypatch)["SEED-NID-03"].outcome is Outcome.FAILED
    world["Service"]["spec"]["publishNotReadyAddresses"] = True
    assert findings(world, monkeypatch)["SEED-NID-03"].outcome is Outcome.PASSED


def test_what_the_account_may_not_see_is_not_supported(monkeypatch: pytest.MonkeyPatch) -> None:
    found = findings(
        change(["Service"], ApiException(status=403, reason="services is forbidden")), monkeypatch
    )
    assert found["SEED-HLS-03"].outcome is Outcome.NOT_SUPPORTED
    assert "services is forbidden" in found["SEED-HLS-03"].reason


def test_a_cluster_domain_that_is_not_known_is_not_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "AT_REST_TIMEOUT", 0.05)
    subject = Subject(ReadOnly(healthy()), "shop", "orders", "", lambda *_: [])  # type: ignore[arg-type]
    found = {one.requirement: one for one in look(subject)}
    unknown = {requirement for requirement, one in found.items() if one.outcome is Outcome.NOT_SUPPORTED}
    assert unknown == {"SEED-NID-03", "SEED-NID-05", "SEED-NSL-10"}
    assert "CLUSTER_DOMAIN=" in found["SEED-NID-05"].reason


def test_nothing_seen_is_not_success() -> None:
    refused = Finding("SEED-HLS-03", "x", Outcome.NOT_SUPPORTED, "refused")
    assert status_of([refused]) == 2
    assert status_of([refused, Finding("SEED-NID-03", "x", Outcome.PASSED)]) == 0
    assert status_of([Finding("SEED-NID-03", "x", Outcome.ERROR, "no answer")]) == 2


@pytest.mark.parametrize("target", ["", "orders", "/orders", "shop/"])
def test_a_target_is_a_namespace_and_a_name(target: str) -> None:
    with pytest.raises(UserError, match="TARGET=namespace/statefulset"):
        check(Connection(None, "c", "s"), target)  # type: ignore[arg-type]


def test_every_check_is_about_a_claim_of_the_register() -> None:
    assert {requirement for requirement, _, _ in CHECKS} <= load().requirements.keys()
