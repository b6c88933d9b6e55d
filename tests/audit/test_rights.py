"""What is missing, by right or by mishap, costs the checks that need it and no others."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from headless_conformance.audit import AuditResult, DnsServer
from headless_conformance.audit import judging as judging_module
from headless_conformance.audit.checks import OF_DNS, Check
from headless_conformance.audit.errors import MissingRightError, SilentServerError, UnreachableApiError
from headless_conformance.results.verdict import Outcome
from tests.audit.dns_servers import FakeChannel
from tests.audit.objects import Object
from tests.audit.results import only
from tests.audit.world import SERVERS, World

PLURALS = {
    "Pod": "pods",
    "Service": "services",
    "EndpointSlice": "endpointslices",
    "StatefulSet": "statefulsets",
    "PersistentVolumeClaim": "persistentvolumeclaims",
}
OF_MANIFESTS = {Check.GOVERNING_SERVICE, Check.SELECTOR, Check.POD_NAMES, Check.HOST_NAMES}


def outcomes(result: AuditResult) -> dict[Check, Outcome]:
    (target,) = result.targets
    return {check.check: check.outcome for check in target.checks}


@pytest.mark.parametrize("kind", PLURALS)
def test_a_list_that_is_refused_is_not_supported_by_name(world: World, kind: str) -> None:
    world.refused[kind] = MissingRightError(f"list {PLURALS[kind]} in namespace shop")
    spec = world.find("StatefulSet", "db")["spec"]
    spec["volumeClaimTemplates"] = [{"metadata": {"name": "data"}}]
    spec["template"]["spec"]["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    for pod in world.objects["Pod"]:
        claim = f"data-{pod['metadata']['name']}"
        pod["spec"]["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]
        world.add("PersistentVolumeClaim", {"metadata": {"name": claim, "namespace": "shop"}})
    result = world.audit()
    found = outcomes(result)
    missing = {check for check, outcome in found.items() if outcome is Outcome.NOT_SUPPORTED}
    reasons = {check.reason for check in result.targets[0].checks if check.outcome is Outcome.NOT_SUPPORTED}
    assert reasons == {f"this account may not list {PLURALS[kind]} in namespace shop"}
    assert Outcome.FAILED not in found.values()
    expected = {
        "PersistentVolumeClaim": {Check.VOLUMES},
        "EndpointSlice": {Check.ENDPOINTS, *OF_DNS},
    }
    assert missing == expected.get(kind, set(found))
    assert result.status == (0 if kind == "PersistentVolumeClaim" else 2)


def test_without_port_forwards_dns_is_not_supported_and_the_rest_is_judged(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise MissingRightError("use pods/portforward in namespace kube-system")

    for server in world.dns.values():
        monkeypatch.setattr(server, "connect", refuse)
    result = world.audit()
    assert {outcomes(result)[check] for check in OF_DNS} == {Outcome.NOT_SUPPORTED}
    assert {outcomes(result)[check] for check in OF_MANIFESTS} == {Outcome.PASSED}
    assert result.status == 2


def test_without_pods_a_service_is_judged_by_its_records(world: World) -> None:
    world.refused["Pod"] = MissingRightError("list pods in namespace shop")
    result = world.audit("shop/svc/db-peers")
    found = outcomes(result)
    assert {check for check, outcome in found.items() if outcome is Outcome.NOT_SUPPORTED} == {
        Check.PORTS,
        Check.ENDPOINTS,
    }
    assert {found[check] for check in OF_DNS} == {Outcome.PASSED}


@pytest.mark.parametrize(
    ("function", "check"),
    [
        ("check_governing_service", Check.GOVERNING_SERVICE),
        ("check_selector", Check.SELECTOR),
        ("check_pod_names", Check.POD_NAMES),
        ("check_host_names", Check.HOST_NAMES),
        ("check_volumes", Check.VOLUMES),
        ("check_ports", Check.PORTS),
        ("check_endpoints", Check.ENDPOINTS),
    ],
)
def test_an_exception_in_one_check_is_that_check_s(
    world: World, monkeypatch: pytest.MonkeyPatch, function: str, check: Check
) -> None:
    def break_down(*_: object) -> None:
        raise KeyError("unexpected")

    monkeypatch.setattr(judging_module, function, break_down)
    found = outcomes(world.audit())
    assert found.pop(check) is Outcome.ERROR
    assert set(found.values()) == {Outcome.PASSED}


def test_an_api_server_that_stops_in_the_middle_leaves_what_was_found(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    down = UnreachableApiError("the API server https://test.example does not answer")
    server = world.dns[SERVERS[0]]
    connect = server.connect

    def and_then_stop() -> object:
        for kind in PLURALS:
            world.refused[kind] = down
        return connect()

    monkeypatch.setattr(server, "connect", and_then_stop)
    server.ttl = 30
    server.change = lambda question, answer: (
        answer
        if question.rdtype != "SRV"
        else world.answer(type(question)("absent.shop.svc.cluster.local", "A"))
    )
    result = world.audit()
    assert "does not answer" in result.problem
    assert outcomes(result)[Check.POD_NAMES] is Outcome.PASSED
    assert result.status == 2


@pytest.mark.parametrize("connections", [0, 1, 2, 3])
def test_no_dns_server_is_blamed_for_an_api_server_that_stands_still(
    world: World, monkeypatch: pytest.MonkeyPatch, connections: int
) -> None:
    """Port-forwards stand still with it, whichever connection is the first to see that: the greeting's, the
    first questions', that of a name nobody has, or that of the questions that are asked again."""
    down = UnreachableApiError("the API server https://test.example does not answer")
    get = world.get
    opened = dict.fromkeys(SERVERS, 0)

    def connect_to(server: DnsServer) -> Callable[[], FakeChannel]:
        connect = world.dns[server].connect

        def counted() -> FakeChannel:
            if opened[server] >= connections:
                raise SilentServerError("it accepts a connection and sends nothing for 4 s")
            opened[server] += 1
            return connect()

        return counted

    def answer(path: str, right: str, **query: str) -> Object:
        if all(count >= connections for count in opened.values()) and world.requests > 1:
            raise down
        return get(path, right, **query)

    for server in SERVERS:
        monkeypatch.setattr(world.dns[server], "connect", connect_to(server))
    monkeypatch.setattr(world, "get", answer)
    result = world.audit()
    assert "the API server https://test.example does not answer" in result.problem
    assert (result.findings, result.status) == ([], 2)
    assert outcomes(result)[Check.POD_NAMES] is Outcome.PASSED


@pytest.mark.parametrize("connections", [0, 1, 2, 3])
def test_a_server_that_falls_silent_is_named_whenever_that_happens(
    world: World, monkeypatch: pytest.MonkeyPatch, connections: int
) -> None:
    server = world.dns[SERVERS[0]]
    connect, opened = server.connect, [0]

    def counted() -> FakeChannel:
        opened[0] += 1
        if opened[0] > connections:
            raise SilentServerError("it accepts a connection and sends nothing for 4 s")
        return connect()

    monkeypatch.setattr(server, "connect", counted)
    result = world.audit()
    assert "kube-system/dns-1" in only(result).what
    found = outcomes(result)
    assert (only(result).outcome, found[Check.DNS_SERVERS]) == (Outcome.ERROR, Outcome.ERROR)
    assert found[Check.MEMBER_RECORDS] is Outcome.PASSED
    assert result.status == 2


def test_a_target_that_is_not_there_is_said_and_others_are_judged(world: World) -> None:
    result = world.audit("shop/db shop/other")
    first, second = result.targets
    assert {check.outcome for check in first.checks} == {Outcome.PASSED}
    assert {check.outcome for check in second.checks} == {Outcome.ERROR}
    assert "there is no StatefulSet shop/other" in second.checks[0].reason
    assert result.status == 2


def test_an_api_server_that_does_not_tell_its_version_is_audited(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str, right: str, **_: str) -> dict[str, object]:
        assert path == "/version"
        raise MissingRightError(right)

    monkeypatch.setattr(world, "get", refuse)
    result = world.audit()
    assert set(outcomes(result).values()) == {Outcome.PASSED}
    assert (result.problem, result.version, result.status) == ("", "", 0)
    assert result.notes == ["the version of Kubernetes is not known: this account may not read /version"]


def test_a_namespace_with_nothing_to_audit_is_said(world: World) -> None:
    result = world.audit("", namespace="empty")
    assert "no StatefulSet and no headless Service in namespace empty" in result.problem
    assert result.status == 2
