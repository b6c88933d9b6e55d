"""The workflow runs what people run, on versions of the table, with actions that cannot change under it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from headless_conformance.cli.application import run
from headless_conformance.cli.commands import COMMANDS, OF_MAKE
from headless_conformance.core.paths import ROOT
from headless_conformance.core.versions import read_versions
from headless_conformance.run import workflow
from headless_conformance.run.workflow import WORKFLOWS, job_matrix

VERSIONS = read_versions()
TEXT = (WORKFLOWS / "e2e.yml").read_text()
JOBS: dict[str, Any] = yaml.safe_load(TEXT)["jobs"]


@pytest.mark.parametrize("event", ["pull_request", "push"])
def test_a_change_runs_on_the_newest_and_the_oldest_version(event: str) -> None:
    rows = job_matrix(VERSIONS, event)["include"]
    assert [(row["k8s"], row["provider"]) for row in rows] == [
        (VERSIONS.newest.minor, "kind"),
        (VERSIONS.rows[0].minor, "kind"),
    ]


@pytest.mark.parametrize("event", ["schedule", "workflow_dispatch"])
def test_the_nightly_run_has_every_version_and_k3d(event: str) -> None:
    rows = job_matrix(VERSIONS, event)["include"]
    assert {row["k8s"] for row in rows if row["provider"] == "kind"} == {row.minor for row in VERSIONS.rows}
    assert [row["k8s"] for row in rows if row["provider"] == "k3d"] == [VERSIONS.newest.minor]


def test_the_plan_step_prints_one_line_that_the_workflow_reads(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_EVENT_NAME", "schedule")
    assert run(["workflow", "matrix"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    name, _, value = line.partition("=")
    assert name == "matrix"
    assert json.loads(value) == job_matrix(VERSIONS, "schedule")


def test_every_command_is_a_make_target_that_exists() -> None:
    targets = {*COMMANDS, *OF_MAKE}
    commands = [step["run"] for job in JOBS.values() for step in job["steps"] if "run" in step]
    assert commands
    for command in commands:
        called = re.match(r"make (?:--silent )?([a-z0-9-]+)", command)
        assert called, command
        assert called[1] in targets, command


def test_every_action_is_pinned_by_commit_with_its_version_beside_it() -> None:
    for line in re.findall(r"uses: (.*)", TEXT):
        assert re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_every_job_is_bounded_and_has_no_more_rights_than_it_names() -> None:
    assert yaml.safe_load(TEXT)["permissions"] == {}
    for name, job in JOBS.items():
        assert job["timeout-minutes"] <= 75, name
        assert job["permissions"] in ({"contents": "read"}, {"pages": "write", "id-token": "write"}), name


def test_what_a_cache_depends_on_is_there() -> None:
    patterns = [
        pattern for call in re.findall(r"hashFiles\((.*?)\)", TEXT) for pattern in re.findall("'(.*?)'", call)
    ]
    assert patterns
    assert not [pattern for pattern in patterns if not any(ROOT.glob(pattern))]


def test_the_ci_script_runs_targets_and_faults_that_exist() -> None:
    text = (ROOT / ".ci" / "run").read_text()
    targets = set(re.findall(r"\bmake ([a-z0-9-]+)", text))
    faults = re.findall(r'^FAULTS="(.*)"$', text.replace("\\\n", ""), re.MULTILINE)[0].split()
    assert {"test", "e2e", "faults", "clean"} <= targets <= {*COMMANDS, *OF_MAKE}
    assert faults
    assert not [name for name in faults if not list((ROOT / "faults").rglob(f"{name}.yaml"))]


def test_versions_are_nowhere_in_the_workflow() -> None:
    assert not [
        row.minor for row in VERSIONS.rows if re.search(rf"(?<![\d.]){re.escape(row.minor)}(?![\d.])", TEXT)
    ]


def test_lint_fails_on_what_is_wrong(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.yml").write_text(
        TEXT.replace("needs: plan", "needs: nothing").replace("persist-credentials: false", "")
    )
    assert workflow.lint_workflows(tmp_path) == 1
    said = capfd.readouterr()
    assert "nothing" in said.out + said.err


def test_lint_passes() -> None:
    assert workflow.lint_workflows() == 0
