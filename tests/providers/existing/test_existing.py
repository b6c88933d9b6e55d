"""A cluster of the person's own: their kubeconfig is only read, nothing is written without consent, rights
decide."""

from __future__ import annotations

import base64
import os
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from kubernetes import client

from headless_conformance.cluster.model import Capability
from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import MANIFESTS
from headless_conformance.core.progress import Progress
from headless_conformance.core.run_identity import RUN_LABEL
from headless_conformance.core.versions import read_versions
from headless_conformance.images.workloads import published_images
from headless_conformance.providers.existing import cluster as existing
from headless_conformance.providers.existing import connection as target
from headless_conformance.providers.existing.cluster import (
    MEMBER_ROLE,
    lacking,
    namespace_objects,
    require_ipv4,
)
from headless_conformance.providers.existing.connection import Connection, require_consent
from headless_conformance.providers.existing.kubeconfig import flattened, write_private
from headless_conformance.providers.registry import settings_of_run

EXISTING = {"PROVIDER": "existing"}
OLDEST, NEWEST = (row.minor for row in (read_versions().rows[0], read_versions().newest))
CONFIG: dict[str, Any] = {
    "current-context": "prod",
    "contexts": [
        {"name": "prod", "context": {"cluster": "c", "user": "u", "namespace": "secret-things"}},
        {"name": "broken", "context": {"cluster": "c", "user": "nobody"}},
    ],
    "clusters": [
        {"name": "c", "cluster": {"server": "https://192.0.2.1", "certificate-authority": "ca.pem"}}
    ],
    "users": [{"name": "u", "user": {"tokenFile": "token", "exec": {"command": "./login"}}}],
}


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    folder = tmp_path / "their kube"
    folder.mkdir()
    (folder / "ca.pem").write_bytes(b"authority")
    path = folder / "config"
    path.write_text(yaml.safe_dump(CONFIG))
    return path


def test_the_copy_stands_by_itself(theirs: Path) -> None:
    copy = flattened(str(theirs), "")
    assert [item["name"] for kind in ("contexts", "clusters", "users") for item in copy[kind]] == ["prod"] * 3
    assert copy["clusters"][0]["cluster"] == {
        "server": "https://192.0.2.1",
        "certificate-authority-data": base64.b64encode(b"authority").decode(),
    }
    user = copy["users"][0]["user"]
    assert user == {
        "tokenFile": str(theirs.parent / "token"),
        "exec": {"command": str(theirs.parent / "login")},
    }
    assert "namespace" not in copy["contexts"][0]["context"]


def test_several_files_are_read_as_kubectl_reads_them(theirs: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    context = {"name": "prod", "context": {"cluster": "elsewhere", "user": "u"}}
    other.write_text(
        yaml.safe_dump(
            {"contexts": [context], "clusters": [{"name": "elsewhere", "cluster": {"server": "there"}}]}
        )
    )
    copy = flattened(f"{other}{os.pathsep}{theirs}", "prod")
    assert copy["clusters"][0]["cluster"]["server"] == "there"
    assert copy["users"][0]["user"]["tokenFile"] == str(theirs.parent / "token")


@pytest.mark.parametrize(
    ("change", "context", "hint"),
    [
        ({}, "staging", "there: broken, prod"),
        ({"current-context": ""}, "", "CONTEXT="),
        ({}, "broken", "user nobody"),
        ({"clusters": [{"name": "c", "cluster": {"certificate-authority": "gone.pem"}}]}, "", "gone.pem"),
    ],
    ids=["unknown context", "no current context", "unknown user", "missing file"],
)
def test_what_is_missing_is_named(theirs: Path, change: dict[str, Any], context: str, hint: str) -> None:
    theirs.write_text(yaml.safe_dump({**CONFIG, **change}))
    with pytest.raises(UserError, match=hint):
        flattened(str(theirs), context)


@pytest.mark.parametrize(
    "contexts", ["prod", [{"context": {}}], ["prod"], 1], ids=["text", "no name", "no mapping", "number"]
)
def test_entries_that_are_none_get_one_sentence(theirs: Path, contexts: Any) -> None:
    theirs.write_text(yaml.safe_dump({**CONFIG, "contexts": contexts}))
    with pytest.raises(UserError, match=r"The contexts in .* are not those of a kubeconfig"):
        flattened(str(theirs), "")


@pytest.mark.parametrize("text", ["{", "\x00"], ids=["not YAML", "binary"])
def test_what_is_no_kubeconfig_gets_one_sentence(theirs: Path, text: str) -> None:
    theirs.write_text(text)
    with pytest.raises(UserError, match="cannot be read as a kubeconfig"):
        flattened(str(theirs), "")


def test_only_this_user_can_read_the_copy(tmp_path: Path) -> None:
    write_private({"kind": "Config"}, tmp_path / "copy")
    assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


def test_a_killed_runs_copy_goes_with_the_next_command_and_a_living_runs_stays(
    theirs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    ended = subprocess.Popen(["true"])
    ended.wait()
    left, living = (target.copied_kubeconfig(f"{number}-0a1b2c3d") for number in (ended.pid, os.getpid()))
    for path in (left, living):
        path.write_text("credentials")
    made = target.connect(settings_of_run({**EXISTING, "KUBECONFIG": str(theirs)}), "clean")
    assert [path.exists() for path in (left, living, made.kubeconfig)] == [False, True, True]


def connection(context: str = "prod") -> Connection:
    return Connection(Path("/nowhere"), context, "https://192.0.2.1")


def test_without_a_terminal_consent_has_to_be_given_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: False))
    with pytest.raises(UserError, match=r"prod .* CONFIRM=1"):
        require_consent(connection(), settings_of_run(EXISTING), "write")
    require_consent(connection(), settings_of_run({**EXISTING, "CONFIRM": "1"}), "write")
    require_consent(connection("kind-hc-0a1b2c3d-1-37"), settings_of_run(EXISTING), "write")


@pytest.mark.parametrize(("answer", "goes_on"), [("yes", True), ("y", False), ("", False)])
def test_on_a_terminal_only_yes_is_consent(
    monkeypatch: pytest.MonkeyPatch, answer: str, *, goes_on: bool
) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("builtins.input", lambda _: answer)
    if goes_on:
        require_consent(connection("kind-dev"), settings_of_run(EXISTING), "write")
        return
    with pytest.raises(UserError, match="Nothing was done"):
        require_consent(connection("kind-dev"), settings_of_run(EXISTING), "write")


@pytest.mark.parametrize("name", ["KEEP", "SLOW", "POD_CIDR", "CLUSTER_DOMAIN"])
def test_what_belongs_to_our_own_clusters_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=f"{name} is for clusters that we create"):
        settings_of_run({**EXISTING, name: "1"})


def test_the_documented_stack_goes_into_a_namespace_of_ours_unless_one_is_named() -> None:
    assert settings_of_run(EXISTING).namespace == ""
    assert settings_of_run({**EXISTING, "NAMESPACE": "default"}).namespace == "default"
    assert settings_of_run({"PROVIDER": "kind"}).namespace == "default"


@pytest.mark.parametrize(
    ("version", "minor", "coredns_of"),
    [("1.36.2", "1.36", "1.36"), ("1.9.1", "1.9", OLDEST), ("v1.99.0", "1.99", NEWEST)],
)
def test_a_server_of_any_version_has_a_release(version: str, minor: str, coredns_of: str) -> None:
    settings = settings_of_run({**EXISTING, "K8S": version})
    assert (settings.release.minor, settings.release.patch) == (minor, version.removeprefix("v"))
    assert settings.release.coredns == settings.versions.row(coredns_of).coredns


def test_a_pull_secret_that_is_no_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"PULL_SECRET=.*is not a file"):
        settings_of_run({**EXISTING, "PULL_SECRET": str(tmp_path)})


def test_every_image_of_the_manifests_has_one_below_the_prefix() -> None:
    images = published_images("registry.example/team")
    asked = {
        container["image"]
        for path in MANIFESTS.glob("*/*.yaml")
        if path.parent.name != "rbac"
        for item in yaml.safe_load_all(path.read_text())
        for pod in [item["spec"].get("template", item).get("spec") if item["kind"] != "Secret" else {}]
        if "spec" in item
        for container in (pod or {}).get("containers", [])
    }
    assert asked <= images.keys()
    assert all(
        name.startswith("registry.example/team/") and ":" in name.rpartition("/")[2]
        for name in images.values()
    )


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


def test_clean_existing_removes_labelled_namespaces_only_and_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    there: dict[str, dict[str, str]] = {
        "headless-test-1": {RUN_LABEL: "1-a"},
        "headless-test-2": {RUN_LABEL: "2-b"},
        "kube-system": {},
    }
    asked_to_go: list[str] = []

    class Core:
        def list_namespace(self, label_selector: str, **_: Any) -> Any:
            key, _equals, value = label_selector.partition("=")
            names = [name for name, labels in there.items() if key in labels and value in ("", labels[key])]
            for gone in asked_to_go:
                there.pop(gone, None)
            return SimpleNamespace(
                items=[SimpleNamespace(metadata=SimpleNamespace(name=name)) for name in names]
            )

        def delete_namespace(self, name: str, **_: Any) -> None:
            asked_to_go.append(name)

    monkeypatch.setattr(client, "CoreV1Api", lambda _: Core())
    monkeypatch.setattr(Connection, "api", None)
    monkeypatch.setattr(target, "POLL_SECONDS", 0.0)
    assert target.remove_namespaces(connection(), Progress(total=1), "1-a") == 1
    assert asked_to_go == ["headless-test-1"]
    assert target.remove_namespaces(connection(), Progress(total=1)) == 1
    assert there.keys() == {"kube-system"}
