"""The k3d provider as far as it goes without a k3s image: its configuration by the real k3d, its errors, what
it deletes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from headless_conformance.cluster.model import Capability
from headless_conformance.core.errors import StepFailed, UserError
from headless_conformance.core.paths import CLONE_LABEL, clone_id
from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import from_env
from headless_conformance.engine.engine import Engine
from headless_conformance.providers import containers
from headless_conformance.providers.k3d import tools as preparing
from headless_conformance.providers.k3d.cluster import K3dCluster, config
from headless_conformance.providers.k3d.tools import K3dTools, ensure_k3s_image
from headless_conformance.providers.registry import settings_of_run
from headless_conformance.toolchain.go import folder_built, source_of

SETTINGS = from_env({"PROVIDER": "k3d", "K8S": "1.36"})


def arguments(written: dict[str, Any]) -> dict[str, list[str]]:
    return {row["arg"]: row["nodeFilters"] for row in written["options"]["k3s"]["extraArgs"]}


def test_three_nodes_take_pods_and_nothing_runs_that_needs_more_images() -> None:
    written: dict[str, Any] = config(SETTINGS, "n", old_cgroups=False)
    assert (written["servers"], written["agents"], written["image"]) == (1, 2, SETTINGS.release.k3s_image)
    assert written["options"]["k3d"]["disableLoadbalancer"] is True
    assert arguments(written).keys() == {
        "--disable=traefik",
        "--disable=servicelb",
        "--disable=metrics-server",
    }
    assert written["options"]["kubeconfig"] == {
        "updateDefaultKubeconfig": False,
        "switchCurrentContext": False,
    }


def test_ranges_and_domain_reach_the_server_and_old_cgroups_every_node() -> None:
    env = {
        "PROVIDER": "k3d",
        "POD_CIDR": "198.18.0.0/16",
        "SERVICE_CIDR": "198.19.0.0/16",
        "CLUSTER_DOMAIN": "k3.local",
    }
    passed = arguments(config(from_env(env), "n", old_cgroups=True))
    assert passed["--cluster-cidr=198.18.0.0/16"] == passed["--cluster-domain=k3.local"] == ["server:*"]
    assert passed["--kubelet-arg=fail-cgroupv1=false"] == ["server:*", "agent:*"]


def test_the_name_is_the_one_that_the_plugin_deletes() -> None:
    from pytest_kubernetes.providers.k3d import K3dManagerBase

    name = K3dCluster.name_of("1.36")
    manager = object.__new__(K3dManagerBase)
    manager._set_cluster_name(name, None)
    assert manager.cluster_name == name


def test_a_kept_k3d_cluster_is_refused() -> None:
    with pytest.raises(UserError, match="KEEP=1 is not possible"):
        settings_of_run({"PROVIDER": "k3d", "KEEP": "1"})


@pytest.fixture(scope="module")
def real_k3d() -> Path:
    built = folder_built(source_of("k3d", SETTINGS.versions.components["k3d"]))
    if not built.exists():
        pytest.skip("k3d is not built; `make prepare PROVIDER=k3d` builds it")
    return built / "k3d"


def created(real_k3d: Path, tmp_path: Path, content: dict[str, Any]) -> str:
    """What `k3d cluster create` says where no engine answers."""
    path = tmp_path / "k3d.yaml"
    path.write_text(yaml.safe_dump(content))
    env = {
        **os.environ,
        "DOCKER_HOST": f"unix://{tmp_path}/no.sock",
        "KUBECONFIG": str(tmp_path / "kubeconfig"),
    }
    done = subprocess.run(
        [real_k3d, "cluster", "create", "--config", path],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    return done.stdout + done.stderr


def test_the_real_k3d_says_its_version_as_the_plugin_reads_it(
    real_k3d: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pytest_kubernetes.providers.k3d import K3dManagerBase

    monkeypatch.setenv("PATH", f"{real_k3d.parent}{os.pathsep}{os.environ['PATH']}")
    assert K3dManagerBase.get_k3d_version() == SETTINGS.versions.components["k3d"]
    assert preparing.k3d_binary(SETTINGS, Progress(total=1)) == real_k3d


def test_the_real_k3d_takes_the_configuration(real_k3d: Path, tmp_path: Path) -> None:
    said = created(real_k3d, tmp_path, config(SETTINGS, K3dCluster.name_of("1.36"), old_cgroups=True))
    assert "no.sock" in said
    assert "schema" not in said.lower()


def test_the_real_k3d_refuses_what_is_not_in_its_schema(real_k3d: Path, tmp_path: Path) -> None:
    said = created(real_k3d, tmp_path, {**config(SETTINGS, "n", old_cgroups=False), "name": "n"})
    assert "name" in said
    assert "no.sock" not in said


class FakeEngine(Engine):
    """Answers `docker` by a table of beginnings; an exception in it is raised."""

    def __init__(self, answers: dict[str, str | Exception]) -> None:
        super().__init__({}, private=False)
        object.__setattr__(self, "answers", answers)

    def docker(self, *args: str, timeout: float = 120.0) -> str:
        found = next((said for start, said in self.answers.items() if " ".join(args).startswith(start)), "")  # type: ignore[attr-defined]
        if isinstance(found, Exception):
            raise found
        return str(found)


def test_an_image_that_cannot_be_had_is_one_sentence() -> None:
    engine = FakeEngine({"pull": StepFailed("docker pull failed: no route to host")})
    with pytest.raises(UserError) as caught:
        ensure_k3s_image(SETTINGS, engine)
    assert "\n" not in str(caught.value)
    assert f"{SETTINGS.release.k3s_image} is not there and cannot be pulled" in str(caught.value)
    assert "no route to host" in str(caught.value)


def test_an_image_that_is_there_is_not_pulled() -> None:
    ensure_k3s_image(SETTINGS, FakeEngine({"images": "sha256:1", "pull": StepFailed("pulled")}))


def test_without_debian_the_nodes_pull_the_public_images(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_debian() -> str:
        raise UserError("apt knows no Debian archive.")

    monkeypatch.setattr(preparing, "archive_root", no_debian)
    assert preparing.workload_archives(SETTINGS, Progress(total=1)) == {}
    with pytest.raises(UserError, match="no Debian archive"):
        preparing.workload_archives(from_env({"PROVIDER": "k3d", "IMAGES": "build"}), Progress(total=1))


def tools(engine: Engine, tmp_path: Path) -> K3dTools:
    archives = {"headless-conformance/client:1": tmp_path / "c.tar"}
    return K3dTools(engine, tmp_path / "k3d", tmp_path / "kubectl", tmp_path / "links", archives)


@pytest.fixture(autouse=True)
def own_work_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "work_dir", lambda: tmp_path)


def test_only_clusters_with_our_label_are_ours() -> None:
    name = K3dCluster.name_of("1.36")
    engine = FakeEngine({f"ps -a --filter label={CLONE_LABEL}={clone_id()}": f"{name}\n{name}\nother\n"})
    assert K3dCluster.own(engine) == [name]


def test_a_cluster_of_our_name_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    engine = FakeEngine({"ps -aq": "0a1b2c"})
    with pytest.raises(UserError, match="this clone did not create"):
        K3dCluster(SETTINGS, tools(engine, tmp_path), "run").delete()


def test_a_failed_creation_leaves_nothing_and_says_k3ds_words(tmp_path: Path) -> None:
    class Manager:
        def __init__(self, *_: object) -> None:
            pass

        def create(self, *_: object, **__: object) -> None:
            raise subprocess.CalledProcessError(1, "k3d", stderr=b"FATA[0000] no space left")

    cluster = K3dCluster(SETTINGS, tools(FakeEngine({}), tmp_path), "run")
    with pytest.raises(UserError, match="no space left"):
        cluster.create(lambda _: Manager)
    assert list(tmp_path.iterdir()) == []


def test_a_run_finds_its_own_cluster_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "is_api_ready", lambda _: True)
    mine = K3dCluster(SETTINGS, tools(FakeEngine({}), tmp_path), "run")
    (tmp_path / f"{mine.name}.json").write_text(json.dumps({"run": "run"}))
    mine.kubeconfig.touch()
    found = mine.attach()
    assert found is not None
    assert found.images == {"python:3.11-slim": "headless-conformance/client:1"}
    assert Capability.CONTROL_PLANE in found.lacking
    assert K3dCluster(SETTINGS, mine.tools, "another run").attach() is None


def test_a_cluster_for_the_next_run_is_said_to_stay_and_then_to_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(containers, "is_api_ready", lambda _: True)
    mine = K3dCluster(SETTINGS.with_changes(keep=True), tools(FakeEngine({}), tmp_path), "run")
    mine.keep()
    mine.kubeconfig.touch()
    assert mine.attach() is not None
    (here,) = K3dCluster.remains()
    assert (here.what, here.is_to_stay) == (f"the k3d cluster {mine.name}", True)
    assert K3dCluster.kept() == []
    mine.keep()
    assert (K3dCluster.remains(), K3dCluster.kept()) == ([], [here])
