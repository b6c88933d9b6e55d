"""Image archives are the same bytes for the same inputs, and the entrypoint of the MySQL image does what its
head says."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from headless_conformance.core.paths import MANIFESTS
from headless_conformance.images import workloads
from headless_conformance.images.archive import (
    Directory,
    File,
    ImageConfig,
    LayerEntry,
    Link,
    write_archive,
    write_layer,
)
from headless_conformance.images.mysql_data import SIZES, TEMPLATE, template_entries

ENTRYPOINT = workloads.IMAGES_FOLDER / "mysql_server" / "entrypoint"
TABLES = b"\0page one\0page two" + bytes(2000)


def new_data(folder: Path) -> Path:
    """What a server leaves that has initialised a data directory, in small."""
    content = {
        "mysql.ibd": TABLES,
        "undo": bytes(4096),
        "mysql/user": b"root",
        "#innodb_redo/#ib_redo7": b"log",
        "#innodb_redo/#ib_redo8_tmp": b"spare",
        "#ib_16384_0.dblwr": b"pages",
        "auto.cnf": b"[auto]\nserver-uuid=1\n",
        "ca-key.pem": b"secret",
    }
    for name, text in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text)
    (folder / "#innodb_temp").mkdir()
    return folder


def layer(path: Path) -> Path:
    write_layer(
        path, {"/etc/motd": File(b"hello\n"), "/usr/bin/x": Link("y"), "/data": Directory(0o700, 999, 999)}
    )
    return path


def test_a_layer_has_its_parents_modes_and_owners(tmp_path: Path) -> None:
    with tarfile.open(layer(tmp_path / "layer.tar")) as tar:
        members = {member.name: member for member in tar}
    assert list(members) == ["data", "etc", "etc/motd", "usr", "usr/bin", "usr/bin/x"]
    assert (members["data"].mode, members["data"].uid) == (0o700, 999)
    assert members["etc"].isdir()
    assert members["usr/bin/x"].linkname == "y"


def test_equal_inputs_give_equal_archives(tmp_path: Path) -> None:
    first, second = tmp_path / "1.tar", tmp_path / "2.tar"
    config = ImageConfig(command=("sh",), env=(("A", "b"),), user="1:2", volumes=("/data",))
    for path in (first, second):
        write_archive(path, ["x/y:1"], [layer(tmp_path / "layer.tar")], config)
    assert first.read_bytes() == second.read_bytes()


def test_an_archive_describes_its_layers(tmp_path: Path) -> None:
    path, part = tmp_path / "image.tar", layer(tmp_path / "layer.tar")
    identity = write_archive(
        path, ["x/y:1", "x/z:1"], [part, part], ImageConfig(entrypoint=("/x",), ports=("3306/tcp",))
    )
    with tarfile.open(path) as tar:
        read = {member.name: tar.extractfile(member) for member in tar}
        content = {name: file.read() for name, file in read.items() if file is not None}
    (manifest,) = json.loads(content["manifest.json"])
    config = content[manifest["Config"]]
    assert identity == f"sha256:{hashlib.sha256(config).hexdigest()}"
    assert manifest["RepoTags"] == ["x/y:1", "x/z:1"]
    assert content[manifest["Layers"][0]] == part.read_bytes()
    digest = f"sha256:{hashlib.sha256(part.read_bytes()).hexdigest()}"
    assert json.loads(config)["rootfs"]["diff_ids"] == [digest, digest]
    assert json.loads(config)["config"] == {"Entrypoint": ["/x"], "Env": [], "ExposedPorts": {"3306/tcp": {}}}


def test_an_archive_that_cannot_be_finished_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_archive(tmp_path / "image.tar", ["x:1"], [tmp_path / "none"], ImageConfig())
    assert list(tmp_path.iterdir()) == []


def test_each_name_in_the_manifests_has_its_substitute() -> None:
    made = [f"headless-conformance/{name}:7" for name in ("client", "mysql-server", "classic-nslookup")]
    assert workloads.substitute_images(made) == {
        "mysql:8.4": "headless-conformance/mysql-server:7",
        "busybox:1.28": "headless-conformance/classic-nslookup:7",
        "python:3.11-slim": "headless-conformance/client:7",
    }
    assert workloads.substitute_images(made[:1]) == {"python:3.11-slim": "headless-conformance/client:7"}


def test_the_cache_is_used_until_an_input_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    built: list[Path] = []

    def layers(scratch: Path) -> list[Path]:
        built.append(scratch)
        return [layer(scratch / "layer.tar")]

    first = workloads._archive("x", "1", ["a"], ImageConfig(), layers)
    assert workloads._archive("x", "1", ["a"], ImageConfig(), layers) == first
    assert workloads._archive("x", "1", ["b"], ImageConfig(), layers) != first
    assert workloads._archive("x", "1", ["a"], ImageConfig(user="1"), layers) != first
    assert len(built) == 3
    assert not any(scratch.exists() for scratch in built)


class Container:
    """The entrypoint with a data directory and a template of the test's, and a mysqld that notes what it
    is asked."""

    def __init__(self, folder: Path) -> None:
        self.data, self.calls, self.programs = folder / "data", folder / "calls", folder / "bin"
        self.data.mkdir()
        self.programs.mkdir()
        self.script = folder / "entrypoint"
        self.template = folder / "template"
        text = ENTRYPOINT.read_text().replace("/var/lib/mysql", str(self.data))
        self.script.write_text(text.replace(TEMPLATE, str(self.template)))
        self.bring(template_entries(new_data(folder / "made")))
        self.program("mysqld", f'echo "$*" >> {self.calls}')
        self.program("id", "echo 999")

    def bring(self, entries: Mapping[str, LayerEntry]) -> None:
        """Put these entries where the entrypoint looks for the template."""
        for name, entry in entries.items():
            path = Path(name.replace(TEMPLATE, str(self.template)))
            if isinstance(entry, File):
                assert isinstance(entry.content, bytes)
                path.write_bytes(entry.content)
            else:
                path.mkdir()

    def program(self, name: str, text: str) -> None:
        (self.programs / name).write_text(f"#!/bin/bash\n{text}\n")
        (self.programs / name).chmod(0o755)

    def start(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        path = f"{self.programs}{os.pathsep}{os.defpath}"
        command = ["bash", str(self.script), *words]
        return subprocess.run(command, env={"PATH": path, **env}, text=True, capture_output=True, check=False)

    @property
    def asked(self) -> list[str]:
        return self.calls.read_text().splitlines() if self.calls.exists() else []

    @property
    def accounts(self) -> str:
        return (self.data / ".run/accounts.sql").read_text()


@pytest.fixture
def container(tmp_path: Path) -> Container:
    return Container(tmp_path)


def test_an_empty_data_directory_becomes_a_copy_once(container: Container) -> None:
    (container.data / "lost+found").mkdir()
    for _ in range(2):
        assert container.start("mysqld", "--port=1", MYSQL_ROOT_PASSWORD="x").returncode == 0
        assert (container.data / "mysql.ibd").read_bytes() == TABLES
        assert (container.data / "undo").read_bytes() == bytes(4096)
        (container.data / "mysql/user").write_text("alice")
    start = f"--init-file={container.data}/.run/accounts.sql --port=1"
    assert container.asked == [start, start]
    assert (container.data / "lost+found").is_dir()
    assert (container.data / "mysql/user").read_text() == "alice"
    assert (container.data / "mysql.ibd").stat().st_mode & 0o777 == 0o640


def test_a_copy_has_nothing_that_tells_one_server_from_another(container: Container) -> None:
    assert container.start(MYSQL_ROOT_PASSWORD="x").returncode == 0
    found = {str(path.relative_to(container.data)) for path in container.data.rglob("*")}
    redo = {"#innodb_redo", "#innodb_redo/#ib_redo7"}
    assert found == {"mysql", "mysql/user", "mysql.ibd", "undo", ".run", ".run/accounts.sql", *redo}


def test_zeros_at_the_end_of_a_file_are_not_in_the_image(tmp_path: Path) -> None:
    entries = template_entries(new_data(tmp_path / "made"))
    assert entries[f"{TEMPLATE}/undo"] == File(b"")
    assert entries[f"{TEMPLATE}/mysql.ibd"] == File(TABLES.rstrip(b"\0"))
    assert entries[SIZES] == File(f"{len(TABLES)} mysql.ibd\n4096 undo\n".encode())


def test_what_an_unfinished_start_left_is_filled_anew(container: Container) -> None:
    (container.data / ".unfinished").touch()
    (container.data / "mysql").mkdir()
    (container.data / "mysql/half").touch()
    assert container.start(MYSQL_ROOT_PASSWORD="x").returncode == 0
    assert (container.data / "mysql/user").exists()
    assert not (container.data / "mysql/half").exists()
    assert not (container.data / ".unfinished").exists()


def test_a_failed_filling_is_tried_again_at_the_next_start(container: Container) -> None:
    container.program("truncate", "exit 7")
    assert container.start(MYSQL_ROOT_PASSWORD="x").returncode == 7
    assert (container.data / ".unfinished").exists()
    assert container.asked == []
    (container.programs / "truncate").unlink()
    assert container.start(MYSQL_ROOT_PASSWORD="x").returncode == 0
    assert (container.data / "mysql.ibd").read_bytes() == TABLES


def test_the_password_is_quoted_and_only_its_owner_may_read_it(container: Container) -> None:
    container.start(MYSQL_ROOT_PASSWORD="it's \\ odd")
    assert "QUOTE('it\\'s \\\\ odd')" in container.accounts
    assert (container.data / ".run/accounts.sql").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("env", [{}, {"MYSQL_ROOT_PASSWORD": ""}], ids=["none", "empty"])
def test_a_start_without_a_password_says_so_and_touches_nothing(
    container: Container, env: dict[str, str]
) -> None:
    done = container.start(**env)
    assert done.returncode == 1
    assert "MYSQL_ROOT_PASSWORD must give a password" in done.stderr
    assert list(container.data.iterdir()) == []
    assert container.asked == []


def test_a_server_is_not_started_as_root(container: Container) -> None:
    container.program("id", "echo 0")
    assert "does not run as root" in container.start(MYSQL_ROOT_PASSWORD="x").stderr
    assert container.asked == []


def test_another_program_is_run_instead(container: Container) -> None:
    assert container.start("echo", "hello").stdout == "hello\n"


def test_the_stub_says_that_it_is_no_database_and_ends_at_once(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    (manifest,) = MANIFESTS.glob("*/stub_set.yaml")
    stub_set = list(yaml.safe_load_all(manifest.read_text()))[1]
    python, *words = stub_set["spec"]["template"]["spec"]["containers"][0]["command"]
    assert python == "python3"
    stub = subprocess.Popen([sys.executable, *words, str(port)])
    try:
        said = b""
        while not said and stub.poll() is None:
            try:
                with socket.create_connection(("localhost", port), timeout=5) as connection:
                    said = connection.recv(200)
            except ConnectionRefusedError:
                continue
        assert said == f"headless-conformance stub on {socket.gethostname()}, not a database\n".encode()
        stub.send_signal(signal.SIGTERM)
        assert stub.wait(timeout=5) == 0
    finally:
        stub.kill()
        stub.wait()
