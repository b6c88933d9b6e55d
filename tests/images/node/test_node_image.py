"""The node image's parts and the choice between present, pulled and built, with no engine."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

import pytest
import yaml

import headless_conformance.images.node as node
import headless_conformance.images.node.build as node_build
from headless_conformance.core.errors import StepFailed, UserError
from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import Images, Settings, from_env
from headless_conformance.engine.engine import Engine
from headless_conformance.host import packages as host
from headless_conformance.images.node.build import reference_of
from headless_conformance.images.node.parts import (
    FILES,
    Parts,
    containerd_config,
    content_key_of,
    names_of,
    node_entrypoint,
    parts_of,
)
from headless_conformance.toolchain.go import Source

KIND_CONFIG = """version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "registry.k8s.io/pause:3.10"
  restrict_oom_score_adj = false
"""


def manifest(name: str) -> list[dict[str, Any]]:
    names = {"netd": "x/netd:1", "tools": "x/tools:1", "provisioner": "x/provisioner:1"}
    text = Template((FILES / f"{name}.yaml").read_text()).substitute(names)
    return list(yaml.safe_load_all(text.replace("{{ .PodSubnet }}", "192.0.2.0/24")))


@pytest.fixture
def settings() -> Settings:
    return from_env({})


def test_containerd_gets_the_rows_pause_image_and_can_start_pods_without_cap_sys_resource() -> None:
    changed = containerd_config(KIND_CONFIG, "3.10.2")
    assert 'sandbox_image = "registry.k8s.io/pause:3.10.2"' in changed
    assert "restrict_oom_score_adj = true" in changed
    assert 'conf_template = "/etc/containerd/cni.conf.template"' in changed


def test_a_kind_whose_configuration_differs_is_noticed() -> None:
    with pytest.raises(ValueError, match="restrict_oom_score_adj"):
        containerd_config("version = 3\n", "3.10.2")


def test_the_inotify_limit_is_raised_before_systemd_starts() -> None:
    script = node_entrypoint("fix_mount\nlog_info 'starting init'\nexec \"$@\"\n")
    assert (
        script.index("fix_mount")
        < script.index("max_user_instances")
        < script.index("starting init")
        < script.index("exec")
    )


def test_netd_may_only_list_and_watch_nodes() -> None:
    roles = [document for document in manifest("default-cni") if document["kind"] == "ClusterRole"]
    assert [role["rules"] for role in roles] == [
        [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list", "watch"]}]
    ]


def test_netd_has_one_capability_and_no_privilege() -> None:
    daemon = next(document for document in manifest("default-cni") if document["kind"] == "DaemonSet")
    container = daemon["spec"]["template"]["spec"]["containers"][0]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN"]},
    }


def test_kind_fills_in_what_netd_needs() -> None:
    text = (FILES / "default-cni.yaml").read_text()
    assert "would you kindly template this file" in text
    assert "would you kindly patch this file" in text


def test_the_default_storage_class_is_the_provisioners() -> None:
    classes = [document for document in manifest("default-storage") if document["kind"] == "StorageClass"]
    assert [
        entry["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] for entry in classes
    ] == ["true"]
    assert [entry["provisioner"] for entry in classes] == ["rancher.io/local-path"]


def test_volume_scripts_keep_their_variables() -> None:
    config = next(document for document in manifest("default-storage") if document["kind"] == "ConfigMap")
    assert 'mkdir -m 0777 -p "$VOL_DIR"' in config["data"]["setup"]


def test_the_kubelet_drop_in_allows_cgroup_v1() -> None:
    assert yaml.safe_load((FILES / "kubelet.conf").read_text())["failCgroupV1"] is False


def test_own_images_have_own_names_and_tags(settings: Settings) -> None:
    names = names_of(parts_of(settings.release, settings))
    for name in (names.netd, names.tools, names.provisioner):
        assert re.fullmatch(r"docker\.io/headless-conformance/[a-z-]+:[a-z0-9.]+", name)
        assert not name.endswith(":latest")


def test_a_row_that_kubeadm_does_not_agree_with_is_named(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    parts = parts_of(settings.release, settings)
    (tmp_path / "kubeadm").write_text("#!/bin/sh\necho registry.k8s.io/coredns/coredns:v9.9.9\n")
    (tmp_path / "kubeadm").chmod(0o755)
    monkeypatch.setattr(node_build, "ensure_built", lambda *_: tmp_path)
    with pytest.raises(StepFailed, match=r"do not agree on .*coredns:v9\.9\.9.*; correct the row"):
        node_build._require_agreement(parts, Progress(1, io.StringIO()))


def test_the_key_changes_with_the_release_and_the_workloads(settings: Settings) -> None:
    keys = {
        content_key_of(parts_of(row, settings), workloads)
        for row in settings.versions.rows
        for workloads in ([], [Path("/cache/client-1-aaaa.tar")], [Path("/cache/client-1-bbbb.tar")])
    }
    assert len(keys) == 3 * len(settings.versions.rows)


@dataclass
class World:
    """A stand-in for engine, registry and builder: what they have, and what was asked of them."""

    present: set[str] = field(default_factory=set)
    registry: bool = False
    pull_fails: bool = False
    asked: list[str] = field(default_factory=list)
    said: io.StringIO = field(default_factory=io.StringIO)

    def identity(self, reference: str, _: Engine) -> str | None:
        return f"sha256:{len(reference)}" if reference in self.present else None

    def registry_has(self, reference: str, _: Engine) -> bool:
        self.asked.append("registry")
        return self.registry

    def run_logged(self, what: str, command: list[str], *_: object, **__: object) -> None:
        self.asked.append(command[1])
        if self.pull_fails:
            raise StepFailed(f"{what} failed")
        self.present.add(command[-1])

    def built_before(self, *_: object) -> bool:
        return any(reference.startswith("headless-conformance/node:") for reference in self.present)

    def ensure(self, settings: Settings) -> node.NodeImage:
        return node.ensure_node_image(
            settings.release, Engine({}, private=False), settings, Progress(1, self.said)
        )


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()

    def build_image(parts: Parts, key: str, *_: object) -> str:
        made.asked.append("build")
        reference = reference_of(parts, key)
        made.present.add(reference)
        return reference

    monkeypatch.setattr(node, "_identity", made.identity)
    monkeypatch.setattr(node, "_registry_has", made.registry_has)
    monkeypatch.setattr(node, "_built_before", made.built_before)
    monkeypatch.setattr(node, "run_logged", made.run_logged)
    monkeypatch.setattr(
        node, "ensure_archives", lambda *_: {"headless-conformance/client:1": Path("/cache/client-1-aa.tar")}
    )
    monkeypatch.setattr(node, "build_parts", lambda *_: made.asked.append("parts"))
    monkeypatch.setattr(node, "build_image", build_image)
    return made


def test_a_present_published_image_is_used_as_it_is(world: World, settings: Settings) -> None:
    world.present.add(settings.release.node_image)
    assert world.ensure(settings).reference == settings.release.node_image
    assert world.asked == []


def test_auto_pulls_where_a_registry_answers(world: World, settings: Settings) -> None:
    world.registry = True
    image = world.ensure(settings)
    assert (image.reference, image.workloads) == (settings.release.node_image, {})
    assert world.asked == ["registry", "pull"]


def test_auto_builds_where_no_registry_answers_and_says_so(world: World, settings: Settings) -> None:
    image = world.ensure(settings)
    assert re.fullmatch(
        rf"headless-conformance/node:v{re.escape(settings.release.patch)}-[0-9a-f]{{12}}", image.reference
    )
    assert image.workloads == {"python:3.11-slim": "headless-conformance/client:1"}
    assert world.asked == ["registry", "parts", "build"]
    assert "is out of reach: building the node image from packages" in world.said.getvalue()


def test_a_built_image_is_neither_built_again_nor_asked_for(world: World, settings: Settings) -> None:
    world.ensure(settings)
    world.asked.clear()
    world.ensure(settings)
    assert world.asked == []


def test_auto_builds_when_the_pull_fails(world: World, settings: Settings) -> None:
    world.registry, world.pull_fails = True, True
    assert world.ensure(settings).reference.startswith("headless-conformance/node:")
    assert world.asked == ["registry", "pull", "parts", "build"]


def test_pull_does_not_build(world: World, settings: Settings) -> None:
    world.pull_fails = True
    with pytest.raises(UserError, match="cannot be pulled; check the network or use IMAGES=build"):
        world.ensure(settings.with_changes(images=Images.PULL))
    assert world.asked == ["pull"]


def test_build_asks_no_registry_and_takes_no_published_image(world: World, settings: Settings) -> None:
    world.present.add(settings.release.node_image)
    world.ensure(settings.with_changes(images=Images.BUILD))
    assert world.asked == ["parts", "build"]


@pytest.mark.parametrize(
    "answer", ["Error response from daemon: No such image: x", "Error: No such image: x"]
)
def test_an_absent_image_is_told_from_an_engine_that_fails(
    answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(text: str) -> Callable[..., str]:
        def docker(*_: object, **__: object) -> str:
            raise StepFailed(f"docker image inspect failed: {text}")

        return docker

    engine = Engine({}, private=False)
    monkeypatch.setattr(Engine, "docker", refuse(answer))
    assert node._identity("x", engine) is None
    monkeypatch.setattr(Engine, "docker", refuse("Cannot connect to the Docker daemon"))
    with pytest.raises(StepFailed, match="Cannot connect"):
        node._identity("x", engine)


def test_an_image_of_other_inputs_is_not_taken(world: World, settings: Settings) -> None:
    before = f"headless-conformance/node:v{settings.release.patch}-of-before"
    world.present.add(before)
    assert world.ensure(settings.with_changes(images=Images.BUILD)).reference != before
    assert world.asked == ["parts", "build"]


def test_an_image_that_another_run_put_together_meanwhile_is_taken(
    world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.ensure(settings)
    (made,) = world.present
    world.present.clear()
    world.asked.clear()
    monkeypatch.setattr(node, "build_parts", lambda *_: world.present.add(made))
    assert world.ensure(settings.with_changes(images=Images.BUILD)).reference == made
    assert world.asked == []


def test_debian_packages_are_fetched_while_kubernetes_is_compiled_and_its_clients_come_after_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    parts = parts_of(settings.release, settings)
    both = threading.Barrier(2, timeout=30)
    built: list[str] = []
    made: list[str] = []

    def build_source(source: Source, _: Progress) -> None:
        if source is parts.kubernetes:
            both.wait()
        built.append(source.title)

    def archives(*_: object) -> None:
        both.wait()
        made.append("workload images")

    monkeypatch.setattr(node_build, "ensure_built", build_source)
    monkeypatch.setattr(node_build, "ensure_archives", archives)
    monkeypatch.setattr(node_build, "rootfs", lambda name, *_: made.append(name))
    for check in ("require_linux_amd64", "require_free_disk"):
        monkeypatch.setattr(host, check, lambda: made.append("checked"))
    node_build.build_parts(parts, settings, Progress(1, io.StringIO()))
    assert made == ["checked", "checked", "workload images", "node"]
    assert sorted(built) == sorted(source.title for source in parts.sources)
    clients = [parts.provisioner.title, parts.netd.title, parts.crictl.title]
    assert [title for title in built if title in clients] == clients
    assert built.index(parts.kubernetes.title) < built.index(clients[0])
