"""Write the pins of every Go component that versions.yaml names: `modules/<component>-<version>/go.mod` and
`go.sum`.

Run `headless-conformance go-pins` after a change of versions.yaml, and commit what it wrote. A folder that is
there stays as it is: its pins are what was built and tested; one that the table names no more is named, to be
removed with git.

Each component has a go.mod of its own so that it is built with the dependencies of its own release: what the
release's go.mod replaces or sets as godebug default is carried over, since Go reads both from the main module
only.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import ROOT
from headless_conformance.core.process import output_of
from headless_conformance.core.versions import read_versions
from headless_conformance.toolchain.go import (
    MODULES,
    RECIPES,
    Recipe,
    components_of,
    folder_of,
    go_environment,
)

_FOLDER = MODULES


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


def go_mod(component: str, version: str) -> str:
    """The go.mod of one component before `go mod tidy` has filled in the dependencies."""
    recipe = RECIPES[component]
    upstream = _upstream(recipe.module, version)
    godebug = [f"{entry['Key']}={entry['Value']}" for entry in upstream.get("Godebug") or []]
    required = [f"{module} v{version}" for module in (recipe.module, *recipe.extra_modules)]
    parts = [f"module headless-conformance.invalid/{component}", f"go {upstream['Go']}"]
    for verb, lines in (
        ("godebug", godebug),
        ("require", required),
        ("replace", _replacements(upstream, version, recipe)),
        ("tool", sorted(recipe.commands.values())),
    ):
        parts += [f"{verb} {line}" for line in lines]
    return "\n".join(parts) + "\n"


def generate(component: str, version: str) -> Path | None:
    """Write one folder of pins; None when it is there already.

    Raises UserError with Go's words, such as that a module is not to be had.
    """
    folder = folder_of(component, version)
    if folder.exists():
        return None
    with tempfile.TemporaryDirectory() as made:
        (Path(made) / "go.mod").write_text(go_mod(component, version))
        _go("-C", made, "mod", "tidy")
        shutil.copytree(made, folder)
    return folder


def generate_all() -> None:
    """Write what is missing, all that can be had. UserError names what cannot."""
    failed = []
    named = components_of(read_versions())
    for component, version in named:
        try:
            folder = generate(component, version)
        except UserError as error:
            failed.append(f"{component} {version}")
            print(f"{component} {version}: {error}")
        else:
            print(f"{component} {version}: {'there' if folder is None else 'written'}")
    for path in sorted(_FOLDER.glob("*/go.mod")):
        if path.parent not in {folder_of(*pair) for pair in named}:
            print(
                f"{path.parent.name}: not in versions.yaml any more; "
                f"remove it with `git rm -r {path.parent.relative_to(ROOT)}`"
            )
    if failed:
        raise UserError(
            f"There are no pins for {', '.join(failed)}; take a version whose modules Go can have."
        )
