"""Where suites and reports are, for a clone and for an installed package."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from headless_conformance.core.paths import CONFIGURATION, PACKAGE, ROOT, pytest_command, reports_of, tree_of


def test_in_a_clone_everything_is_beside_the_package(tmp_path: Path) -> None:
    assert PACKAGE.parent == ROOT
    (tmp_path / CONFIGURATION).touch()
    package = tmp_path / "headless_conformance"
    assert tree_of(package) == tmp_path
    assert reports_of(package, Path("/elsewhere")) == tmp_path / "reports"


def test_an_installed_package_has_its_suites_below_it_and_reports_go_where_the_person_is(
    tmp_path: Path,
) -> None:
    package = tmp_path / "site-packages" / "headless_conformance"
    assert tree_of(package) == package / "data"
    assert reports_of(package, tmp_path / "work") == tmp_path / "work" / "reports"


def test_pytest_finds_suites_and_their_configuration_from_any_folder(tmp_path: Path) -> None:
    command = pytest_command(str(ROOT / "suites"), "--collect-only", "-q")
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("suites/")
    assert list(tmp_path.iterdir()) == []
