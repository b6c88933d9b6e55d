"""What can be asked for on a cluster of the person's own."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import MANIFESTS
from headless_conformance.core.versions import read_versions
from headless_conformance.images.workloads import published_images
from headless_conformance.providers.registry import settings_of_run
from tests.providers.existing import EXISTING

OLDEST, NEWEST = (row.minor for row in (read_versions().rows[0], read_versions().newest))


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


def test_the_target_is_a_statefulset_of_a_cluster_of_the_persons_own() -> None:
    settings = settings_of_run({**EXISTING, "TARGET": "shop/orders"})
    assert settings.target.statefulset == "shop/orders"
    for provider in ("kind", "simulated", "k3d"):
        with pytest.raises(UserError, match="add PROVIDER=existing or leave it out"):
            settings_of_run({"PROVIDER": provider, "TARGET": "shop/orders"})


@pytest.mark.parametrize("target", ["orders", "shop/svc/orders", "shop/", "shop/a shop/b", "Shop/orders"])
def test_what_names_no_statefulset_is_one_sentence(target: str) -> None:
    with pytest.raises(UserError, match="names no StatefulSet; write NAMESPACE/STATEFULSET"):
        settings_of_run({**EXISTING, "TARGET": target})


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
