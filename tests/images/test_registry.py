"""Images through a real registry on 127.0.0.1: what `image-archive` writes, IMAGE_PREFIX, PULL_SECRET, and
IMAGES=pull."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import socket
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

import headless_conformance.images.node as node
from headless_conformance.core.errors import UserError
from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import OwnCluster, Settings, from_env
from headless_conformance.engine.engine import Engine, find_engine
from headless_conformance.images import workloads
from headless_conformance.images.archive import PREFIX, File, ImageConfig, write_archive, write_layer
from headless_conformance.images.node import NodeImage, ensure_node_image
from headless_conformance.images.published import published_images
from headless_conformance.providers.existing import cluster as existing
from headless_conformance.toolchain.go import go_program
from tests.registry import Door, Registry, serving

DOCKER = """#!/bin/sh
# The words of docker that the pull path says, with the registry's own client underneath.
for last; do :; done
file=$STORE/$(echo "$last" | tr '/:@' ---).tar
case "$1 $2" in
"image inspect")
    [ -e "$file" ] || { echo "Error: No such image: $last" >&2; exit 1; }
    sha256sum <"$file" | cut -c1-64 ;;
"image rm") rm -f "$file" ;;
pull*) exec "$CRANE" pull "$last" "$file" ;;
*) echo "unexpected: $*" >&2; exit 64 ;;
esac
"""


@pytest.fixture(scope="module")
def crane() -> Path:
    if shutil.which("go") is None:
        pytest.skip("Go is missing, and the registry is built from its Go module")
    return go_program("crane", from_env({}).versions.components["crane"], "crane", Progress(1))


@pytest.fixture
def registry(crane: Path) -> Iterator[Registry]:
    with serving(crane) as served:
        yield served


def archive(path: Path, reference: str) -> str:
    """A small image of this name; its configuration's digest."""
    write_layer(path.with_suffix(".layer"), {"/etc/motd": File(reference.encode())})
    return write_archive(path, [reference], [path.with_suffix(".layer")], ImageConfig(command=("sh",)))


def test_what_the_archives_command_prints_is_where_the_prefix_looks(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    archives = {f"{PREFIX}/{name}:1": tmp_path / f"{name}.tar" for name in workloads.STAND_INS.values()}
    configs = {
        public: archive(archives[f"{PREFIX}/{name}:1"], f"{PREFIX}/{name}:1")
        for public, name in workloads.STAND_INS.items()
    }
    monkeypatch.setattr(workloads, "ensure_archives", lambda *_: archives)
    workloads.write_image_archives(from_env({}), tmp_path / "out")
    told = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    for path, _arrow, target in told:
        registry.push(Path(path), target.replace("IMAGE_PREFIX", "team"))
        with tarfile.open(path) as written:
            content = written.extractfile("manifest.json")
            assert content is not None
            (image,) = json.load(content)
        assert image["RepoTags"] == [target.removeprefix("IMAGE_PREFIX/")]
    found = published_images(OwnCluster(image_prefix=f"{registry.address}/team"))
    assert {public: registry.config(one.image) for public, one in found.items()} == configs


def test_the_pull_secret_holds_what_a_registry_with_a_password_asks_for(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = archive(tmp_path / "stub.tar", "x/stub:1")
    registry.push(tmp_path / "stub.tar", "team/stub:1")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "person"))
    with Door(registry.address, credentials="team:s3cret").open() as door:
        reference = f"{door.address}/team/stub:1"
        with pytest.raises(subprocess.CalledProcessError) as refused:
            registry.config(reference)
        assert "401" in refused.value.stderr
        (tmp_path / "person").mkdir()
        given = tmp_path / "given.json"
        given.write_text(
            json.dumps({"auths": {door.address: {"auth": base64.b64encode(b"team:s3cret").decode()}}})
        )
        secret = existing._pull_secret(given)
        (tmp_path / "person" / "config.json").write_bytes(
            base64.b64decode(secret["data"][".dockerconfigjson"])
        )
        assert registry.config(reference) == config


@dataclass
class Puller:
    """IMAGES=pull of a node image, by an engine of either kind."""

    engine: Engine
    said: io.StringIO = field(default_factory=io.StringIO)
    asked: list[str] = field(default_factory=list)

    def pull(self, reference: str) -> NodeImage:
        settings: Settings = from_env({"IMAGES": "pull"})
        release = replace(settings.release, node_image=reference)
        self.asked.append(reference)
        return ensure_node_image(
            release, self.engine, settings.with_changes(release=release), Progress(1, self.said)
        )

    def has(self, reference: str) -> bool:
        return node._identity(reference, self.engine) is not None


@pytest.fixture(params=["docker", "stand-in"])
def puller(
    request: pytest.FixtureRequest, crane: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Puller]:
    """By the Docker that answers on this machine, and by a stand-in for it that reads from the registry
    itself."""
    engine = find_engine()
    if request.param == "stand-in":
        programs = tmp_path / "programs"
        programs.mkdir()
        (programs / "docker").write_text(DOCKER)
        (programs / "docker").chmod(0o755)
        path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        engine = Engine({"PATH": path, "CRANE": str(crane), "STORE": str(tmp_path)}, private=False)
        # Python looks for a program in its own PATH, not in that of the child.
        monkeypatch.setenv("PATH", path)
    if engine is None:
        pytest.skip("no container engine answers; the stand-in pulls")
    made = Puller(engine)
    yield made
    for reference in made.asked:
        if made.has(reference):
            engine.docker("image", "rm", reference)


def test_an_image_is_pulled_by_name_and_digest_once(
    puller: Puller, registry: Registry, tmp_path: Path
) -> None:
    archive(tmp_path / "node.tar", "x/node:1")
    reference = (
        f"{registry.address}/kindest/node:v1@{registry.push(tmp_path / 'node.tar', 'kindest/node:v1')}"
    )
    image = puller.pull(reference)
    assert (image.reference, image.workloads) == (reference, {})
    (ended,) = puller.said.getvalue().splitlines()
    assert ended.startswith(f"[1/1] pull {registry.address}/kindest/node:v1: ")
    puller.said.truncate(0)
    assert puller.pull(reference).content_id == image.content_id
    assert puller.said.getvalue() == ""


def test_an_image_that_the_registry_has_not_is_one_sentence(puller: Puller, registry: Registry) -> None:
    with pytest.raises(
        UserError,
        match=r"kindest/node:v1.* cannot be pulled; check the network or use IMAGES=build .*(?i:unknown)",
    ):
        puller.pull(f"{registry.address}/kindest/node:v1@sha256:{'0' * 64}")
    assert ": failed after " in puller.said.getvalue()


def test_a_manifest_that_has_not_the_digest_asked_for_is_refused(
    puller: Puller, registry: Registry, tmp_path: Path
) -> None:
    archive(tmp_path / "node.tar", "x/node:1")
    archive(tmp_path / "other.tar", "x/other:1")
    asked = registry.push(tmp_path / "node.tar", "kindest/node:v1")
    other = registry.push(tmp_path / "other.tar", "kindest/node:v2")
    with Door(registry.address, forged={asked: other}).open() as door:
        reference = f"{door.address}/kindest/node:v1@{asked}"
        with pytest.raises(UserError, match=r"cannot be pulled.*(verification failed|does not match)"):
            puller.pull(reference)
    assert not puller.has(reference)


def test_a_registry_that_is_down_is_one_sentence(puller: Puller) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(
        UserError, match=r"cannot be pulled; check the network or use IMAGES=build .*connection refused"
    ):
        puller.pull(f"{address}/kindest/node:v1@sha256:{'0' * 64}")
