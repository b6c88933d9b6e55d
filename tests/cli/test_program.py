"""The program answers wrong words with a sentence, hands options on as variables, and starts quickly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from headless_conformance.cli import application
from headless_conformance.cli.application import FUNCTIONS, run
from headless_conformance.cli.commands import COMMANDS, MAINTENANCE, RENAMED
from headless_conformance.core.paths import ROOT, SUITES
from headless_conformance.core.variables import VARIABLES
from headless_conformance.providers.interface import TOOLS_VARIABLE


@pytest.fixture(autouse=True)
def environment_of_its_own(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a command puts into the environment goes with the test, and so does its handler of SIGTERM."""
    monkeypatch.setattr(os, "environ", dict(os.environ))
    for name in VARIABLES:
        os.environ.pop(name, None)
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)


def replaced(monkeypatch: pytest.MonkeyPatch, name: str, command: Any) -> None:
    monkeypatch.setattr(application, "FUNCTIONS", {**FUNCTIONS, name: command})


def test_help_shows_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    said = capsys.readouterr().out.split()
    assert FUNCTIONS.keys() == COMMANDS.keys() | MAINTENANCE.keys()
    assert FUNCTIONS.keys() <= set(said)


ARGUMENTS = {("audit", "TARGET")}
"""Variables that one command takes as its words, and another one with an option."""


@pytest.mark.parametrize("name", FUNCTIONS)
def test_help_of_a_command_shows_its_variables(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    # An option that has two names is shown with both, separated by a comma.
    said = capsys.readouterr().out.replace(",", " ").split()
    for variable in VARIABLES.values():
        shown = variable.option in said
        is_argument = variable.argument or (name, variable.name) in ARGUMENTS
        assert shown == (name in variable.commands and not is_argument), variable.name


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["e2"], "error: No such command 'e2'. Did you mean 'e2e'?"),
        (
            ["e2e", "--provder", "kind"],
            "error: No such option: --provder (Possible options: --pod-cidr, --provider, ",
        ),
        (["e2e", "--provider"], "error: Option '--provider' requires an argument."),
        (["workflow", "burn"], "burn"),
        (["check"], "error: check is called audit now; use `make audit`."),
        (["claims"], "error: claims is called requirements now; use `make requirements`."),
        (
            ["e2e", "PROVDER=kind"],
            "error: PROVDER is not a variable of this suite; the nearest one is PROVIDER.",
        ),
        (["e2e", "CLAIM=X-1"], "error: CLAIM is called REQUIREMENT now; set REQUIREMENT= in its place."),
        (["e2e", "--provider", "minikube"], "error: PROVIDER=minikube is not known; use one of kind"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_words_end_with_a_sentence(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.startswith("error: ")
    assert len(err.splitlines()) == 1


def test_an_old_variable_in_the_environment_ends_with_its_new_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    os.environ["CLAIM"] = "X-1"
    assert run(["version"]) == 2
    assert (
        capsys.readouterr().err == "error: CLAIM is called REQUIREMENT now; set REQUIREMENT= in its place.\n"
    )


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    replaced(monkeypatch, "matrix", lambda: 0)
    os.environ["CLAIM"] = ""
    assert run(["matrix"]) == 0


def test_old_commands_are_none_of_the_new_ones() -> None:
    assert not RENAMED.keys() & FUNCTIONS.keys()
    assert set(RENAMED.values()) <= FUNCTIONS.keys()


def test_options_become_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, str] = {}
    replaced(monkeypatch, "matrix", lambda: seen.update(os.environ) or 0)
    os.environ["KEEP"] = "0"
    assert run(["matrix", "--k8s", "1.36 1.37", "--strict", "--report-lang=zh"]) == 0
    given = {name: seen[name] for name in VARIABLES if name in seen}
    assert given == {"K8S": "1.36 1.37", "STRICT": "1", "REPORT_LANG": "zh", "KEEP": "0"}


def test_words_like_makes_set_variables_too(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def end_to_end(settings: Any, words: Sequence[str], *, handed_on: Path | None) -> int:
        seen.append((settings.provider, settings.keep, words))
        return 0

    monkeypatch.setattr("headless_conformance.run.runner.end_to_end", end_to_end)
    assert run(["e2e", "PROVIDER=simulated", "KEEP=1", "-k", "x", "--", "K8S=1.0"]) == 2
    assert run(["e2e", "PROVIDER=simulated", "KEEP=1", "--", "-k", "K8S=1.0"]) == 0
    assert seen == [("simulated", True, [str(SUITES), "-k", "K8S=1.0"])]


def test_an_argument_may_come_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def disturb_all(_env: object, names: Sequence[str]) -> list[object]:
        seen.append(names)
        return []

    monkeypatch.setattr("headless_conformance.run.robustness.disturb_all", disturb_all)
    os.environ["DISTURBANCE"] = "node-paused,dns-pod-deleted"
    assert run(["robustness"]) == 0
    assert run(["robustness", "api-server-killed"]) == 0
    assert seen == [["node-paused", "dns-pod-deleted"], ["api-server-killed"]]


def test_what_stands_behind_two_dashes_is_for_pytest(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def end_to_end(_settings: object, words: Sequence[str], *, handed_on: Path | None) -> int:
        seen.append((words, handed_on))
        return 0

    monkeypatch.setattr("headless_conformance.run.runner.end_to_end", end_to_end)
    os.environ["ARGS"] = "-k 'a b'"
    assert run(["e2e", "--keep", "--", "-x", "--lf"]) == 0
    os.environ[TOOLS_VARIABLE] = "/run/tools.json"
    assert run(["e2e"]) == 0
    assert seen == [
        ([str(SUITES), "-k", "a b", "-x", "--lf"], None),
        ([str(SUITES), "-k", "a b"], Path("/run/tools.json")),
    ]


def test_quotation_marks_that_do_not_end_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    os.environ["ARGS"] = "-k 'a"
    assert run(["e2e"]) == 2
    assert "error: ARGS cannot be split" in capsys.readouterr().err


@pytest.mark.parametrize("status", [0, 1, 3, 143])
def test_the_exit_status_is_the_commands(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    replaced(monkeypatch, "matrix", lambda: status)
    assert run(["matrix"]) == status


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_an_interrupt_ends_a_command_with_a_shells_status(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted() -> int:
        signal.raise_signal(number)
        raise AssertionError("it went on")

    replaced(monkeypatch, "matrix", interrupted)
    assert run(["matrix"]) == 128 + number


def test_help_does_not_wait_for_what_commands_need() -> None:
    script = (
        "import sys; from headless_conformance.cli.application import run; run(['--help']); "
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    loaded = set(done.stderr.split())
    assert not loaded & {"kubernetes", "pytest", "jsonschema", "dns", "yaml", "cryptography"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_an_interrupt_while_the_program_is_still_being_loaded_is_one_sentence(number: signal.Signals) -> None:
    script = f"""
import builtins, os, signal
load = builtins.__import__
def interrupted(name, *words, **more):
    if name == "headless_conformance.cli.application":
        os.kill(os.getpid(), {int(number)})
    return load(name, *words, **more)
builtins.__import__ = interrupted
from headless_conformance.cli.program import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 128 + number
    assert done.stderr.strip().startswith("Interrupted: ending what this command started.")
    assert "Traceback" not in done.stderr
