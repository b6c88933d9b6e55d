"""The table of variables is complete, and everything that names variables agrees with it."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest

from headless_conformance.cli.commands import COMMANDS, MAINTENANCE
from headless_conformance.cli.pages import MARKERS, with_table
from headless_conformance.core.levels import Level
from headless_conformance.core.paths import ROOT
from headless_conformance.core.settings import SCALE_NAMES, Images, as_environment, from_env
from headless_conformance.core.variables import RENAMED, VARIABLES, of_command, renamed_variable, unknown
from headless_conformance.core.versions import read_versions
from headless_conformance.run.robustness import DISTURBANCES


def test_every_variable_that_the_code_reads_is_in_the_table() -> None:
    reading = re.compile(r"""env(?:iron)?(?:\.get\(|\[)"([A-Z0-9_]+)|argument\("([A-Z_]+)"\)""")
    sources = [
        path
        for folder in ("headless_conformance", "fixtures", "suites")
        for path in (ROOT / folder).rglob("*.py")
    ]
    read = {name for path in sources for names in reading.findall(path.read_text()) for name in names if name}
    of_the_machine = {name for name in read if name.startswith("GITHUB_")} | {
        "PATH",
        "XDG_CACHE_HOME",
        "DOCKER_HOST",
    }
    read |= as_environment(from_env({})).keys()
    assert {"KEEP", "REQUIREMENT", "ARGS", "SCALE_SEED", "TARGET"} <= read
    assert read - of_the_machine <= VARIABLES.keys()


def test_every_command_of_the_table_exists() -> None:
    assert {command for variable in VARIABLES.values() for command in variable.commands} <= {
        *COMMANDS,
        *MAINTENANCE,
    }


def test_the_values_of_the_table_are_those_of_the_code() -> None:
    named = {name: re.findall("`([^`]+)`", variable.values) for name, variable in VARIABLES.items()}
    assert set(named["IMAGES"]) == set(Images)
    assert set(named["LEVEL"]) == set(Level)
    assert set(named["DISTURBANCE"]) == set(DISTURBANCES)
    assert named["K8S"] == [read_versions().rows[0].minor, read_versions().newest.minor]
    assert VARIABLES["SCALE_NAMES"].default == str(SCALE_NAMES)


def test_tox_hands_on_every_variable_of_a_run_and_old_names() -> None:
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    passed = {line for line in tox["testenv"]["pass_env"].splitlines() if line}
    of_tools = {"HOME", "XDG_CACHE_HOME", "DOCKER_HOST", "GO*", "PIP_*"}
    # tox names the version by its environment, and hands the arguments of pytest on as its own.
    of_tox = {"K8S", "ARGS"}
    assert passed == of_tools | ({variable.name for variable in of_command("e2e")} - of_tox) | RENAMED.keys()


def test_the_table_of_readers_is_the_present_one() -> None:
    text = (ROOT / "README.md").read_text()
    assert all(marker in text for marker in MARKERS)
    assert text == with_table(text), "run `make pages`"


def test_readers_find_every_variable() -> None:
    text = "".join((ROOT / page).read_text() for page in ("README.md", "docs/own-cluster.md"))
    assert not [name for name in VARIABLES if f"`{name}" not in text]


def test_the_chinese_page_names_variables_that_there_are() -> None:
    rows = re.findall(
        r"^\| (`[A-Z0-9_]+(?:=1)?`.*?) \|", (ROOT / "README.zh-CN.md").read_text(), re.MULTILINE
    )
    named = {name for row in rows for name in re.findall(r"`([A-Z0-9_]+)", row)}
    assert {"K8S", "PROVIDER", "KEEP", "REQUIREMENT"} <= named <= VARIABLES.keys()


@pytest.mark.parametrize(("given", "nearest"), [("KEP", "KEEP"), ("keep", "KEEP"), ("PROVDER", "PROVIDER")])
def test_a_misspelt_name_gets_the_nearest_one(given: str, nearest: str) -> None:
    assert (
        unknown(["K8S", given]) == f"{given} is not a variable of this suite; the nearest one is {nearest}."
    )


def test_a_name_that_is_near_none_gets_all_of_them() -> None:
    sentence = unknown(["QQQQQQ"])
    assert all(name in sentence for name in VARIABLES)


def test_names_of_tools_are_nobodys_mistake() -> None:
    assert unknown(["GOPROXY", "VENV", "https_proxy", "PYTHON_FOR_VENV", *VARIABLES]) == ""


def test_an_old_name_gets_its_new_one() -> None:
    assert (
        renamed_variable(["PATH", "CLAIM"])
        == "CLAIM is called REQUIREMENT now; set REQUIREMENT= in its place."
    )
    assert renamed_variable(["PATH", *VARIABLES]) == ""
    assert set(RENAMED.values()) <= VARIABLES.keys()


def test_the_table_needs_no_packages_and_no_recent_python() -> None:
    for module in (Path("core/variables.py"), Path("core/provider_names.py"), Path("cli/commands.py")):
        text = (ROOT / "headless_conformance" / module).read_text()
        text = text.replace("from headless_conformance.core.provider_names import PROVIDERS\n", "")
        imported = {
            "".join(found)
            for found in re.findall(r"^(?:from (\w+)[\w.]* import|import (\w+)$)", text, re.MULTILINE)
        }
        assert imported <= {"__future__", "collections", "difflib", "sys", "typing"}
