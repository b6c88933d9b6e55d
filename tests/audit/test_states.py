"""Sets on their way and manifests of every shape on which `make audit` went wrong, with its right result."""

from __future__ import annotations

import pytest

from headless_conformance.audit.checks import OF_DNS, Check
from headless_conformance.audit.findings import BlamedComponent, NoteKind
from headless_conformance.records import AnswerData, Question
from headless_conformance.results.verdict import Outcome
from tests.audit.objects import LONG_AGO, headless, pending, service, stateful_set, unready
from tests.audit.results import only, outcomes
from tests.audit.world import SERVERS, World

A_MINUTE_AGO = "2026-10-31T23:59:00Z"
"""By the clock of the world."""


@pytest.mark.parametrize("shape", ["draining", "first member", "rolling", "scaling", "changed", "deleted"])
def test_a_set_on_its_way_is_not_judged(world: World, shape: str) -> None:
    found = world.find("StatefulSet", "db")
    waits_for = {
        "draining": "db-2 to end",
        "first member": "db-0 (ContainerCreating)",
        "rolling": "db-2 (not Ready)",
        "scaling": "1 Pods to go",
        "changed": "the StatefulSet controller to take up the change",
        "deleted": "its deletion",
    }
    if shape == "draining":
        found["spec"]["replicas"] = 2
        world.find("Pod", "db-2")["metadata"]["deletionTimestamp"] = LONG_AGO
    if shape == "first member":
        world.objects["Pod"] = [world.find("Pod", "db-0")]
        world.find("Pod", "db-0")["status"]["containerStatuses"] = [
            {"state": {"waiting": {"reason": "ContainerCreating"}}}
        ]
        unready(world.find("Pod", "db-0"))
    if shape == "rolling":
        found["status"] |= {"currentRevision": "a", "updateRevision": "b", "updatedReplicas": 1}
        world.find("Pod", "db-2")["metadata"]["creationTimestamp"] = A_MINUTE_AGO
        unready(world.find("Pod", "db-2"))
    if shape == "scaling":
        found["spec"]["replicas"] = 2
    if shape == "changed":
        found["metadata"]["generation"] = 2
    if shape == "deleted":
        found["metadata"]["deletionTimestamp"] = LONG_AGO
    world.write_slices()
    result = world.audit()
    assert set(outcomes(result).values()) == {Outcome.NOT_JUDGED}
    assert (result.findings, result.status) == ([], 2)
    assert all(waits_for[shape] in check.reason for check in result.targets[0].checks)


def test_the_ready_members_of_a_rollout_that_stands_still_are_judged(world: World) -> None:
    world.find("StatefulSet", "db")["status"] |= {
        "currentRevision": "a",
        "updateRevision": "b",
        "updatedReplicas": 1,
    }
    unready(world.find("Pod", "db-2"), "CrashLoopBackOff")
    world.write_slices()
    result = world.audit()
    assert outcomes(result)[Check.MEMBER_RECORDS] is Outcome.PASSED
    assert "rolling, 1 of 3 members updated; nothing changed for" in result.targets[0].state
    assert [str(note) for note in result.targets[0].notes] == ["not judged: db-2 (CrashLoopBackOff)"]
    for server in world.dns.values():
        server.change = lambda question, answer: (
            AnswerData("NXDOMAIN") if question.name.startswith("db-1.") else answer
        )
    assert world.audit().status == 1


def test_a_set_that_drains_for_long_says_for_how_long(world: World) -> None:
    world.find("Pod", "db-2")["metadata"]["deletionTimestamp"] = LONG_AGO
    world.write_slices()
    result = world.audit()
    assert "draining; nothing changed for" in result.targets[0].state
    assert set(outcomes(result).values()) == {Outcome.NOT_JUDGED}


@pytest.mark.parametrize("target", ["shop/db", "shop/svc/db-peers"])
def test_a_service_of_a_family_that_its_pods_have_not_is_a_wrong_manifest(empty: World, target: str) -> None:
    empty.apply(headless(ipFamilies=["IPv6"]), stateful_set())
    empty.objects["EndpointSlice"] = []
    result = empty.audit(target)
    finding = only(result)
    assert (finding.component, finding.outcome) == (BlamedComponent.MANIFEST, Outcome.FAILED)
    assert "ipFamilies IPv6" in finding.summary
    assert "db-0: 10.1." in finding.seen
    assert result.status == 1


def test_one_member_without_an_address_of_the_service_s_family_is_named(empty: World) -> None:
    empty.apply(headless(), stateful_set())
    empty.find("Pod", "db-1")["status"]["podIPs"] = [{"ip": "fd00::1"}]
    for listed in empty.objects["EndpointSlice"]:
        listed["endpoints"] = [one for one in listed["endpoints"] if one["targetRef"]["name"] != "db-1"]
    finding = only(empty.audit())
    assert (finding.component, finding.seen) == (BlamedComponent.MANIFEST, "db-1: fd00::1")


def test_a_partition_and_on_delete_are_no_rollout(world: World) -> None:
    found = world.find("StatefulSet", "db")
    found["status"] |= {"currentRevision": "a", "updateRevision": "b", "updatedReplicas": 1}
    found["spec"]["updateStrategy"] = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    assert world.audit().status == 0
    found["spec"]["updateStrategy"] = {"type": "OnDelete"}
    assert world.audit().status == 0


def test_a_wrong_manifest_is_a_finding_on_the_way_too(world: World) -> None:
    world.find("StatefulSet", "db")["spec"]["serviceName"] = "elsewhere"
    for found in world.objects["Pod"]:
        pending(found)
    finding = only(world.audit())
    assert (finding.component, finding.check) == (BlamedComponent.MANIFEST, Check.GOVERNING_SERVICE)
    assert "shop/elsewhere does not exist" in finding.summary


def test_the_service_that_was_likely_meant_is_named(world: World) -> None:
    world.find("StatefulSet", "db")["spec"]["serviceName"] = "elsewhere"
    for found in world.objects["Pod"]:
        found["spec"]["subdomain"] = "elsewhere"
    world.write_slices()
    finding = only(world.audit())
    assert "the headless Service db-peers selects the members" in finding.seen
    assert finding.consequences[0] == "no member has a DNS name"


def test_waiting_ends_when_the_set_is_at_rest(world: World) -> None:
    unready(world.find("Pod", "db-2"))
    world.write_slices()

    def becomes_ready() -> None:
        world.find("Pod", "db-2")["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
        world.write_slices()

    world.later.append((60, becomes_ready))
    result = world.audit(wait_seconds=300)
    assert result.targets[0].state == "3 of 3 members Ready"
    assert 60 <= world.clock.waited < 90


def test_two_members_on_one_host_network_have_one_address_once(empty: World) -> None:
    empty.apply(headless(), stateful_set(replicas=2, template_spec={"hostNetwork": True}))
    result = empty.audit()
    finding = only(result)
    assert (finding.component, finding.check) == (BlamedComponent.MANIFEST, Check.HOST_NAMES)
    assert {outcomes(result)[check] for check in OF_DNS} == {Outcome.PASSED}
    assert result.status == 1


@pytest.mark.parametrize("field", ["hostNetwork", "setHostnameAsFQDN", "hostnameOverride"])
def test_another_host_name_is_a_finding(empty: World, field: str) -> None:
    empty.apply(
        headless(),
        stateful_set(replicas=1, template_spec={field: "db" if field == "hostnameOverride" else True}),
    )
    result = empty.audit()
    assert field in only(result).summary
    assert result.status == 1


def test_a_port_name_that_no_container_declares_is_named(empty: World) -> None:
    ports = [{"name": "metrics", "port": 9187, "targetPort": "exporter"}, {"name": "data", "port": 5432}]
    empty.apply(headless(ports=ports), stateful_set())
    result = empty.audit()
    finding = only(result)
    assert (finding.component, finding.check) == (BlamedComponent.MANIFEST, Check.PORTS)
    assert "port metrics" in finding.summary
    assert "exporter" in finding.summary
    assert finding.consequences == ("no SRV record _metrics._tcp leads to these Pods",)
    assert result.status == 1


def two_sets_behind_one_service(world: World) -> None:
    """As Prometheus' operator has them: only one of the sets has the sidecar."""
    names = ("web", "grpc")
    ports = [{"name": name, "port": 9090 + number, "targetPort": name} for number, name in enumerate(names)]
    world.apply(headless("operated", {"part": "store"}, ports=ports))
    for name, declared in (("plain", names[:1]), ("sidecar", names)):
        own = [{"name": port, "containerPort": 9090 + number} for number, port in enumerate(declared)]
        world.apply(
            stateful_set(
                name,
                2,
                serviceName="operated",
                labels={"app": name, "part": "store"},
                template_spec={"containers": [{"name": "c", "ports": own}]},
            )
        )


@pytest.mark.parametrize("target", ["shop/plain", "shop/sidecar", "shop/svc/operated"])
def test_a_port_that_only_one_of_two_sets_has_is_noted(empty: World, target: str) -> None:
    two_sets_behind_one_service(empty)
    result = empty.audit(target)
    assert (result.findings, result.status) == ([], 0)
    assert outcomes(result)[Check.PORTS] is Outcome.PASSED
    (note,) = [note for note in result.targets[0].notes if note.kind is NoteKind.PORT_OF_SOME]
    assert "port grpc" in note.text
    assert note.text.endswith("only some of its Pods declare, and not plain-0, plain-1")


def test_a_port_that_neither_of_two_sets_has_is_a_finding(empty: World) -> None:
    two_sets_behind_one_service(empty)
    empty.find("Service", "operated")["spec"]["ports"][1]["targetPort"] = "gprc"
    empty.write_slices()
    for target in ("shop/plain", "shop/sidecar", "shop/svc/operated"):
        finding = only(empty.audit(target))
        assert (finding.component, finding.check) == (BlamedComponent.MANIFEST, Check.PORTS)
        assert "sidecar-1" in finding.seen


def test_a_set_without_governing_service_has_one_finding(empty: World) -> None:
    empty.apply(stateful_set(serviceName=None))
    result = empty.audit()
    assert "names no governing Service" in only(result).summary
    assert result.status == 1


@pytest.mark.parametrize(
    ("spec", "seen"),
    [
        ({"type": "ExternalName", "externalName": "x.example"}, "ExternalName"),
        ({"selector": {"app": "db"}, "ports": [{"port": 5432}]}, "10.96"),
    ],
    ids=["ExternalName", "cluster IP"],
)
def test_a_governing_service_that_is_not_headless_has_one_finding(
    empty: World, spec: dict[str, object], seen: str
) -> None:
    empty.apply({"kind": "Service", "metadata": {"name": "db-peers"}, "spec": spec}, stateful_set())
    result = empty.audit()
    finding = only(result)
    assert seen in finding.seen
    assert finding.check is Check.GOVERNING_SERVICE
    assert outcomes(result)[Check.MEMBER_RECORDS] is Outcome.FAILED
    assert result.status == 1


def test_service_of_another_kind_is_judged_by_its_records(world: World) -> None:
    world.add(
        "Service",
        service("front", {"app": "db"}, clusterIP="10.96.0.99", ports=[{"name": "sql", "port": 5432}]),
    )
    world.write_slices()
    assert world.audit("shop/svc/front").status == 0
    world.dns[SERVERS[0]].change = lambda question, answer: (
        AnswerData("NOERROR") if question == Question("front.shop.svc.cluster.local", "A") else answer
    )
    assert only(world.audit("shop/svc/front")).component is BlamedComponent.ONE_SERVER
