"""The contracts find a layer that is named in a string, and every way to name one."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from headless_conformance.core.paths import ROOT
from headless_conformance.core.provider_names import PROVIDERS
from tests.import_contract import UnknownNameError, named_in

CONFIGURATION = """
[tool.importlinter]
root_packages = ["layered"]
contract_types = [
    "acyclic_with_names: tests.import_contract.AcyclicWithNames",
    "layers_with_names: tests.import_contract.LayersWithNames",
]

[[tool.importlinter.contracts]]
name = "layers"
type = "layers_with_names"
containers = ["layered"]
layers = ["high", "low"]

[[tool.importlinter.contracts]]
name = "circles"
type = "acyclic_with_names"
ancestors = ["layered"]
"""

VIOLATIONS = {
    "import": "import layered.high.tool",
    "import for type checking": (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from layered.high import tool"
    ),
    "import in a function": "def late():\n    from layered.high import tool",
    "plugins": "pytest_plugins = ['layered.high.tool']",
    "one plugin": "pytest_plugins = 'layered.high.tool'",
    "importlib": "import importlib\nimportlib.import_module('layered.high')",
    "argument": "command = ['pytest', '-p', 'layered.high.tool', '-q']",
    "argument that switches off": "command = ('pytest', '-p', 'no:layered.high.tool')",
    "arguments in one string": "options = '-q -p layered.high.tool'",
    "attribute of a module": "target = 'layered.high.tool.function'",
    "entry point": "target = 'layered.high.tool:main'",
}


def lint(folder: Path, low: str, high: str = "", beside: str = "") -> subprocess.CompletedProcess[str]:
    for name, text in (
        ("__init__", ""),
        ("low", low),
        ("high/__init__", ""),
        ("high/tool", high),
        ("high/beside", beside),
    ):
        path = folder / "layered" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "pyproject.toml").write_text(CONFIGURATION)
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("low", VIOLATIONS.values(), ids=VIOLATIONS.keys())
def test_a_lower_layer_that_names_a_higher_one_is_found(tmp_path: Path, low: str) -> None:
    done = lint(tmp_path, low)
    assert done.returncode == 1, done.stdout
    assert "layered.low is not allowed to import layered.high" in done.stdout


def test_a_higher_layer_may_name_a_lower_one(tmp_path: Path) -> None:
    done = lint(
        tmp_path,
        "words = 'no module: -p no:cacheprovider, high.tool'",
        high="pytest_plugins = ['layered.low']",
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "back",
    [
        "import layered.high.tool",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from layered.high import tool",
        "def late():\n    import layered.high.tool",
        "target = 'layered.high.tool:main'",
    ],
    ids=["import", "import for type checking", "import in a function", "name"],
)
def test_modules_of_one_layer_that_import_each_other_are_found(tmp_path: Path, back: str) -> None:
    forth = "from layered.high import beside"
    assert lint(tmp_path, "", high=forth).returncode == 0
    done = lint(tmp_path, "", high=forth, beside=back)
    assert done.returncode == 1
    assert "circles BROKEN" in done.stdout


def test_a_name_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(
        UnknownNameError, match=r"layered\.low, line 2: import_module must be given the name as a string"
    ):
        list(named_in("from importlib import import_module\nimport_module(name)", "layered.low"))
    assert lint(tmp_path, "import importlib\nimportlib.import_module(__name__ + '.high')").returncode == 1


def test_a_module_of_a_package_that_is_named_is_an_import_of_that_package(tmp_path: Path) -> None:
    chosen = "from importlib import import_module\nimport_module(f'layered.high.{choice}')"
    assert "layered.low is not allowed to import layered.high" in lint(tmp_path, chosen).stdout
    with pytest.raises(UnknownNameError):
        list(named_in("import_module(f'{package}.high')", "layered.low"))


def test_no_import_of_ours_is_ignored() -> None:
    assert "ignore" not in (ROOT / "pyproject.toml").read_text().partition("[tool.importlinter]")[2]


def test_every_provider_is_kept_apart_from_the_others() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (contract,) = (found for found in contracts if found["name"] == "A provider imports no other provider")
    assert set(contract["modules"]) == {f"headless_conformance.providers.{name}" for name in PROVIDERS}


def test_the_root_conftest_names_only_plugins_and_fixtures() -> None:
    named = {name for name, _ in named_in((ROOT / "conftest.py").read_text(), "conftest")}
    assert {"headless_conformance.plugin", "fixtures.cluster"} <= named
    allowed = ("headless_conformance.plugin.", "fixtures.")
    assert [name for name in sorted(named) if not f"{name}.".startswith(allowed)] == []
