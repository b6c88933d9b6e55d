"""make's targets are the program's commands, and its command line is checked before anything starts."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from headless_conformance.cli.commands import COMMANDS, OF_MAKE, RENAMED
from headless_conformance.core.paths import ROOT
from headless_conformance.core.provider_names import PROVIDERS


def make(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", *words],
        cwd=ROOT,
        env=inherited | env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_command_is_a_target_that_starts_it_and_nothing_else() -> None:
    for command in COMMANDS:
        words = make("--dry-run", "--assume-old=.venv/ready", command).stdout.split()
        assert words[:2] == [".venv/bin/headless-conformance", command], command


def test_help_needs_no_environment_and_shows_every_target() -> None:
    done = make("help", "VENV=/nonexistent")
    assert done.returncode == 0
    assert re.findall(r"^  make (\S+)", done.stdout, re.MULTILINE) == [*COMMANDS, *OF_MAKE]
    assert f" PROVIDER={'|'.join(PROVIDERS)} " in done.stdout


def test_the_makefile_names_no_other_target() -> None:
    done = make("--print-data-base", "--question", "help")
    (phony,) = re.findall(r"^\.PHONY: (.+)$", done.stdout, re.MULTILINE)
    assert sorted(phony.split()) == sorted([*COMMANDS, *OF_MAKE])


def test_reports_are_named_by_two_variables() -> None:
    words = make("--dry-run", "--assume-old=.venv/ready", "compare", "A=a.yaml", "B=b.yaml").stdout.split()
    assert words == [".venv/bin/headless-conformance", "compare", "a.yaml", "b.yaml"]


@pytest.mark.parametrize(
    ("given", "nearest"), [("KEP=1", "KEEP"), ("keep=1", "KEEP"), ("PROVDER=kind", "PROVIDER")]
)
def test_a_misspelt_variable_ends_make_with_the_one_that_was_meant(given: str, nearest: str) -> None:
    done = make("help", given)
    assert done.returncode == 2
    assert (
        f"{given.partition('=')[0]} is not a variable of this suite; the nearest one is {nearest}."
        in done.stderr
    )
    assert done.stdout == ""


def test_an_old_variable_ends_make_with_its_new_name() -> None:
    done = make("help", "CLAIM=X-1")
    assert done.returncode == 2
    assert "CLAIM is called REQUIREMENT now; set REQUIREMENT= in its place." in done.stderr


@pytest.mark.parametrize("name", RENAMED)
def test_an_old_target_names_its_new_name(name: str) -> None:
    done = make(name)
    assert done.returncode == 2
    assert f"error: {name} is called {RENAMED[name]} now; use `make {RENAMED[name]}`." in done.stderr


@pytest.mark.parametrize(
    ("given", "hint"), [("e2", "the nearest one is e2e"), ("qqq", "`make help` shows them")]
)
def test_a_misspelt_target_gets_the_nearest_one(given: str, hint: str) -> None:
    done = make(given)
    assert done.returncode == 2
    assert f"error: {given} is not a target of this suite; {hint}." in done.stderr


def test_variables_of_tools_and_of_the_environment_are_taken() -> None:
    assert make("help", "KEEP=1", "GOPROXY=off", "ARGS=-k a=b", KEP="1").returncode == 0


def test_a_variable_of_the_command_line_reaches_the_program() -> None:
    done = make(f"--assume-old={sys.prefix}/ready", "list", "LEVEL=PERHAPS", f"VENV={sys.prefix}")
    assert done.returncode == 2
    assert "error: LEVEL=PERHAPS is not known" in done.stderr
