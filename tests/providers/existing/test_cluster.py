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


def node(annotations: dict[str, str] | None = None, *, port: int = 10250, unschedulable: bool = False) -> Any:
    return SimpleNamespace(
        metadata=SimpleNamespace(annotations=annotations),
        spec=SimpleNamespace(taints=None, unschedulable=unschedulable),
        status=SimpleNamespace(
            conditions=[SimpleNamespace(type="Ready", status="True")],
            daemon_endpoints=SimpleNamespace(kubelet_endpoint=SimpleNamespace(port=port)),
        ),
    )


def seen(monkeypatch: pytest.MonkeyPatch, nodes: list[Any], *, default_class: bool) -> None:
    key = existing.DEFAULT_CLASS
    found = SimpleNamespace(metadata=SimpleNamespace(annotations={key: "true"} if default_class else None))
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
    missing = lacking(LOOKS, settings_of_run(EXISTING))
    assert missing[Capability.SEVERAL_NODES].startswith("2 of its nodes take Pods")
    assert "STORAGE_CLASS=" in missing[Capability.VOLUMES]
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
