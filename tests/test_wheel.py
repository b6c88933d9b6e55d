"""The wheel is all that a person needs: installed into an empty environment, used in an empty folder."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from headless_conformance.cli.commands import COMMANDS, OF_CLONE
from headless_conformance.core.paths import ROOT
from headless_conformance.requirements.documents import load_documents
from headless_conformance.results.report_file import write_report
from tests.cluster.api_stand_in import ApiStandIn, serving, write_kubeconfig
from tests.results.reports import all_passed, report_of

A_REQUIREMENT = list(load_documents().requirements)[-1]
Program = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the programs of an environment that has the wheel, and of this one the packages that it
    needs, but not this clone."""
    folder = tmp_path_factory.mktemp("wheel")
    pip: list[str | Path] = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    alone = ["--quiet", "--no-deps", "--no-index"]
    build: list[str | Path] = [
        *pip,
        "wheel",
        *alone,
        "--no-build-isolation",
        "--wheel-dir",
        folder / "dist",
        ROOT,
    ]
    subprocess.run(build, check=True, timeout=120)
    environment = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True, timeout=120)
    (found,) = environment.glob("lib/python*/site-packages")
    # Files like this one in a folder that is named here are not read: the clone's own stays out.
    (found / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    (wheel,) = (folder / "dist").iterdir()
    install: list[str | Path] = [*pip, "--python", environment / "bin" / "python", "install", *alone, wheel]
    subprocess.run(install, check=True, timeout=120)
    return environment / "bin"


@pytest.fixture
def program(programs: Path, tmp_path: Path) -> Program:
    """Runs one of its programs in an empty folder, with an empty home and no program in PATH."""
    (tmp_path / "home").mkdir()
    (tmp_path / "empty").mkdir()

    def run(name: str, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        own = {"HOME": str(tmp_path / "home"), "PATH": "/nonexistent", "COLUMNS": "200", **env}
        return subprocess.run(
            [programs / name, *words],
            cwd=tmp_path / "empty",
            env=own,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def test_it_lists_every_requirement_with_the_tests_that_came_along(program: Program, tmp_path: Path) -> None:
    said = program("headless-conformance", "list")
    assert (said.returncode, said.stderr) == (0, "")
    assert [line.split()[0] for line in said.stdout.splitlines()] == list(load_documents().requirements)
    assert "several-nodes,kubelet" in said.stdout
    assert program("headless-conformance", "requirements").returncode == 0
    assert list((tmp_path / "empty").iterdir()) == []


def test_its_help_has_the_commands_that_need_no_clone(program: Program) -> None:
    said = program("headless-conformance", "--help").stdout.split()
    assert {name for name in COMMANDS if name in said} == COMMANDS.keys() - set(OF_CLONE)


@pytest.mark.parametrize("name", OF_CLONE)
def test_what_needs_a_clone_says_so(name: str, program: Program) -> None:
    done = program("headless-conformance", name)
    assert done.returncode == 2
    assert done.stderr == f"error: {name} needs a clone of this project; run `make {name}` there.\n"


def test_it_names_no_commit_of_the_folder_that_it_lies_in(program: Program) -> None:
    assert "commit unknown\n" in program("headless-conformance", "version").stdout


def test_it_is_a_plug_in_of_kubectl(program: Program) -> None:
    assert "kubectl headless [OPTIONS] COMMAND" in program("kubectl-headless", "--help").stdout


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("e2e", "--provider", "k"), ["kind", "k3d"]),
        (("e2e", "--requirement", A_REQUIREMENT), [A_REQUIREMENT]),
        (("comp",), ["compare"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_kubectl_and_a_shell_complete_its_words(
    words: Sequence[str], offered: list[str], program: Program
) -> None:
    *lines, end = program("kubectl_complete-headless", *words).stdout.splitlines()
    assert ([line.split("\t")[0] for line in lines], end) == (offered, ":4")
    bash = {
        "_HEADLESS_CONFORMANCE_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(("headless-conformance", *words)),
        "COMP_CWORD": str(len(words)),
    }
    assert program("headless-conformance", **bash).stdout.split() == offered


def test_it_compares_reports_of_the_folder_that_the_person_is_in(program: Program, tmp_path: Path) -> None:
    write_report(report_of(all_passed()), tmp_path / "empty" / "a.yaml")
    write_report(report_of(all_passed(but="ONE-A-01")), tmp_path / "empty" / "b.yaml")
    done = program("headless-conformance", "compare", "A=a.yaml", "B=b.yaml")
    assert done.returncode == 0
    assert "ONE-A-01" in done.stdout


VERSION = {
    "major": "1",
    "minor": "37",
    "gitVersion": "v1.37.0",
    "gitCommit": "",
    "gitTreeState": "",
    "buildDate": "",
    "goVersion": "",
    "compiler": "",
    "platform": "",
}
"""Of an API server, as /version says it."""


class OfVersion(ApiStandIn):
    """An API server that knows its version and no more."""

    def answer(self, path: str) -> tuple[int, object]:
        return 200, VERSION


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Iterator[Path]:
    with serving(OfVersion()) as port:
        yield write_kubeconfig(tmp_path / "kubeconfig", port)


def kubectl(folder: Path, version: str) -> Path:
    """A program in a folder of its own that says that it is kubectl of this version."""
    folder.mkdir()
    said = f'{{"clientVersion": {{"gitVersion": "{version}"}}}}'
    (folder / "kubectl").write_text(f"#!/bin/sh\necho '{said}'\n")
    (folder / "kubectl").chmod(0o755)
    return folder


@pytest.mark.parametrize("version", ["", "v1.35.9", "v2.37.0", "v1.39.0-eks-1", "none"])
def test_a_kubectl_that_is_missing_or_too_far_from_the_server_is_one_sentence(
    version: str, program: Program, kubeconfig: Path, tmp_path: Path
) -> None:
    path = kubectl(tmp_path / "bin", version) if version else Path("/nonexistent")
    done = program(
        "headless-conformance",
        "e2e",
        "PROVIDER=existing",
        f"KUBECONFIG={kubeconfig}",
        "DRY_RUN=1",
        PATH=str(path),
    )
    assert done.returncode == 2
    said = {"": "There is no kubectl", "none": f"{path}/kubectl is none"}.get(
        version, f"{path}/kubectl is {version.removeprefix('v')}"
    )
    wanted = "and the cluster is Kubernetes 1.37.0; install kubectl 1.37 and put it first in PATH."
    assert done.stderr == f"error: {said}, {wanted}\n"
    assert list((tmp_path / "empty").iterdir()) == []
    assert not list((tmp_path / "home").rglob("*.kubeconfig"))


@pytest.mark.parametrize("version", ["v1.36.4", "v1.37.2-rc.1", "v1.38.0+k3s1"])
def test_a_kubectl_next_to_the_server_is_taken(
    version: str, program: Program, kubeconfig: Path, tmp_path: Path
) -> None:
    path = kubectl(tmp_path / "bin", version)
    done = program(
        "headless-conformance",
        "e2e",
        "PROVIDER=existing",
        f"KUBECONFIG={kubeconfig}",
        "DRY_RUN=1",
        PATH=str(path),
    )
    assert "kubectl" not in done.stderr
    assert "Kubernetes 1.37.0. Provider existing: context stand-in" in done.stdout
