"""What workers share: made once, its failure everybody's; nothing that is not ours is taken or removed."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

import pytest
from kubernetes.client.exceptions import ApiException

from headless_conformance.cluster import model, waiting
from headless_conformance.cluster.kube import Kube
from headless_conformance.cluster.shared import ADDRESS, RunState, SetUp, remove_created
from headless_conformance.cluster.waiting import ObservationError
from headless_conformance.core.errors import UserError
from headless_conformance.core.mismatch import Mismatch, Observation, Where
from headless_conformance.core.objects import Object
from tests.cluster.stand_in import stand_in_cluster


class FakeKube:
    """Remembers what is asked for; has the objects that it is given,
    each once per look when there are several."""

    def __init__(self, *objects: Object | None) -> None:
        self._objects = list(objects) or [None]
        self.deleted: list[tuple[str, ...]] = []
        self.created: list[tuple[str, bool]] = []
        """Kinds, and whether the run had its rights by then."""
        self.looks = 0

    def get(self, kind: str, namespace: str, name: str) -> Object:
        found = self._objects.pop(0) if len(self._objects) > 1 else self._objects[0]
        if found is None:
            raise ApiException(status=404, reason="not found")
        return found

    def request(self, method: str, path: str, body: Object | None = None) -> Object:
        if method == "DELETE":
            self.deleted.append((method, path))
        if body and body["kind"] == "SelfSubjectAccessReview":
            self.looks += 1
            return {"status": {"allowed": self.looks > 2}}
        return {}

    def list(self, kind: str, namespace: str, labelSelector: str) -> list[Object]:
        """One look's Pods: none where the object of that look is None."""
        found = self._objects.pop(0) if len(self._objects) > 1 else self._objects[0]
        return [] if found is None else [{"metadata": {"name": f"theirs-{labelSelector}"}}]

    def create(self, namespace: str, manifest: Object) -> None:
        self.created.append((manifest["kind"], self.looks > 2))

    def delete(self, kind: str, namespace: str, name: str) -> None:
        self.deleted.append((kind, namespace, name))


THERE: Object = {"metadata": {}}
LEAVING: Object = {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "INTERVAL", 0.001)


def shared(folder: Path, *objects: Object | None) -> RunState:
    return RunState(folder, cast(Kube, FakeKube(*objects)), stand_in_cluster(), "run-1")


def test_what_is_shared_is_made_once(tmp_path: Path) -> None:
    made: list[int] = []

    def make() -> int:
        made.append(1)
        return len(made)

    assert [shared(tmp_path).once("stack", make) for _ in range(3)] == [1, 1, 1]
    assert shared(tmp_path).once("another", make) == 2


@pytest.mark.parametrize("kind", [Mismatch, partial(ObservationError, "late")], ids=["mismatch", "error"])
def test_what_a_failure_says_as_fields_reaches_the_next_worker(
    kind: Callable[[Observation], Exception], tmp_path: Path
) -> None:
    seen = Observation("StatefulSet web: Ready Pods", "3", "web-0: Pending", Where(namespace="shop"), "log")

    def fail() -> None:
        raise kind(seen)

    with pytest.raises(type(kind(seen))):
        shared(tmp_path).once("stack", fail)
    with pytest.raises(ObservationError) as raised:
        shared(tmp_path).once("stack", fail)
    assert raised.value.observation == seen


def test_a_failure_is_not_tried_again_by_the_next_worker(tmp_path: Path) -> None:
    def fail() -> None:
        raise ObservationError("MySQL was not Ready within 180 s")

    with pytest.raises(ObservationError, match=r"^MySQL was not Ready"):
        shared(tmp_path).once("stack", fail)
    with pytest.raises(
        ObservationError,
        match="`stack` of this run failed: ObservationError: MySQL was not Ready within 180 s",
    ):
        shared(tmp_path).once("stack", lambda: None)


def test_what_is_begun_ahead_of_need_is_not_made_again(tmp_path: Path) -> None:
    made: list[str] = []

    def note(step: str) -> str:
        made.append(step)
        return step

    set_up = SetUp(
        shared(tmp_path), "stack", lambda: note("created"), lambda created: note(f"{created} and ready")
    )
    set_up.begin()
    assert made == ["created"]
    set_up.begin()
    assert set_up.created() == "created"
    assert [set_up.finished() for _ in range(2)] == ["created and ready"] * 2
    assert made == ["created", "created and ready"]


def test_a_failure_ahead_of_need_is_for_those_who_need_it(tmp_path: Path) -> None:
    def fail() -> None:
        raise UserError("Service nginx exists")

    set_up = SetUp(shared(tmp_path), "stack", fail, lambda _: "ready")
    set_up.begin()
    with pytest.raises(ObservationError, match="of this run failed: UserError: Service nginx exists"):
        set_up.finished()


def test_beginning_does_not_wait_for_another_worker(tmp_path: Path) -> None:
    def worker() -> None:
        shared(tmp_path).begin("stack", lambda: pytest.fail("made twice"))

    def first() -> str:
        thread = threading.Thread(target=worker)
        thread.start()
        thread.join(timeout=10)
        assert not thread.is_alive()
        return "made"

    assert shared(tmp_path).once("stack", first) == "made"


def test_a_namespace_for_a_role_is_created_once(tmp_path: Path) -> None:
    names = {shared(tmp_path).own_namespace("other") for _ in range(2)}
    assert len(names) == 1
    assert names.pop().startswith("headless-other-")


def test_an_object_that_is_there_is_not_taken(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Service nginx exists in namespace default and is not ours"):
        shared(tmp_path, THERE).reserve("Service", "default", "nginx")
    assert not list(tmp_path.iterdir())


def test_nothing_is_reserved_in_a_namespace_of_the_run(tmp_path: Path) -> None:
    ours = shared(tmp_path, THERE)
    own = ours.own_namespace("document")
    ours.reserve("Service", own, "nginx")
    ours.require_unselected(own, {"app": "mysql"})
    (line,) = (tmp_path / "created.jsonl").read_text().splitlines()
    assert json.loads(line)["name"] == own
    with pytest.raises(UserError, match="is not ours"):
        ours.reserve("Service", f"{own}-2", "nginx")


def test_an_object_on_its_way_out_is_waited_for(tmp_path: Path) -> None:
    shared(tmp_path, LEAVING, LEAVING, None).reserve("Service", "default", "nginx")
    (line,) = (tmp_path / "created.jsonl").read_text().splitlines()
    assert json.loads(line) == {"kind": "Service", "namespace": "default", "name": "nginx"}


def test_pods_that_the_documents_service_would_catch_are_waited_for_and_then_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "POD_READY_TIMEOUT", 0.05)
    shared(tmp_path, THERE, None).require_unselected("default", {"app": "mysql"})
    with pytest.raises(
        UserError, match=r"Pods in namespace default have the label app=mysql.*choose another NAMESPACE"
    ):
        shared(tmp_path, THERE).require_unselected("default", {"app": "mysql"})


def test_what_was_noted_is_removed_newest_first_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kube = FakeKube()
    monkeypatch.setattr("headless_conformance.cluster.shared.Kube", lambda *_arguments: kube)
    (tmp_path / ADDRESS).write_text(json.dumps({"kubeconfig": "kubeconfig", "kubectl": "kubectl"}))
    remove_created(tmp_path)
    assert kube.deleted == []
    noted = shared(tmp_path)
    noted.reserve("Secret", "default", "mysql-password")
    noted.reserve("StatefulSet", "default", "web")
    remove_created(tmp_path)
    assert kube.deleted == [("StatefulSet", "default", "web"), ("Secret", "default", "mysql-password")]


BEGINNING: tuple[Object, ...] = (
    {"kind": "RoleBinding", "metadata": {"name": "own"}},
    {"kind": "Secret", "metadata": {"name": "pull"}},
)


def on_a_cluster_of_theirs(folder: Path) -> tuple[RunState, FakeKube]:
    kube = FakeKube()
    return RunState(folder, cast(Kube, kube), stand_in_cluster(namespace_objects=BEGINNING), "run-1"), kube


@pytest.mark.parametrize("ends_with_run", [False, True])
def test_a_tests_namespace_goes_with_the_test_or_with_the_whole_cluster(
    tmp_path: Path, *, ends_with_run: bool
) -> None:
    kube = FakeKube()
    ours = RunState(tmp_path, cast(Kube, kube), stand_in_cluster(ends_with_run=ends_with_run), "run-1")
    with pytest.raises(AssertionError, match="failed"), ours.namespace("test") as name:
        raise AssertionError("failed")
    deleted = [("DELETE", f"/api/v1/namespaces/{name}")]
    assert kube.deleted == ([] if ends_with_run else deleted)


def test_a_secret_comes_when_the_rights_that_were_bound_are_known(tmp_path: Path) -> None:
    ours, kube = on_a_cluster_of_theirs(tmp_path)
    ours.create_namespace("test")
    assert kube.created == [("RoleBinding", False), ("Secret", True)]


def test_a_namespace_that_was_named_gets_the_secret_for_the_length_of_the_run(tmp_path: Path) -> None:
    ours, kube = on_a_cluster_of_theirs(tmp_path)
    ours.bring_secrets("shop")
    assert [kind for kind, _ in kube.created] == ["Secret"]
    assert json.loads((tmp_path / "created.jsonl").read_text()) == {
        "kind": "Secret",
        "namespace": "shop",
        "name": "pull",
    }
