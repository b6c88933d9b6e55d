"""What is being deleted is on its way, whatever goes first: nothing about it is a finding."""

from __future__ import annotations

from typing import Any

import pytest

from headless_conformance.audit import AuditResult
from headless_conformance.audit.checks import Check
from headless_conformance.audit.errors import MissingRightError, NoSuchObjectError
from headless_conformance.audit.findings import BlamedComponent
from headless_conformance.results.verdict import Outcome
from tests.audit.objects import LONG_AGO, Object, headless, pod, stateful_set, unready
from tests.audit.results import only, outcomes
from tests.audit.world import World

NAMESPACE = "/api/v1/namespaces/shop"
UNDECLARED = [{"name": "data", "port": 5432, "targetPort": "postgres"}]


def leave(found: Object) -> None:
    found["metadata"]["deletionTimestamp"] = LONG_AGO


def remove_service(world: World) -> None:
    world.objects["Service"].remove(world.find("Service", "db-peers"))
    world.objects["EndpointSlice"] = []


def require_unjudged(result: AuditResult, waits_for: str) -> None:
    """Nothing is judged, nothing is a finding, and the audit could not tell."""
    assert set(outcomes(result).values()) == {Outcome.NOT_JUDGED}
    assert all(waits_for in check.reason for check in result.targets[0].checks)
    assert (result.findings, result.questions, result.status) == ([], 0, 2)


def without_service(world: World) -> None:
    remove_service(world)


def without_slices(world: World) -> None:
    world.objects["EndpointSlice"] = []


def without_claims(world: World) -> None:
    """The first to go are its PersistentVolumeClaims."""
    world.find("StatefulSet", "db")["spec"]["volumeClaimTemplates"] = [{"metadata": {"name": "data"}}]
    for found in world.objects["Pod"]:
        claim = f"data-{found['metadata']['name']}"
        found["spec"]["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]


def without_selector_labels(world: World) -> None:
    for found in world.objects["Pod"]:
        del found["metadata"]["labels"]["app"]


@pytest.mark.parametrize("go", [without_service, without_slices, without_claims, without_selector_labels])
def test_in_a_namespace_that_is_being_deleted_nothing_is_judged(world: World, go: Any) -> None:
    go(world)
    assert world.audit().status == 1
    world.answers[NAMESPACE] = {"metadata": {"name": "shop", "deletionTimestamp": LONG_AGO}}
    result = world.audit()
    require_unjudged(result, "namespace shop is being deleted, waits for its deletion")
    assert "3 of 3 members Ready" in result.targets[0].state


def test_a_namespace_that_has_gone_meanwhile_was_being_deleted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def get(path: str, right: str, **query: str) -> Object:
        if path == NAMESPACE:
            raise NoSuchObjectError(f"the API server knows no {path}")
        return World.get(world, path, right, **query)

    monkeypatch.setattr(world, "get", get)
    remove_service(world)
    require_unjudged(world.audit(), "namespace shop is being deleted")


def test_without_the_right_to_look_at_the_namespace_the_finding_stays_and_that_is_noted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def get(path: str, right: str, **query: str) -> Object:
        if path == NAMESPACE:
            raise MissingRightError(right)
        return World.get(world, path, right, **query)

    monkeypatch.setattr(world, "get", get)
    assert world.audit().targets[0].notes == ()
    remove_service(world)
    result = world.audit()
    assert only(result).check is Check.GOVERNING_SERVICE
    (note,) = result.targets[0].notes
    assert note.text == (
        "whether namespace shop is being deleted is not known: this account may not get namespaces"
    )


def test_a_healthy_audit_does_not_look_at_the_namespace(world: World) -> None:
    del world.answers[NAMESPACE]
    result = world.audit()
    assert (result.status, result.targets[0].notes) == (0, ())


@pytest.mark.parametrize("service", ["gone", "not headless", "wrong port"])
def test_a_set_that_is_being_deleted_has_no_findings(empty: World, service: str) -> None:
    empty.apply(
        headless(ports=UNDECLARED) if service == "wrong port" else headless(),
        stateful_set(template_spec={"hostNetwork": True}),
    )
    if service == "gone":
        remove_service(empty)
    if service == "not headless":
        empty.find("Service", "db-peers")["spec"] |= {"clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7"]}
    assert empty.audit().status == 1
    leave(empty.find("StatefulSet", "db"))
    require_unjudged(empty.audit(), "its deletion")


def test_while_its_governing_service_is_being_deleted_a_set_is_not_judged(world: World) -> None:
    leave(world.find("Service", "db-peers"))
    require_unjudged(world.audit(), "the deletion of Service shop/db-peers")
    require_unjudged(world.audit("shop/svc/db-peers"), "the deletion of Service shop/db-peers")


@pytest.mark.parametrize("target", ["shop/db", "shop/svc/db-peers"])
def test_the_manifest_of_a_service_that_is_being_deleted_is_no_finding(empty: World, target: str) -> None:
    empty.apply(headless(ports=UNDECLARED), stateful_set())
    assert only(empty.audit(target)).check is Check.PORTS
    leave(empty.find("Service", "db-peers"))
    assert empty.audit(target).findings == []


def test_the_manifest_of_the_set_that_stays_is_a_finding(empty: World) -> None:
    empty.apply(headless(ports=UNDECLARED), stateful_set(template_spec={"hostNetwork": True}))
    leave(empty.find("Service", "db-peers"))
    result = empty.audit()
    finding = only(result)
    assert (finding.component, finding.check) == (BlamedComponent.MANIFEST, Check.HOST_NAMES)
    others = {outcome for check, outcome in outcomes(result).items() if check is not Check.HOST_NAMES}
    assert others == {Outcome.NOT_JUDGED}


def test_a_member_s_name_that_a_pod_of_an_older_set_gives_up_is_no_finding(world: World) -> None:
    """A set that was deleted and created anew waits for the Pods of the former one."""
    former = world.find("Pod", "db-2")
    former["metadata"]["ownerReferences"] = [{"controller": True, "uid": "former set"}]
    assert only(world.audit()).check is Check.POD_NAMES
    leave(former)
    unready(former)
    world.write_slices()
    result = world.audit()
    assert (result.findings, result.status) == ([], 0)
    assert "2 of 3 members Ready" in result.targets[0].state


@pytest.mark.parametrize("target", ["shop/db", "shop/svc/db-peers"])
def test_pods_of_others_that_are_ending_are_not_held_against_the_service(world: World, target: str) -> None:
    """Such as those of a former version, which declared no port of that name."""
    world.find("Service", "db-peers")["spec"]["ports"][0]["targetPort"] = "data"
    former = pod("former", {"metadata": {"labels": {"app": "db"}}}, 9)
    world.add("Pod", former)
    world.write_slices()
    notes = world.audit(target).targets[0].notes
    assert any("former" in note.text for note in notes)
    leave(former)
    unready(former)
    world.write_slices()
    result = world.audit(target)
    assert (result.findings, result.targets[0].notes, result.status) == ([], (), 0)
