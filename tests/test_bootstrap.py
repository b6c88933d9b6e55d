"""The Python environment is made by bootstrap.sh, which says what it lacks."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from headless_conformance.core.paths import ROOT


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("exit 1", "is too old; install Python 3.11 or newer"),
        (None, "python3 was not found; install Python 3.11 or newer"),
    ],
    ids=["old", "missing"],
)
def test_bootstrap_names_the_python_it_needs(script: str | None, sentence: str, tmp_path: Path) -> None:
    python = tmp_path / "python"
    if script is not None:
        python.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2" && exit 0\n{script}\n')
        python.chmod(0o755)
    env = {**os.environ, "PYTHON_FOR_VENV": str(python)}
    done = subprocess.run(
        [ROOT / "bootstrap.sh", tmp_path / "venv"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 2
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "venv").exists()
