"""What can be asked for on a cluster of the person's own."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import MANIFESTS
from headless_conformance.core.versions import read_versions
from headless_conformance.images.published import architectures_of, published_images
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


def images_of_manifests() -> set[str]:
    return {
        container["image"]
        for path in MANIFESTS.glob("*/*.yaml")
        if path.parent.name != "rbac"
        for item in yaml.safe_load_all(path.read_text())
        for pod in [item["spec"].get("template", item).get("spec") if item["kind"] != "Secret" else {}]
        if "spec" in item
        for container in (pod or {}).get("containers", [])
    }


def test_every_image_of_the_manifests_is_in_the_table_and_public_by_default() -> None:
    found = published_images(settings_of_run(EXISTING).target)
    assert images_of_manifests() == found.keys()
    assert {public: one.image for public, one in found.items()} == {public: public for public in found}
    assert architectures_of(found) == ["amd64", "arm64"]


def test_a_prefix_and_a_table_say_where_images_are(tmp_path: Path) -> None:
    table = tmp_path / "images.yaml"
    table.write_text(
        "mysql:8.4: mirror.example/db/mysql:8.4.6\n"
        "busybox:1.28: {image: mirror.example/busybox:1.28, architectures: [arm64, s390x]}\n"
    )
    given = {**EXISTING, "IMAGE_PREFIX": "registry.example/team/", "IMAGES_FILE": str(table)}
    found = published_images(settings_of_run(given).target)
    assert {public: one.image for public, one in found.items()} == {
        "mysql:8.4": "mirror.example/db/mysql:8.4.6",
        "busybox:1.28": "mirror.example/busybox:1.28",
        "python:3.11-slim": "registry.example/team/python:3.11-slim",
    }
    assert architectures_of(found) == ["arm64"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mysql:8.4: [a]", r"mysql:8\.4"),
        ("postgres: x", r"names postgres; use one of mysql:8\.4"),
        ("a: b: c", "cannot be read"),
        ("[]", "valid dictionary"),
        (None, "cannot be read"),
    ],
)
def test_a_wrong_table_of_images_is_one_sentence(text: str | None, said: str, tmp_path: Path) -> None:
    table = tmp_path / "images.yaml"
    if text is not None:
        table.write_text(text)
    with pytest.raises(UserError, match=f"^IMAGES_FILE=.*{said}") as caught:
        published_images(settings_of_run({**EXISTING, "IMAGES_FILE": str(table)}).target)
    assert "\n" not in str(caught.value)


def test_images_without_a_common_architecture_are_one_sentence(tmp_path: Path) -> None:
    table = tmp_path / "images.yaml"
    table.write_text("busybox:1.28: {image: x, architectures: [s390x]}")
    with pytest.raises(UserError, match="no architecture in common"):
        architectures_of(published_images(settings_of_run({**EXISTING, "IMAGES_FILE": str(table)}).target))
