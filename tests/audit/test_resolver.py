"""What Pods are told about DNS: read in a Pod, else told by a kubelet, and never guessed."""

from __future__ import annotations

from typing import Any

import pytest

from headless_conformance.audit.checks import OF_DNS
from headless_conformance.audit.errors import (
    InspectionError,
    MissingRightError,
    NoSuchObjectError,
    PermanentError,
)
from headless_conformance.audit.execute import CommandOutput
from headless_conformance.audit.resolver import RESOLVER_SECONDS, Resolver, find_resolver, parse_resolv_conf
from headless_conformance.results.verdict import Outcome
from tests.audit.results import outcomes
from tests.audit.world import World

Object = dict[str, Any]
ADDRESS, OF_NEW_PODS = "10.96.0.10", "10.96.0.11"
RESOLV_CONF = """\
search shop.svc.cluster.local svc.cluster.local cluster.local lab.example
nameserver 10.96.0.10
options ndots:5
"""
KUBELET = {"kubeletconfig": {"clusterDNS": [OF_NEW_PODS], "clusterDomain": "cluster.local."}}
NO_CAT = PermanentError("exec failed: executable file not found in $PATH")
STARTING = NoSuchObjectError("the API server knows no /api/v1/namespaces/shop/pods/db-0/exec")
"""What a kubelet that has just started says of a Pod."""


@pytest.mark.parametrize(
    ("text", "servers", "domain"),
    [
        (RESOLV_CONF, ("10.96.0.10",), "cluster.local"),
        (
            "search shop.svc.corp.example. svc.corp.example.\nnameserver fd00::a\n",
            ("fd00::a",),
            "corp.example",
        ),
        ("nameserver 10.0.0.1\nnameserver 10.0.0.2\n# search shop.svc.x\n", ("10.0.0.1", "10.0.0.2"), ""),
        ("search other.svc.cluster.local\nnameserver nonsense\n", (), ""),
        ("", (), ""),
    ],
)
def test_a_resolv_conf_is_read(text: str, servers: tuple[str, ...], domain: str) -> None:
    found = parse_resolv_conf(text, "shop", "a Pod")
    assert (found.nameservers, found.domain) == (servers, domain)


def running(names: tuple[str, ...] = ("db-0", "db-1", "db-2")) -> list[Object]:
    return [
        {
            "metadata": {"name": name, "namespace": "shop"},
            "spec": {"nodeName": "node-1"},
            "status": {"containerStatuses": [{"name": "server", "state": {"running": {}}}]},
        }
        for name in names
    ]


class Pods:
    """What `cat /etc/resolv.conf` comes to, each time that it is tried; the last one goes on."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = world
        self.outcomes: list[str | Exception] = [RESOLV_CONF]
        self.tried: list[str] = []
        monkeypatch.setattr("headless_conformance.audit.resolver.execute", self._execute)
        world.answers["/api/v1/nodes/node-1/proxy/configz"] = KUBELET

    def _execute(self, _access: object, _namespace: str, pod: str, container: str, *_: object) -> Any:
        self.tried.append(f"{pod}/{container}")
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return CommandOutput(0, outcome, "")

    def find(self, nameserver: str = "", domain: str = "", pods: list[Object] | None = None) -> Resolver:
        found = running() if pods is None else pods
        return find_resolver(self.world, found, nameserver, domain, self.world.clock.pause)


@pytest.fixture
def pods(world: World, monkeypatch: pytest.MonkeyPatch) -> Pods:
    return Pods(world, monkeypatch)


def test_a_pod_without_cat_leads_to_the_next_one(pods: Pods) -> None:
    pods.outcomes = [NO_CAT, RESOLV_CONF]
    found = pods.find()
    assert (found.nameservers, found.domain, found.note) == ((ADDRESS,), "cluster.local", "")
    assert found.source == "/etc/resolv.conf of Pod shop/db-1"


def test_another_container_of_the_pod_may_have_cat(pods: Pods) -> None:
    pods.outcomes = [NO_CAT, RESOLV_CONF]
    (pod,) = running(("db-0",))
    pod["status"]["containerStatuses"].append({"name": "sidecar", "state": {"running": {}}})
    assert pods.find(pods=[pod]).nameservers == (ADDRESS,)
    assert pods.tried == ["db-0/server", "db-0/sidecar"]


def test_a_kubelet_that_is_starting_is_waited_for(pods: Pods) -> None:
    """What it gives to Pods that start now need not be what the Pods have that run."""
    pods.outcomes = [*[STARTING] * 5, RESOLV_CONF]
    found = pods.find()
    assert (found.nameservers, found.note) == ((ADDRESS,), "")
    assert 0 < pods.world.clock.waited < RESOLVER_SECONDS


def test_where_no_pod_can_be_looked_into_for_the_moment_nothing_is_guessed(pods: Pods) -> None:
    pods.outcomes = [NO_CAT, STARTING]
    with pytest.raises(InspectionError, match=r"could not be read for 10 s .*db-1.*knows no") as raised:
        pods.find()
    assert OF_NEW_PODS not in str(raised.value)
    assert RESOLVER_SECONDS <= pods.world.clock.waited < 2 * RESOLVER_SECONDS


def test_an_audit_that_cannot_tell_says_so_and_asks_no_server(pods: Pods) -> None:
    pods.outcomes = [STARTING]
    for pod in pods.world.objects["Pod"]:
        pod["status"]["containerStatuses"] = [{"name": "server", "state": {"running": {}}}]
    result = pods.world.audit(servers=(), domain="")
    assert {outcomes(result)[check] for check in OF_DNS} == {Outcome.ERROR}
    assert (result.status, result.dns_servers, result.questions) == (2, [], 0)
    reasons = {check.reason for check in result.targets[0].checks if check.outcome is Outcome.ERROR}
    assert all("--nameserver" in reason and "db-0" in reason for reason in reasons)


def test_where_no_pod_can_ever_be_looked_into_the_kubelet_is_asked_and_that_is_said(pods: Pods) -> None:
    pods.outcomes = [NO_CAT]
    found = pods.find()
    assert (found.nameservers, found.domain, found.source) == (
        (OF_NEW_PODS,),
        "cluster.local",
        "kubelet of node node-1",
    )
    assert "which Pods that run need not have" in found.note
    assert found.note.count("executable file not found") == len(pods.tried) == len(running())
    assert pods.world.clock.waited == 0


def test_a_right_that_is_missing_is_asked_for_once(pods: Pods) -> None:
    pods.outcomes = [MissingRightError("use pods/exec in namespace shop")]
    assert pods.find().source == "kubelet of node node-1"
    assert pods.tried == ["db-0/server"]


def test_without_a_pod_to_look_into_the_kubelet_is_all_there_is(pods: Pods) -> None:
    pods.world.answers["/api/v1/nodes"] = {"items": [{"metadata": {"name": "node-1"}}]}
    found = pods.find(pods=[])
    assert (found.nameservers, found.note) == ((OF_NEW_PODS,), "")


def test_what_cannot_be_found_out_is_said_with_every_reason(pods: Pods) -> None:
    pods.outcomes = [MissingRightError("use pods/exec in namespace shop")]
    pods.world.answers.clear()
    found = pods.find()
    assert (found.nameservers, found.domain) == ((), "")
    assert "pods/exec" in found.problems[0]
    assert "kubelet" in found.problems[1]


def test_what_the_person_says_wins(pods: Pods) -> None:
    found = pods.find(domain="corp.example.")
    assert (found.nameservers, found.domain) == ((ADDRESS,), "corp.example")
    both = pods.find(nameserver="10.0.0.9", domain="corp.example")
    assert (both.nameservers, both.domain, both.source) == (("10.0.0.9",), "corp.example", "as given")
    assert len(pods.tried) == 1
