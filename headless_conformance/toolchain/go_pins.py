"""Write the pins of every Go component that versions.yaml names: `modules/<component>-<version>/go.mod` and
`go.sum`.

Run `headless-conformance go-pins` after a change of versions.yaml, and commit what it wrote. A folder that is
there stays as it is: its pins are what was built and tested; one that the table names no more is named, to be
removed with git. Components that take Kubernetes' versions are written again when the newest row has another
client.

Each component has a go.mod of its own, so that it is built with the dependencies of its own release, and so
that nothing else is built again when it changes. What the release's go.mod replaces or sets as godebug
default is carried over, since Go reads both from the main module only.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import ROOT
from headless_conformance.core.process import output_of
from headless_conformance.core.versions import read_versions
from headless_conformance.toolchain.go import go_environment
from headless_conformance.toolchain.go_recipes import MODULES, RECIPES, Recipe, components_of, folder_of


def _go(*words: str) -> str:
    try:
        return output_of(["go", *words], env=go_environment(), timeout=600)
    except subprocess.CalledProcessError as error:
        raise UserError(reason(error)) from None


def reason(error: subprocess.CalledProcessError) -> str:
    """Go's own words: what is wrong stands last, after the way to it.

    `go mod download -json` says it on standard output.
    """
    try:
        return str(json.loads(error.stdout)["Error"])
    except (ValueError, LookupError, TypeError):
        return "\n    ".join(str(error.stderr).strip().splitlines()[-3:])


def _upstream(module: str, version: str) -> dict[str, Any]:
    fetched = json.loads(_go("mod", "download", "-json", f"{module}@v{version}"))
    parsed: dict[str, Any] = json.loads(_go("mod", "edit", "-json", fetched["GoMod"]))
    return parsed


def _replacements(upstream: dict[str, Any], version: str, recipe: Recipe) -> list[str]:
    lines = []
    for entry in upstream.get("Replace") or []:
        old, new = entry["Old"], entry["New"]
        if "Version" in new:
            lines.append(
                " ".join(filter(None, [old["Path"], old.get("Version"), "=>", new["Path"], new["Version"]]))
            )
    if recipe.staging:
        release = re.sub(r"^1\.", "v0.", version)
        staged = [entry["Path"] for entry in upstream["Require"] if entry["Version"] == "v0.0.0"]
        lines += [f"{path} => {path} {release}" for path in staged]
    return lines


def read_go_mod(folder: Path) -> dict[str, Any]:
    """A folder's go.mod as Go reads it: `Module`, `Go`, `Require`, `Replace` and so on."""
    parsed: dict[str, Any] = json.loads(_go("mod", "edit", "-json", str(folder / "go.mod")))
    return parsed


def versions_in(parsed: dict[str, Any]) -> dict[str, str]:
    """Module path to the version that is built, replacements applied."""
    replaced = {entry["Old"]["Path"]: entry["New"]["Version"] for entry in parsed.get("Replace") or []}
    return {
        entry["Path"]: replaced.get(entry["Path"], entry["Version"]) for entry in parsed.get("Require") or []
    }


def kubernetes_versions() -> dict[str, str]:
    """The version of each dependency of the table's newest Kubernetes. Its pins must have been written."""
    versions = versions_in(read_go_mod(folder_of("kubernetes", read_versions().newest.patch)))
    del versions[RECIPES["kubernetes"].module]
    return versions


def go_mod(component: str, version: str) -> str:
    """The go.mod of one component before `go mod tidy` has filled in the dependencies."""
    recipe = RECIPES[component]
    upstream = _upstream(recipe.module, version)
    go = upstream["Go"]
    required = dict.fromkeys((recipe.module, *recipe.extra_modules), f"v{version}")
    if recipe.takes_kubernetes_versions:
        required |= kubernetes_versions()
        go = max(
            go, read_go_mod(folder_of("kubernetes", read_versions().newest.patch))["Go"], key=_as_numbers
        )
    parts = [f"module headless-conformance.invalid/{component}", f"go {go}"]
    for verb, lines in (
        ("godebug", [f"{entry['Key']}={entry['Value']}" for entry in upstream.get("Godebug") or []]),
        ("require", [f"{module} {release}" for module, release in required.items()]),
        ("replace", _replacements(upstream, version, recipe)),
        ("tool", sorted(recipe.commands.values())),
    ):
        if lines:
            parts += [f"{verb} (", *lines, ")"]
    return "\n".join(parts) + "\n"


def _as_numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")]


def _has_other_client(folder: Path) -> bool:
    """Whether the pins in a folder have another Kubernetes client than the newest row."""
    client = "k8s.io/client-go"
    return versions_in(read_go_mod(folder)).get(client) != kubernetes_versions()[client]


def generate(component: str, version: str) -> Path | None:
    """Write one folder of pins; None when it is there already.

    Raises UserError with Go's words, such as that a module is not to be had.
    """
    folder = folder_of(component, version)
    if folder.exists() and not (RECIPES[component].takes_kubernetes_versions and _has_other_client(folder)):
        return None
    with tempfile.TemporaryDirectory() as made:
        (Path(made) / "go.mod").write_text(go_mod(component, version))
        _go("-C", made, "mod", "tidy")
        shutil.copytree(made, folder, dirs_exist_ok=True)
    return folder


def take_kubernetes_versions(folder: Path) -> bool:
    """Give a program of ours Kubernetes' versions of common modules; False when it has that client."""
    if not _has_other_client(folder):
        return False
    ours, kubernetes = versions_in(read_go_mod(folder)), kubernetes_versions()
    words = [f"-require={path}@{kubernetes[path]}" for path in ours if path in kubernetes]
    _go("-C", str(folder), "mod", "edit", *words)
    _go("-C", str(folder), "mod", "tidy")
    return True


def generate_all(own_programs: Iterable[Path] = ()) -> None:
    """Write what is missing, all that can be had, and the pins of `own_programs`.

    UserError names what cannot be had.
    """
    failed = []
    named = components_of(read_versions())
    works: dict[str, Callable[[], object]] = {
        **{f"{component} {version}": partial(generate, component, version) for component, version in named},
        **{folder.name: partial(take_kubernetes_versions, folder) for folder in own_programs},
    }
    for name, write in works.items():
        try:
            written = write()
        except UserError as error:
            failed.append(name)
            print(f"{name}: {error}")
        else:
            print(f"{name}: {'written' if written else 'there'}")
    for path in sorted(MODULES.glob("*/go.mod")):
        if path.parent not in {folder_of(*pair) for pair in named}:
            print(
                f"{path.parent.name}: not in versions.yaml any more; "
                f"remove it with `git rm -r {path.parent.relative_to(ROOT)}`"
            )
    if failed:
        raise UserError(
            f"There are no pins for {', '.join(failed)}; take a version whose modules Go can have."
        )
