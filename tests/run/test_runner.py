"""The runner hands pytest's exit status on, and an interrupt removes what the run started."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import ROOT
from headless_conformance.core.settings import from_env
from headless_conformance.engine.engine import Engine
from headless_conformance.providers import container_provider
from headless_conformance.providers.kind import tools as kind_tools
from headless_conformance.run import runner


def test_a_provider_that_was_asked_for_is_taken() -> None:
    assert runner.chosen_provider(from_env({"PROVIDER": "simulated"}))[0].name == "simulated"


def test_without_an_engine_the_simulated_provider_is_taken_and_the_sentence_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(container_provider, "why_no_engine", lambda: "No Docker answers.")
    provider, why = runner.chosen_provider(from_env({}))
    assert (provider.name, why) == ("simulated", "No Docker answers.")
    assert "not verified" in provider.introduction(from_env({}))


def test_kind_without_an_engine_is_an_error_and_not_a_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_engine(*_: object) -> Engine:
        raise UserError("No Docker answers.")

    monkeypatch.setattr(kind_tools, "ensure_engine", no_engine)
    with pytest.raises(UserError, match="No Docker answers"):
        runner.end_to_end(from_env({"PROVIDER": "kind"}), [])


@pytest.fixture
def child(tmp_path: Path) -> Path:
    """Stands for pytest: leaves `started` beside it when it runs and `cleaned`, with the number of the
    signal, when an interrupt has been dealt with."""
    script = tmp_path / "child.py"
    script.write_text(
        textwrap.dedent(f"""
        import pathlib, signal, time
        def handle(number, frame):
            raise KeyboardInterrupt(number)
        for number in signal.SIGINT, signal.SIGTERM:
            signal.signal(number, handle)
        try:
            pathlib.Path("{tmp_path}/started").touch()
            time.sleep(60)
        except KeyboardInterrupt as interrupt:
            time.sleep(1.5)
            pathlib.Path("{tmp_path}/cleaned").write_text(str(interrupt))
        """)
    )
    return script


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_an_interrupt_reaches_pytest_once_and_is_waited_for(number: signal.Signals, child: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", _run_as_pytest(child)], cwd=ROOT, stderr=subprocess.PIPE)
    _until(child.with_name("started").exists)
    parent.send_signal(number)
    assert parent.wait(timeout=20) == 128 + number
    assert child.with_name("cleaned").read_text() == str(int(number))


def test_a_killed_runner_interrupts_pytest(child: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", _run_as_pytest(child)], cwd=ROOT)
    _until(child.with_name("started").exists)
    parent.kill()
    parent.wait(timeout=5)
    _until(child.with_name("cleaned").exists)


def _run_as_pytest(script: Path) -> str:
    """A program in which the runner starts `script` where it would start pytest."""
    return textwrap.dedent(f"""
        import os, sys
        from headless_conformance.core.interrupts import INTERRUPTS
        from headless_conformance.providers.run_context import context_of_environment
        from headless_conformance.run import runner
        real = runner.subprocess.Popen
        runner.subprocess.Popen = lambda command, **words: real([sys.executable, {str(script)!r}], **words)
        context = context_of_environment({{"PROVIDER": "kind"}})
        context.environment = dict
        with INTERRUPTS.handled():
            sys.exit(runner._pytest(context, []))
        """)


def _until(true: object, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not happen in time"
        os.sched_yield()
