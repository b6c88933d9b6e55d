"""The pins in the tree, and their generator."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from headless_conformance.cli.application import run
from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import ROOT
from headless_conformance.core.versions import read_versions
from headless_conformance.images.node.parts import NETD
from headless_conformance.toolchain import go_pins as generator
from headless_conformance.toolchain.go_recipes import MODULES, RECIPES, components_of, folder_of


@pytest.mark.parametrize(("component", "version"), components_of(read_versions()))
def test_pins_are_those_of_the_table(component: str, version: str) -> None:
    recipe, text = RECIPES[component], (folder_of(component, version) / "go.mod").read_text()
    for module in (recipe.module, *recipe.extra_modules):
        assert re.search(
            rf"^\s*(require )?{re.escape(module)} v{re.escape(version)}( // indirect)?$", text, re.MULTILINE
        )
    for package in recipe.commands.values():
        assert re.search(rf"^\s*(tool )?{re.escape(package)}$", text, re.MULTILINE), package
    placeholders = set(re.findall(r"^\s*(?:require )?(\S+) v0\.0\.0(?: // indirect)?$", text, re.MULTILINE))
    assert placeholders <= set(re.findall(r"^\s*(?:replace )?(\S+) => ", text, re.MULTILINE))
    assert (folder_of(component, version) / "go.sum").exists()


def newest_kubernetes() -> dict[str, str]:
    return generator.versions_in(generator.read_go_mod(folder_of("kubernetes", read_versions().newest.patch)))


@pytest.mark.parametrize(
    "folder",
    [
        NETD,
        *(
            folder_of(name, version)
            for name, version in components_of(read_versions())
            if RECIPES[name].takes_kubernetes_versions
        ),
    ],
    ids=lambda folder: str(folder.name),
)
def test_tools_are_built_with_the_packages_that_the_newest_kubernetes_is_built_with(folder: Path) -> None:
    kubernetes = newest_kubernetes()
    own = generator.versions_in(generator.read_go_mod(folder))
    client = ("k8s.io/", "sigs.k8s.io/", "golang.org/x/", "google.golang.org/")
    common = [module for module in own if module in kubernetes and module.startswith(client)]
    assert "k8s.io/client-go" in common
    assert {module: own[module] for module in common} == {module: kubernetes[module] for module in common}


def test_what_a_cluster_is_judged_by_keeps_the_dependencies_of_its_release() -> None:
    takers = {name for name, recipe in RECIPES.items() if recipe.takes_kubernetes_versions}
    assert takers == {"crictl", "kwok", "local-path-provisioner"}


def test_a_tool_asks_for_the_versions_of_the_newest_kubernetes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator, "_upstream", lambda *_: {"Go": "1.9.0", "Require": []})
    lines = {line.strip() for line in generator.go_mod("kwok", "0.8.0").splitlines()}
    kubernetes = newest_kubernetes()
    assert {"sigs.k8s.io/kwok v0.8.0", f"k8s.io/client-go {kubernetes['k8s.io/client-go']}"} <= lines
    assert not [line for line in lines if line.startswith("k8s.io/kubernetes ")]
    assert f"go {generator.read_go_mod(folder_of('kubernetes', read_versions().newest.patch))['Go']}" in lines
    assert not [line for line in generator.go_mod("etcd", "3.7.0").splitlines() if "k8s.io/" in line]


def test_pins_of_a_tool_are_written_again_when_the_newest_kubernetes_has_another_client(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pins = tmp_path / "kwok-1"
    pins.mkdir()
    monkeypatch.setattr(generator, "folder_of", lambda *pair: pins if pair[0] == "kwok" else folder_of(*pair))
    monkeypatch.setattr(generator, "go_mod", lambda *_: "module new.invalid\n\ngo 1.26.0\n")
    client = newest_kubernetes()["k8s.io/client-go"]
    (pins / "go.mod").write_text(f"module old.invalid\n\ngo 1.26.0\n\nrequire k8s.io/client-go {client}\n")
    assert generator.generate("kwok", "1") is None
    (pins / "go.mod").write_text("module old.invalid\n\ngo 1.26.0\n\nrequire k8s.io/client-go v0.1.0\n")
    assert generator.generate("kwok", "1") == pins
    assert (pins / "go.mod").read_text().startswith("module new.invalid\n")


def test_a_program_of_ours_takes_the_versions_that_it_has_in_common_with_kubernetes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[tuple[str, ...]] = []
    go = generator._go

    def recorded(*words: str) -> str:
        if "-json" in words:
            return go(*words)
        asked.append(words)
        return ""

    monkeypatch.setattr(generator, "_go", recorded)
    (tmp_path / "go.mod").write_text(
        "module own.invalid\n\nrequire (\n\tk8s.io/client-go v0.1.0\n\texample.invalid/own v1.0.0\n)\n"
    )
    assert generator.take_kubernetes_versions(tmp_path)
    client = newest_kubernetes()["k8s.io/client-go"]
    at = ("-C", str(tmp_path), "mod")
    assert asked == [(*at, "edit", f"-require=k8s.io/client-go@{client}"), (*at, "tidy")]
    assert not generator.take_kubernetes_versions(NETD)


def test_no_pins_are_kept_that_the_table_does_not_name() -> None:
    kept = {path.name for path in MODULES.iterdir() if path.is_dir()}
    assert kept == {folder_of(*pair).name for pair in components_of(read_versions())}


def test_pins_that_cannot_be_had_are_named_and_the_others_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fake(component: str, _version: str) -> Path | None:
        if component == "etcd":
            raise UserError("go.etcd.io/etcd/server/v3@v9.9.9: not found")
        return None if component == "kwok" else Path("written")

    monkeypatch.setattr(
        generator, "components_of", lambda _: [("etcd", "9.9.9"), ("kwok", "1.0.0"), ("kind", "1.0.0")]
    )
    monkeypatch.setattr(generator, "generate", fake)
    assert run(["go-pins"]) == 2
    said = capsys.readouterr()
    assert said.out.splitlines()[:3] == [
        "etcd 9.9.9: go.etcd.io/etcd/server/v3@v9.9.9: not found",
        "kwok 1.0.0: there",
        "kind 1.0.0: written",
    ]
    newest = read_versions().newest.patch
    assert (
        "not in versions.yaml any more; "
        f"remove it with `git rm -r {MODULES.relative_to(ROOT)}/kubernetes-{newest}`" in said.out
    )
    assert said.err == "error: There are no pins for etcd 9.9.9; take a version whose modules Go can have.\n"


def test_go_says_what_is_wrong_in_either_stream() -> None:
    words = "etcd@v9.9.9: invalid version"
    for stdout, stderr in ((f'{{"Error": "{words}"}}', ""), ("", f"go: finding\n{words}\n")):
        error = subprocess.CalledProcessError(1, "go", output=stdout, stderr=stderr)
        assert generator.reason(error).endswith(words)
