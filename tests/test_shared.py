"""What workers share: made once, its failure everybody's; and nothing that is not ours is taken or removed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest
from kubernetes.client.exceptions import ApiException

from conformance.errors import UserError
from fixtures import shared as module
from fixtures import waiting
from fixtures.kube import Kube, Object
from fixtures.providers import Cluster
from fixtures.shared import ADDRESS, Shared, remove_created
from fixtures.waiting import Unobserved


class FakeKube:
    """Remembers what is asked for; has the objects that it is given, each once per look when there are several."""

    def __init__(self, *objects: Object | None) -> None:
        self._objects = list(objects) or [None]
        self.deleted: list[tuple[str, ...]] = []

    def get(self, kind: str, namespace: str, name: str) -> Object:
        found = self._objects.pop(0) if len(self._objects) > 1 else self._objects[0]
        if found is None:
            raise ApiException(status=404, reason="not found")
        return found

    def request(self, method: str, path: str) -> Object:
        self.deleted.append((method, path))
        return {}

    def delete(self, kind: str, namespace: str, name: str) -> None:
        self.deleted.append((kind, namespace, name))


THERE: Object = {"metadata": {}}
LEAVING: Object = {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "INTERVAL", 0.001)


def shared(folder: Path, *objects: Object | None) -> Shared:
    return Shared(folder, cast(Kube, FakeKube(*objects)), cast(Cluster, None))


def test_what_is_shared_is_made_once(tmp_path: Path) -> None:
    made: list[int] = []

    def make() -> int:
        made.append(1)
        return len(made)

    assert [shared(tmp_path).once("stack", make) for _ in range(3)] == [1, 1, 1]
    assert shared(tmp_path).once("another", make) == 2


def test_a_failure_is_not_tried_again_by_the_next_worker(tmp_path: Path) -> None:
    def fail() -> None:
        raise Unobserved("MySQL was not Ready within 180 s")

    with pytest.raises(Unobserved, match=r"^MySQL was not Ready"):
        shared(tmp_path).once("stack", fail)
    with pytest.raises(Unobserved, match="failed in another worker: Unobserved: MySQL was not Ready within 180 s"):
        shared(tmp_path).once("stack", lambda: None)


def test_an_object_that_is_there_is_not_taken(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Service mysql-svc exists in namespace default and is not ours"):
        shared(tmp_path, THERE).claim("Service", "default", "mysql-svc")
    assert not list(tmp_path.iterdir())


def test_an_object_on_its_way_out_is_waited_for(tmp_path: Path) -> None:
    shared(tmp_path, LEAVING, LEAVING, None).claim("Service", "default", "mysql-svc")
    (line,) = (tmp_path / "created.jsonl").read_text().splitlines()
    assert json.loads(line) == {"kind": "Service", "namespace": "default", "name": "mysql-svc"}


def test_what_was_noted_is_removed_newest_first_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kube = FakeKube()
    monkeypatch.setattr(module, "Kube", lambda *_arguments: kube)
    (tmp_path / ADDRESS).write_text(json.dumps({"kubeconfig": "kubeconfig", "kubectl": "kubectl"}))
    remove_created(tmp_path)
    assert kube.deleted == []
    noted = shared(tmp_path)
    noted.claim("Secret", "default", "mysql-password")
    noted.claim("StatefulSet", "default", "mysql-sts")
    remove_created(tmp_path)
    assert kube.deleted == [("StatefulSet", "default", "mysql-sts"), ("Secret", "default", "mysql-password")]
