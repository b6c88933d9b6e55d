"""The pytest plugin that puts one scenario into a run, loaded only with `-p` and the name of this module.

Tests and their fixtures do not know of it. A run that is killed undoes nothing on its kind cluster. It took
the cluster over, so that no other run finds it, and the next one makes its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException

from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.kube import Kube
from headless_conformance.cluster.manifests import ManifestFolder
from headless_conformance.cluster.model import Cluster
from headless_conformance.faults.catalogue import read_scenario
from headless_conformance.faults.injection.kind import ChangedKindProvider, change_dns
from headless_conformance.faults.injection.kubectl import run_kubectl
from headless_conformance.faults.injection.manifests import ChangedManifestFolder
from headless_conformance.faults.injection.placeholders import words_of_run, words_of_set
from headless_conformance.faults.injection.simulated import ChangedSimulatedProvider
from headless_conformance.faults.model import (
    KIND,
    AuditExpectation,
    ComponentFlags,
    CorefileChange,
    Fault,
    KubectlCommands,
    ManifestChange,
    Scenario,
)
from headless_conformance.faults.run_record import AuditRecord, Failure, RequirementRecord, RunRecord
from headless_conformance.plugin.context import Run, run_context
from headless_conformance.providers.interface import ClusterProvider, RunContext
from headless_conformance.results.verdict import FAILING, CaseResult

SCENARIO_VARIABLE = "HEADLESS_CONFORMANCE_SCENARIO"
"""Path of the scenario's file."""
RECORD_VARIABLE = "HEADLESS_CONFORMANCE_RECORD"
"""Path that the run's record is written to."""


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    # After the plugins of conftest.py, so that its fixtures override theirs.
    scenario = read_scenario(Path(os.environ[SCENARIO_VARIABLE]))
    injector = Injector(scenario, run_context(config), Path(os.environ[RECORD_VARIABLE]))
    config.pluginmanager.register(injector, "scenario injector")


class Injector:
    """Makes a scenario's changes, records what fails under them, and undoes them on kind."""

    def __init__(self, scenario: Scenario, context: RunContext[Any], record: Path) -> None:
        self._scenario = scenario
        self._context = context
        self._record = record
        self.undo = ExitStack()
        """What puts the cluster back, called in reverse when the run ends."""
        self._errors: dict[str, tuple[str, int | None]] = {}
        self._awaited = {
            change.after
            for change in (injection.change for injection in scenario.inject)
            if isinstance(change, KubectlCommands | CorefileChange | ComponentFlags) and change.after
        }
        self._changed_after: set[str] = set()
        also = scenario.also if isinstance(scenario, Fault) else None
        self._wanted = also.audit if also else None
        self._audits: list[AuditRecord] = []
        self._audit_seconds = 0.0
        self._provider: ChangedKindProvider | ChangedSimulatedProvider = (
            ChangedKindProvider(scenario, self.undo)
            if context.provider.name == KIND
            else ChangedSimulatedProvider(scenario)
        )

    @pytest.fixture(scope="session")
    def provider(self) -> ClusterProvider[Any]:
        """A provider of clusters as the scenario wants them."""
        return self._provider

    @pytest.fixture(scope="session")
    def manifest_folder_class(self) -> Callable[[Path], ManifestFolder]:
        """Folders of manifests as the scenario wants them."""
        return partial(ChangedManifestFolder, changes=self._scenario.injected(ManifestChange))

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, Any, Any]:
        value = yield
        changed = fixturedef.argname in self._awaited
        if changed:
            self._change_after(fixturedef.argname, value, request)
            self._changed_after.add(fixturedef.argname)
        wanted = self._wanted
        if wanted and isinstance(value, HeadlessSet) and fixturedef.argname == wanted.of:
            audit = partial(self._audit, wanted, value, request.getfixturevalue("cluster"))
            if changed:
                # Tests may replace the members that the change is about.
                audit()
            # Before the fixture's own end, when the tests are done with the set.
            fixturedef.addfinalizer(audit)
        return value

    def _audit(self, wanted: AuditExpectation, found: HeadlessSet, cluster: Cluster) -> None:
        """Until one audit says what is wanted: each takes its time."""
        if not any(wanted.describe(record) for record in self._audits):
            begun = time.monotonic()
            # Most faults have no audit, and each of them would pay for the import.
            from headless_conformance.faults.injection.audited import audit_set

            self._audits.append(audit_set(found, cluster))
            self._audit_seconds += time.monotonic() - begun

    def _change_after(self, fixture: str, value: object, request: pytest.FixtureRequest) -> None:
        kube = value if isinstance(value, Kube) else request.getfixturevalue("kube")
        words = (
            words_of_set(value, kube)
            if isinstance(value, HeadlessSet)
            else words_of_run(self._context.settings)
        )
        simulated = self._provider.cluster if isinstance(self._provider, ChangedSimulatedProvider) else None
        for injection in self._scenario.inject:
            match injection.change:
                case KubectlCommands(after=after) as commands if after == fixture:
                    if not simulated:
                        self.undo.callback(run_kubectl, commands.undo, kube, words)
                    run_kubectl(commands.run, kube, words)
                case CorefileChange(after=after) as change if after == fixture:
                    if simulated:
                        simulated.change_dns(change, words)
                    else:
                        change_dns(request.getfixturevalue("cluster"), [change], words, self.undo)
                case ComponentFlags(after=after) as flags if after == fixture and simulated:
                    simulated.restart(flags)
                case _:
                    pass

    def pytest_exception_interact(self, node: pytest.Item, call: pytest.CallInfo[None]) -> None:
        """Note which exception a test ended with; everything else about it is in its result."""
        if call.excinfo:
            error = getattr(call.excinfo.value, "original", call.excinfo.value)
            status = error.status if isinstance(error, ApiException) else None
            self._errors.setdefault(node.nodeid, (type(error).__name__, status))

    def pytest_conformance_undo(self) -> None:
        """Put the cluster back, the last change first."""
        self.undo.close()

    def pytest_conformance_finished(self, run: Run) -> None:
        """Write the record of the run."""
        unused = sorted(self._awaited - self._changed_after)
        aborted = dict.fromkeys(unused, "no test used this fixture, so that nothing was changed after it")
        requirements = {
            verdict.requirement.id: RequirementRecord(
                outcome=verdict.outcome,
                equivalents=run.documents.equivalents(verdict.requirement.id),
                passed=verdict.tests_passed,
                failures=tuple(self._failure(case) for case in verdict.tests if case.outcome in FAILING),
            )
            for verdict in run.verdicts
            # A test may stand for others, too, which are not verified in full here.
            if verdict.requirement.id in run.chosen
        }
        record = RunRecord(
            aborted={**run.aborted, **aborted},
            requirements=requirements,
            audits=tuple(self._audits),
            audit_seconds=round(self._audit_seconds, 1),
        )
        self._record.write_text(record.model_dump_json(indent=1))

    def _failure(self, case: CaseResult) -> Failure:
        error, status = self._errors.get(case.nodeid, ("", None))
        return Failure(
            test=case.nodeid,
            outcome=case.outcome,
            message=case.message or case.reason,
            seconds=round(case.phase_seconds or case.seconds, 1),
            error=error,
            status=status,
            mismatch=case.fields,
        )
