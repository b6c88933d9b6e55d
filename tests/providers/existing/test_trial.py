"""One Pod for each image, before the tests: what keeps every Pod from running is one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from headless_conformance.cluster import pending
from headless_conformance.cluster.model import Cluster
from headless_conformance.core.errors import NotSupportedError, UserError
from headless_conformance.core.objects import Object
from headless_conformance.providers.existing import trial
from tests.cluster.stand_in import stand_in_cluster

IMAGES = {"mysql:8.4": "registry.example/mysql:8.4", "busybox:1.28": "busybox:1.28"}
ENDED = {"terminated": {"exitCode": 0}}


class FakeKube:
    """A cluster that refuses Pods of images, or leaves their containers in a state."""

    def __init__(self, states: dict[str, Any], refused: dict[str, NotSupportedError] | None = None) -> None:
        self.states, self._refused = states, refused or {}
        self.pods: dict[str, Object] = {}

    def create(self, namespace: str, pod: Object) -> None:
        image = pod["spec"]["containers"][0]["image"]
        if image in self._refused:
            raise self._refused[image]
        self.pods[pod["metadata"]["name"]] = pod

    def get(self, kind: str, namespace: str, name: str) -> Object:
        pod = self.pods[name]
        image = pod["spec"]["containers"][0]["image"]
        status = {
            "containerStatuses": [{"name": "c", "image": image, "state": self.states.get(image, ENDED)}]
        }
        metadata = {**pod["metadata"], "namespace": namespace, "uid": name}
        return {"metadata": metadata, "spec": {"nodeName": "node-1"}, "status": status}

    def list(self, kind: str, namespace: str) -> list[Object]:
        return [self.get(kind, namespace, name) for name in self.pods]

    def delete(self, kind: str, namespace: str, name: str) -> None:
        del self.pods[name]

    def last_warning(self, owner: Object) -> str:
        return ""


class FakeState:
    namespaces: list[str]

    def __init__(self, folder: Path, kube: object, cluster: Cluster, run: str) -> None:
        FakeState.namespaces = []
        self.cluster = cluster

    def write_address(self) -> None:
        pass

    @contextmanager
    def namespace(self, role: str) -> Iterator[str]:
        FakeState.namespaces.append(role)
        yield f"headless-{role}"
        FakeState.namespaces.append(f"{role} deleted")


def tried(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kube: FakeKube, **fields: Any
) -> tuple[Any, list[str]]:
    said: list[str] = []
    monkeypatch.setattr(trial, "Kube", lambda *_, **__: kube)
    monkeypatch.setattr(trial, "RunState", FakeState)
    monkeypatch.setattr(trial, "Outages", lambda *_, **__: None)
    monkeypatch.setattr(trial, "folder_of_cluster", lambda *_: tmp_path)
    return trial.try_images(stand_in_cluster(images=IMAGES, **fields), "run", said.append), said


def test_each_image_has_a_pod_that_asks_for_little_and_ends(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said_by_image = {"terminated": {"exitCode": 0, "message": "busybox 1.35.0 of Debian\n"}}
    kube = FakeKube({"busybox:1.28": said_by_image})
    found, _ = tried(monkeypatch, tmp_path, kube)
    assert found == {"busybox:1.28": "busybox 1.35.0 of Debian"}
    assert FakeState.namespaces == ["trial", "trial deleted"]
    images = {pod["spec"]["containers"][0]["image"] for pod in kube.pods.values()}
    assert images == set(IMAGES.values())
    for pod in kube.pods.values():
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
        assert pod["spec"]["restartPolicy"] == "Never"


QUOTA = NotSupportedError('this cluster refuses it: pods "x" is forbidden: exceeded quota: none')
POLICY = NotSupportedError('this cluster refuses it: admission webhook "v" denied the request: no registry')


@pytest.mark.parametrize("refusal", [QUOTA, POLICY], ids=["quota", "policy engine"])
def test_a_cluster_that_refuses_every_pod_is_one_sentence_with_its_words(
    refusal: NotSupportedError, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(
        UserError, match=r"No Pod of a run can be created: .*(exceeded quota|denied the request)"
    ):
        tried(monkeypatch, tmp_path, FakeKube({}, dict.fromkeys(IMAGES.values(), refusal)))


def test_what_is_refused_for_one_image_only_is_left_to_the_tests(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kube = FakeKube({}, {"busybox:1.28": POLICY})
    tried(monkeypatch, tmp_path, kube)
    assert len(kube.pods) == 1


def test_an_image_that_cannot_be_pulled_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(pending, "PATIENCE_SECONDS", 0.2)
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}
    with pytest.raises(UserError) as caught:
        tried(monkeypatch, tmp_path, FakeKube({"registry.example/mysql:8.4": waiting}))
    assert str(caught.value) == (
        "Image registry.example/mysql:8.4 cannot be pulled on node node-1: ImagePullBackOff: not found; "
        "see IMAGE_PREFIX= and IMAGES_FILE=."
    )


def test_pods_that_never_start_are_one_sentence_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(trial, "TRIAL_SECONDS", 0.3)
    waiting = {"waiting": {"reason": "CreateContainerError", "message": "no space left on device"}}
    with pytest.raises(UserError, match=r"did not start .* CreateContainerError: no space left on device"):
        tried(monkeypatch, tmp_path, FakeKube({"busybox:1.28": waiting}))


def test_in_the_only_namespace_nothing_of_the_trial_is_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kube = FakeKube({})
    kube.pods["theirs"] = {"metadata": {"name": "theirs"}, "spec": {"containers": [{"image": "x"}]}}
    tried(monkeypatch, tmp_path, kube, only_namespace="team")
    assert kube.pods.keys() == {"theirs"}
    assert FakeState.namespaces == []
    monkeypatch.setattr(pending, "PATIENCE_SECONDS", 0.2)
    kube.states["busybox:1.28"] = {"waiting": {"reason": "ErrImagePull", "message": "not found"}}
    with pytest.raises(UserError, match=r"busybox:1\.28 cannot be pulled"):
        tried(monkeypatch, tmp_path, kube, only_namespace="team")
    assert kube.pods.keys() == {"theirs"}
