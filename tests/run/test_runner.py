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
from headless_conformance.core.settings import Provider, from_env
from headless_conformance.run import runner


def test_a_provider_that_was_asked_for_is_taken() -> None:
    assert runner.chosen_provider(from_env({"PROVIDER": "simulated"}))[0] is Provider.SIMULATED


def test_without_an_engine_the_simulated_provider_is_taken_and_the_sentence_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runner, "why_no_engine", lambda: "No Docker answers.")
    provider, sentence = runner.chosen_provider(from_env({}))
    assert provider is Provider.SIMULATED
    assert "No Docker answers." in sentence
    assert "not verified" in sentence


def test_kind_without_an_engine_is_an_error_and_not_a_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "why_no_engine", lambda: "No Docker answers.")
    with pytest.raises(UserError, match="No Docker answers"):
        runner.end_to_end(from_env({"PROVIDER": "kind"}), [])


@pytest.fixture
def child(tmp_path: Path) -> Path:
    """Stands for pytest: leaves `started` beside it when it runs and `cleaned` when an interrupt has been dealt with."""
    script = tmp_path / "child.py"
    script.write_text(
        textwrap.dedent(f"""
        import pathlib, time
        try:
            pathlib.Path("{tmp_path}/started").touch()
            time.sleep(60)
        except KeyboardInterrupt:
            time.sleep(1.5)
            pathlib.Path("{tmp_path}/cleaned").touch()
        """)
    )
    return script


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_an_interrupt_reaches_pytest_once_and_is_waited_for(number: signal.Signals, child: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", _run_as_pytest(child)], cwd=ROOT, stderr=subprocess.PIPE)
    _until(child.with_name("started").exists)
    parent.send_signal(number)
    assert parent.wait(timeout=20) == 128 + number
    assert child.with_name("cleaned").exists()


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
        from headless_conformance.run import runner
        real = runner.subprocess.Popen
        runner.subprocess.Popen = lambda command, **words: real([sys.executable, {str(script)!r}], **words)
        sys.exit(runner._pytest({{**os.environ, "PROVIDER": "kind"}}, []))
        """)


def _until(true: object, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not happen in time"
        os.sched_yield()
