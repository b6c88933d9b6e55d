"""What an account may do on a cluster of the person's own, and what that cluster lacks."""

from __future__ import annotations

import base64
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from kubernetes import client

from headless_conformance.cluster.model import Capability
from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import MANIFESTS
from headless_conformance.core.run_identity import RUN_LABEL
from headless_conformance.providers.existing import cluster as existing
from headless_conformance.providers.existing.cluster import (
    MEMBER_ROLE,
    lacking,
    namespace_objects,
    require_ipv4,
)
from headless_conformance.providers.registry import settings_of_run
from tests.providers.existing import EXISTING


class Granted(existing.Rights):
    """An account with just these rights, on a cluster with these nodes and storage classes."""

    def __init__(self, *granted: str) -> None:
        super().__init__(None)
        object.__setattr__(self, "granted", granted)

    def may(self, verb: str, resource: str, **_: str) -> bool:
        return f"{verb} {resource}" in self.granted  # type: ignore[attr-defined]

    def user(self) -> str:
        return "system:serviceaccount:headless-conformance:runner"


NAMESPACES = ("create namespaces", "delete namespaces", "list namespaces")


def test_an_account_that_has_its_rights_everywhere_needs_nothing_more() -> None:
    assert namespace_objects(Granted(*NAMESPACES, "create statefulsets"), settings_of_run(EXISTING)) == ()


def test_an_account_that_may_bind_the_role_binds_it_to_itself(tmp_path: Path) -> None:
    secret = tmp_path / "config.json"
    secret.write_text('{"auths": {"registry.example": {"auth": "eDp5"}}}')
    rights = Granted(*NAMESPACES, "create rolebindings", "bind clusterroles")
    binding, pull = namespace_objects(rights, settings_of_run({**EXISTING, "PULL_SECRET": str(secret)}))
    assert binding["roleRef"]["name"] == MEMBER_ROLE
    assert [subject["name"] for subject in binding["subjects"]] == [rights.user()]
    assert base64.b64decode(pull["data"][".dockerconfigjson"]) == secret.read_bytes()


@pytest.mark.parametrize("text", ["{", "[]", '{"credsStore": "desktop"}'])
def test_a_pull_secret_without_credentials_is_one_sentence(tmp_path: Path, text: str) -> None:
    secret = tmp_path / "config.json"
    secret.write_text(text)
    with pytest.raises(UserError, match=r"PULL_SECRET=.*holds no credentials"):
        namespace_objects(
            Granted(*NAMESPACES, "create statefulsets"),
            settings_of_run({**EXISTING, "PULL_SECRET": str(secret)}),
        )


@pytest.mark.parametrize(
    "granted", [NAMESPACES[:2], (*NAMESPACES, "create rolebindings")], ids=["no list", "no bind"]
)
def test_an_account_without_the_rights_is_told_who_can_help(granted: tuple[str, ...]) -> None:
    with pytest.raises(UserError, match=r"account\.yaml"):
        namespace_objects(Granted(*granted), settings_of_run(EXISTING))


LINUX = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}


def node(
    annotations: dict[str, str] | None = None,
    *,
    port: int = 10250,
    unschedulable: bool = False,
    labels: dict[str, str] | None = None,
) -> Any:
    return SimpleNamespace(
        metadata=SimpleNamespace(annotations=annotations, labels=labels or LINUX),
        spec=SimpleNamespace(taints=None, unschedulable=unschedulable),
        status=SimpleNamespace(
            conditions=[SimpleNamespace(type="Ready", status="True")],
            daemon_endpoints=SimpleNamespace(kubelet_endpoint=SimpleNamespace(port=port)),
        ),
    )


def seen(monkeypatch: pytest.MonkeyPatch, nodes: list[Any], *, default_class: bool) -> None:
    key = existing.DEFAULT_CLASS
    annotations = {key: "true"} if default_class else None
    found = SimpleNamespace(metadata=SimpleNamespace(name="slow", annotations=annotations))
    core = SimpleNamespace(list_node=lambda **_: SimpleNamespace(items=nodes))
    storage = SimpleNamespace(list_storage_class=lambda **_: SimpleNamespace(items=[found]))
    monkeypatch.setattr(client, "CoreV1Api", lambda _: core)
    monkeypatch.setattr(client, "StorageV1Api", lambda _: storage)


LOOKS = Granted("list nodes", "list storageclasses")


def test_a_whole_cluster_lacks_only_what_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    seen(monkeypatch, [node(), node(), node()], default_class=True)
    assert lacking(LOOKS, settings_of_run(EXISTING)).keys() == {Capability.CONTROL_PLANE}


def test_what_is_missing_has_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    seen(monkeypatch, [node(), node(), node(unschedulable=True)], default_class=False)
    with pytest.raises(
        UserError, match=r"no default StorageClass; name one with STORAGE_CLASS= \(there: slow\)"
    ):
        lacking(LOOKS, settings_of_run(EXISTING))
    missing = lacking(LOOKS, settings_of_run({**EXISTING, "STORAGE_CLASS": "none"}))
    assert missing[Capability.SEVERAL_NODES].startswith("2 of its nodes take Pods")
    assert missing[Capability.VOLUMES] == "STORAGE_CLASS=none was asked for"
    assert Capability.VOLUMES not in lacking(LOOKS, settings_of_run({**EXISTING, "STORAGE_CLASS": "fast"}))


def test_what_may_not_be_seen_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    seen(monkeypatch, [], default_class=True)
    missing = lacking(Granted(), settings_of_run(EXISTING))
    assert missing[Capability.SEVERAL_NODES] == "this account may not list nodes"
    assert "may not list storage classes" in missing[Capability.VOLUMES]


@pytest.mark.parametrize(
    "simulated", [node(port=0), node({"kwok.x-k8s.io/node": "fake"})], ids=["no port", "annotation"]
)
def test_simulated_nodes_have_no_kubelet(monkeypatch: pytest.MonkeyPatch, simulated: Any) -> None:
    seen(monkeypatch, [simulated] * 3, default_class=True)
    assert {Capability.KUBELET, Capability.VOLUMES, Capability.SQL} <= lacking(
        LOOKS, settings_of_run(EXISTING)
    ).keys()


ARM = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "arm64"}
WINDOWS = {"kubernetes.io/os": "windows", "kubernetes.io/arch": "amd64"}
OTHER = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "riscv64"}
EVERYWHERE = {"kubernetes.io/os": ["linux"], "kubernetes.io/arch": ["amd64", "arm64"]}


@pytest.mark.parametrize(
    ("labels", "usable", "asked_for"),
    [
        ([ARM, ARM, ARM], 3, {}),
        ([LINUX, ARM, LINUX], 3, {}),
        ([LINUX, LINUX, LINUX, WINDOWS], 3, EVERYWHERE),
        ([LINUX, WINDOWS, WINDOWS], 1, EVERYWHERE),
        ([LINUX, LINUX, OTHER], 2, EVERYWHERE),
    ],
    ids=["arm64 only", "mixed", "Windows beside", "one Linux", "an architecture without images"],
)
def test_pods_go_to_nodes_that_can_run_the_images(
    monkeypatch: pytest.MonkeyPatch,
    labels: list[dict[str, str]],
    usable: int,
    asked_for: dict[str, list[str]],
) -> None:
    seen(monkeypatch, [node(labels=found) for found in labels], default_class=True)
    settings = settings_of_run(EXISTING)
    missing = lacking(LOOKS, settings).get(Capability.SEVERAL_NODES)
    assert missing == (f"{usable} of its nodes take Pods, 3 are needed" if usable < 3 else None)
    assert existing._node_labels(LOOKS, settings) == asked_for
    # Who may not see the nodes asks for what is right on all of them.
    assert existing._node_labels(Granted(), settings) == EVERYWHERE


def test_nodes_behind_taints_and_cordoned_ones_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    tainted = node()
    tainted.spec.taints = [SimpleNamespace(effect="NoSchedule")]
    seen(monkeypatch, [node(), node(unschedulable=True), tainted], default_class=True)
    reason = lacking(LOOKS, settings_of_run(EXISTING))[Capability.SEVERAL_NODES]
    assert reason == "1 of its nodes take Pods, 3 are needed"


ONLY = {**EXISTING, "ONLY_NAMESPACE": "team"}
IN_NAMESPACE = tuple(
    f"{verb} {resource}"
    for resource in ("pods", "services", "secrets", "statefulsets")
    for verb in ("create", "delete", "get", "list")
)


def test_the_administrator_of_one_namespace_needs_nothing_outside_it() -> None:
    assert settings_of_run(ONLY).namespace == "team"
    assert namespace_objects(Granted(*IN_NAMESPACE), settings_of_run(ONLY)) == ()


@pytest.mark.parametrize("missing", ["create pods", "delete statefulsets", "list secrets"])
def test_a_right_that_is_missing_in_the_only_namespace_is_named(missing: str) -> None:
    rights = Granted(*(right for right in IN_NAMESPACE if right != missing))
    with pytest.raises(UserError, match=rf"may not {missing} in namespace team; .*namespace\.yaml"):
        namespace_objects(rights, settings_of_run(ONLY))


def test_the_only_namespace_is_no_other_than_the_one_for_the_document() -> None:
    assert settings_of_run({**ONLY, "NAMESPACE": "team"}).namespace == "team"
    with pytest.raises(UserError, match="NAMESPACE=shop is not ONLY_NAMESPACE=team"):
        settings_of_run({**ONLY, "NAMESPACE": "shop"})


def test_the_role_of_one_namespace_is_that_of_the_runs_own_namespaces() -> None:
    folder = MANIFESTS / "rbac"
    rules = {
        item["kind"]: item["rules"]
        for file in ("account.yaml", "namespace.yaml")
        for item in yaml.safe_load_all((folder / file).read_text())
        if item["metadata"]["name"] in (MEMBER_ROLE, "headless-conformance") and "rules" in item
    }
    assert rules["Role"] == rules["ClusterRole"]


@pytest.mark.parametrize("families", [["IPv6", "IPv4"], ["IPv6"]])
def test_a_cluster_with_ipv6_addresses_first_is_told_so(
    families: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = SimpleNamespace(spec=SimpleNamespace(ip_families=families))
    core = SimpleNamespace(read_namespaced_service=lambda *_, **__: service)
    monkeypatch.setattr("headless_conformance.providers.existing.cluster.client.CoreV1Api", lambda _: core)
    with pytest.raises(UserError, match="have IPv6 ones first"):
        require_ipv4(Granted("get services"))
    service.spec.ip_families = ["IPv4", "IPv6"]
    require_ipv4(Granted("get services"))


def test_the_fence_and_the_code_mean_the_same_label_and_role() -> None:
    folder = MANIFESTS / "rbac"
    policy = next(yaml.safe_load_all((folder / "guard.yaml").read_text()))
    assert f"'{RUN_LABEL}'" in policy["spec"]["validations"][0]["expression"]
    roles = [item["metadata"]["name"] for item in yaml.safe_load_all((folder / "account.yaml").read_text())]
    assert MEMBER_ROLE in roles
