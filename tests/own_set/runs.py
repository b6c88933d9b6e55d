"""One run of the suite with TARGET= on a cluster, and whether it came to what it must."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from headless_conformance.cluster.model import Cluster
from headless_conformance.core.paths import ROOT, SUITES, pytest_command
from headless_conformance.core.variables import VARIABLES
from headless_conformance.results.verdict import Outcome
from tests.own_set.cases import NAMESPACE, Case
from tests.own_set.plugin import CLUSTER, FOLDER, REQUESTS, RESULTS, fields_of

PLUGIN = "tests.own_set.plugin"
LEFT_OUT = ("reports", "diagnostics", "allure_fields")
"""Plugins that write reports: runs of one clone side by side would write the same files."""
WORKERS = 4
SECONDS = 300.0


@dataclass(frozen=True)
class FinishedRun:
    """A run that has ended."""

    case: Case
    exit_status: int
    folder: Path
    """What the plugin wrote."""
    printed: str

    def problems(self) -> Iterator[str]:
        """What is not as it must be."""
        methods = Counter(
            method for method, url in self._requests if f"/namespaces/{NAMESPACE}/" in f"{url}/"
        )
        if set(methods) != {"GET"}:
            yield f"requests in its namespace: {dict(methods)}"
        if self.exit_status != self.case.exit_status:
            yield f"exit status {self.exit_status}, not {self.case.exit_status}"
        failed = {name for name in self._names if self._outcomes(name) & {Outcome.FAILED, Outcome.ERROR}}
        if failed != set(self.case.failed):
            yield f"failed are {sorted(failed)}, not {sorted(self.case.failed)}"
        for name, subject in self.case.failed.items():
            subjects = [found["subject"] for found in self._of(name)]
            if not any(found.startswith(subject) for found in subjects):
                yield f"{name} says {subjects}, nothing about {subject}"
        for name in self.case.passed:
            if Outcome.PASSED not in self._outcomes(name):
                yield f"{name} is {sorted(self._outcomes(name))}, not passed"
        for name, reason in self.case.not_supported.items():
            for found in self._of(name):
                if found["outcome"] != Outcome.NOT_SUPPORTED or reason not in found["reason"]:
                    seen = f"{found['outcome']} ({found['reason']})"
                    yield f"{name} is {seen}, not not_supported for {reason!r} in {found['test']}"
        judged = {found["outcome"] for found in self._tests} - {Outcome.NOT_SUPPORTED}
        if self.case.not_judged and judged != {Outcome.NOT_JUDGED}:
            yield f"outcomes are {sorted(judged)}, not not_judged"

    @cached_property
    def _requests(self) -> list[list[str]]:
        return [line.split(" ", 1) for line in (self.folder / REQUESTS).read_text().splitlines()]

    @cached_property
    def _tests(self) -> Sequence[dict[str, Any]]:
        """Those that are about the set."""
        target = self.case.target
        tests = json.loads((self.folder / RESULTS).read_text())
        return [found for found in tests if f"[{target}" in found["test"] or f"-{target}" in found["test"]]

    @property
    def _names(self) -> set[str]:
        return {name for found in self._tests for name in found["requirements"]}

    def _of(self, requirement: str) -> list[dict[str, Any]]:
        return [found for found in self._tests if requirement in found["requirements"]]

    def _outcomes(self, requirement: str) -> set[str]:
        return {found["outcome"] for found in self._of(requirement)}


def run(case: Case, cluster: Cluster, folder: Path) -> FinishedRun:
    """Run the tests that are about this set, in a run of their own. TimeoutExpired after SECONDS."""
    folder.mkdir()
    env = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    env |= {
        "PYTHONPATH": str(ROOT),
        "PROVIDER": "existing",
        "KUBECONFIG": str(cluster.kubeconfig),
        "CONFIRM": "1",
        "IMAGE_PREFIX": "not.used.example",
        "TARGET": case.target,
        CLUSTER: fields_of(cluster),
        FOLDER: str(folder),
    }
    without = (f"-pno:headless_conformance.plugin.{name}" for name in LEFT_OUT)
    # A test that fails takes all of its time limit, so that many wait side by side.
    workers = f"-n{WORKERS if len(case.failed) > WORKERS else 0}"
    done = subprocess.run(
        pytest_command(str(SUITES), f"-p{PLUGIN}", *without, workers, "-k", case.target),
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return FinishedRun(case, done.returncode, folder, done.stdout + done.stderr)
