"""^C while k3d creates a cluster, with programs that stand for k3d and Docker: no k3s image is needed."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from headless_conformance.core.errors import StepFailed, UserError
from headless_conformance.core.paths import CLONE_LABEL, clone_id, work_dir
from headless_conformance.core.settings import from_env
from headless_conformance.engine.engine import Engine
from headless_conformance.providers.k3d.cluster import K3dCluster
from headless_conformance.providers.k3d.tools import K3dTools, ensure_tools_image

SETTINGS = from_env({"PROVIDER": "k3d", "K8S": "1.36"})
NAME = K3dCluster.name_of("1.36")
DOCKER = """
cd {store}
case "$*" in
  "ps -aq --filter label=k3d.cluster={name}") ls containers ;;
  "ps -a --filter label={label} "*) ls containers | grep -q server && echo {name} ; true ;;
  "network ls --quiet --filter label=app=k3d --filter name=^k3d-{name}$") ls networks ;;
  "volume ls --quiet --filter label=k3d.cluster={name}") ls volumes ;;
  "rm --force --volumes "*) shift 3; for one; do rm containers/$one; done ;;
  "network rm "*) rm networks/$3 ;;
  "volume rm "*) rm volumes/$3 ;;
  *) echo "unexpected: $*" >&2; exit 64 ;;
esac
"""
K3D = """
[ "$1" = --version ] && exec echo k3d version v5.8.3
touch $XDG_CONFIG_HOME/of-k3d $TMPDIR/k3d-config-tmp-1
touch {store}/networks/k3d-{name} {store}/volumes/k3d-{name}-images {store}/containers/k3d-{name}-tools
touch {store}/{nodes} {store}/begun
sleep 60
"""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the engine has."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    found = tmp_path / "store"
    for kind in ("containers", "networks", "volumes"):
        (found / kind).mkdir(parents=True)
    return found


def program(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/bash\n{text}")
    path.chmod(0o755)


def cluster(store: Path, nodes: str = "") -> K3dCluster:
    links = store.parent / "links"
    words = {"store": str(store), "name": NAME, "label": f"{CLONE_LABEL}={clone_id()}"}
    program(links / "docker", DOCKER.format(**words))
    program(links / "k3d", K3D.format(nodes=nodes or "begun", **words))
    engine = Engine({"PATH": f"{links}{os.pathsep}{os.environ['PATH']}"}, private=False)
    return K3dCluster(SETTINGS, K3dTools(engine, links / "k3d", links / "kubectl", links, {}), "run")


def interrupt_when(path: Path) -> None:
    while not path.exists():
        time.sleep(0.02)
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize(
    "nodes", ["", f"containers/k3d-{NAME}-server-0"], ids=["only the tools container", "the server too"]
)
def test_nothing_is_left(store: Path, monkeypatch: pytest.MonkeyPatch, nodes: str) -> None:
    mine = cluster(store, nodes)
    monkeypatch.setenv("PATH", mine.tools.engine.env["PATH"])
    threading.Thread(target=interrupt_when, args=[store / "begun"]).start()
    with pytest.raises(KeyboardInterrupt):
        mine.create()
    assert {path.name for path in store.rglob("*")} == {"begun", "containers", "networks", "volumes"}
    assert not list(work_dir().glob(f"{NAME}*"))
    assert not (store.parent / "home").exists()
    assert K3dCluster.remains() == []


def test_what_a_killed_creation_left_is_ours_and_is_removed(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = cluster(store)
    monkeypatch.setenv("PATH", mine.tools.engine.env["PATH"])
    (store / "networks" / f"k3d-{NAME}").touch()
    (store / "volumes" / f"k3d-{NAME}-images").touch()
    assert K3dCluster.own(mine.tools.engine) == []
    (work_dir() / f"{NAME}.json").write_text('{"run": "killed", "unfinished": true}')
    assert K3dCluster.own(mine.tools.engine) == [NAME]
    assert [one.what for one in K3dCluster.remains()] == [f"the k3d cluster {NAME}"]
    K3dCluster.remove(mine.tools.engine, NAME)
    assert not list((store / "networks").iterdir())
    assert not list((store / "volumes").iterdir())
    assert K3dCluster.own(mine.tools.engine) == []


class Images(Engine):
    """An engine that has these images and cannot pull."""

    def __init__(self, *names: str) -> None:
        super().__init__({}, private=False)
        object.__setattr__(self, "names", names)

    def docker(self, *args: str, timeout: float = 120.0) -> str:
        if args[0] == "pull":
            raise StepFailed("docker pull failed: no route to host")
        return "sha256:1" if args[-1] in self.names else ""  # type: ignore[attr-defined]


def test_a_tools_image_that_cannot_be_had_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("K3D_IMAGE_TOOLS", raising=False)
    usual = f"ghcr.io/k3d-io/k3d-tools:{SETTINGS.versions.components['k3d']}"
    with pytest.raises(UserError) as caught:
        ensure_tools_image(SETTINGS, Images())
    assert str(caught.value).startswith(f"{usual}, which k3d needs for every cluster, is not there")
    assert "K3D_IMAGE_TOOLS=" in str(caught.value)
    assert "\n" not in str(caught.value)
    ensure_tools_image(SETTINGS, Images(usual))


def test_another_tools_image_is_taken_when_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K3D_IMAGE_TOOLS", "tools:1")
    ensure_tools_image(SETTINGS, Images("tools:1"))
    with pytest.raises(UserError, match="tools:1, which k3d needs"):
        ensure_tools_image(SETTINGS, Images())
