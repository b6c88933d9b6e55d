"""One run, one context: settings, documents and choice of a pytest process, made once, and
what becomes known of the run."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from headless_conformance.cluster.outages import Outages
from headless_conformance.core.errors import UserError
from headless_conformance.core.interrupts import status_of_interrupt
from headless_conformance.core.paths import REPORTS, ROOT
from headless_conformance.core.run_identity import RUN_VARIABLE
from headless_conformance.core.settings import Settings
from headless_conformance.providers.interface import RunContext
from headless_conformance.providers.run_context import context_of_environment
from headless_conformance.requirements.documents import Documents, load_documents
from headless_conformance.requirements.model import Document, Requirement
from headless_conformance.results.decisions import Decisions
from headless_conformance.results.selection import select_requirements
from headless_conformance.results.verdict import (
    STATUS_ERROR,
    STATUS_FAILED,
    WORST_FIRST,
    CaseResult,
    Outcome,
    Result,
    Verdict,
    exit_status_of_run,
    result_of_run,
)


@dataclass
class CaseProgress:
    """One test while its phases come in; the worst of them decides."""

    requirements: tuple[str, ...] = ()
    outcome: Outcome = Outcome.PASSED
    reason: str = ""
    message: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    phase_seconds: float = 0.0
    seconds: float = 0.0
    measures: tuple[tuple[str, float], ...] = ()
    under_way: bool = False
    """Whether phases are still to come."""

    def worsen(self, outcome: Outcome, message: str, seconds: float, fields: Mapping[str, Any]) -> None:
        """Take in a phase with its outcome, the whole message and the fields of
        its failure, and its duration."""
        if WORST_FIRST.index(outcome) < WORST_FIRST.index(self.outcome):
            self.outcome, self.message, self.reason = outcome, message, message.partition("\n")[0]
            self.phase_seconds, self.fields = seconds, fields

    def as_result(self, nodeid: str, requirements: tuple[str, ...]) -> CaseResult:
        """The test's result, with the requirements that are known from elsewhere where
        its own process could not say."""
        if self.under_way and self.outcome is Outcome.PASSED:
            reason = "the run ended in the middle of it"
            return CaseResult(nodeid, self.requirements or requirements, Outcome.SKIPPED, reason)
        return CaseResult(
            nodeid,
            self.requirements or requirements,
            self.outcome,
            self.reason,
            self.message,
            self.fields,
            self.seconds,
            self.phase_seconds,
            self.measures,
        )


@dataclass
class Run:
    """What a process knows of the run: a worker what it collected and saw, the one
    that the person started all of it."""

    context: RunContext[Any]
    documents: Documents
    chosen: Mapping[str, Requirement]
    """The requirements that the run is about."""
    is_conformance: bool
    """Whether tests of suites are to be executed; a run of our own tests alone keeps pytest's ways."""
    started: float = field(default_factory=time.time)
    """Seconds since the epoch, as is `ended`."""
    ended: float = 0.0
    progress: dict[str, CaseProgress] = field(default_factory=dict)
    """Tests that began, by node ID."""
    collected: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Requirements by node ID."""
    deselected: dict[str, tuple[str, ...]] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    """About the cluster, as seen by a process that had it."""
    aborted: dict[str, str] = field(default_factory=dict)
    """What kept tests from being collected, pytest from going on or the run
    from ending well, by file or step."""
    causes: dict[str, str] = field(default_factory=dict)
    """What kept tests from being judged, and the first of them."""
    outages: Outages | None = None
    """Of the cluster, once there is one."""
    interrupt: int = 0
    """Number of the signal that ended the run; 0 when none did."""
    others_failed: bool = False
    """Whether one of our own tests failed."""
    results: Sequence[CaseResult] = ()
    """Every test with its outcome, those that never ran included; as `verdicts` and
    `result`, there once the run is judged."""
    verdicts: Sequence[Verdict] = ()
    result: Result = Result.FAILURE

    @property
    def settings(self) -> Settings:
        return self.context.settings

    @property
    def kubernetes(self) -> str:
        """The version that requirements and their known deviations are read for, such as `1.37.0`."""
        return self.settings.release.patch

    @property
    def lang(self) -> str:
        return self.settings.report_lang

    @cached_property
    def decisions(self) -> Decisions:
        """The verdicts, each as soon as it is made."""
        return Decisions(self.documents, self.chosen, self.kubernetes)

    def left_out(self) -> list[CaseResult]:
        """The tests that the person deselected."""
        return [
            CaseResult(node, names, Outcome.SKIPPED, "deselected") for node, names in self.deselected.items()
        ]

    def about(self) -> list[Document]:
        """The documents that have a chosen requirement."""
        chosen = {self.documents.document_of(name).id for name in self.chosen}
        return [document for document in self.documents if document.id in chosen]

    def is_chosen(self, requirements: Sequence[Requirement]) -> bool:
        """Whether one of them, or one that says the same, is chosen."""
        return any(
            same in self.chosen for found in requirements for same in self.documents.equivalents(found.id)
        )

    def unassigned(self) -> list[CaseResult]:
        """Tests that stand for no requirement, and what kept others from running."""
        return [case for case in self.results if not case.requirements]

    def judge_run(self, pytest_status: int) -> int:
        """Compute results, verdicts and result, once, when the run is over; returns its exit status.

        An aborted collection or a crash of pytest is never better than an error.
        """
        self.ended = time.time()
        self.results = self._results()
        requirements = [requirement for document in self.about() for requirement in document.requirements]
        self.verdicts = self.decisions.conclude(requirements, self.results)
        self.result = result_of_run(self.verdicts, self.unassigned())
        if self.interrupt:
            return status_of_interrupt(self.interrupt)
        status = exit_status_of_run(self.verdicts, self.unassigned(), strict=self.settings.strict)
        if status == STATUS_FAILED or self.others_failed:
            return STATUS_FAILED
        if pytest_status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            return STATUS_ERROR
        return status

    def _results(self) -> list[CaseResult]:
        ran = [case.as_result(node, self.collected.get(node, ())) for node, case in self.progress.items()]
        never = {node: names for node, names in self.collected.items() if node not in self.progress}
        return [
            *ran,
            *(
                CaseResult(node, names, Outcome.SKIPPED, "the run ended before it")
                for node, names in never.items()
            ),
            *self.left_out(),
            *(CaseResult(where, (), Outcome.ERROR, what) for where, what in self.aborted.items()),
        ]


RUN = pytest.StashKey[Run]()
CONTEXT = pytest.StashKey[RunContext[Any]]()


def run_context(config: pytest.Config) -> RunContext[Any]:
    """The run of this session, read from the environment once.

    A UsageError when that asks for what is not possible.
    """
    if CONTEXT not in config.stash:
        try:
            config.stash[CONTEXT] = context_of_environment(os.environ)
        except UserError as error:
            raise pytest.UsageError(str(error)) from None
    return config.stash[CONTEXT]


def is_worker(config: pytest.Config) -> bool:
    """Whether this process only runs tests for another one."""
    return hasattr(config, "workerinput")


def reports_folder(config: pytest.Config) -> Path:
    """Where the reports of this session go: those of another tree than ours into that tree."""
    return REPORTS if config.rootpath == ROOT else config.rootpath / "reports"


def is_suite_test(path: Path, config: pytest.Config) -> bool:
    """Whether a file belongs to a suite."""
    return path.is_relative_to(config.rootpath / "suites")


def asks_for_suites(config: pytest.Config) -> bool:
    """Whether the run is to execute tests of suites, by its arguments."""
    suites = config.rootpath / "suites"
    given = [config.invocation_params.dir / argument.split("::")[0] for argument in config.args]
    asked = any(path.is_relative_to(suites) or suites.is_relative_to(path) for path in given)
    return asked and not config.option.collectonly


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    context = run_context(config)
    # The workers that this session starts are of the same run.
    os.environ[RUN_VARIABLE] = context.run
    try:
        documents = load_documents(config.rootpath / "suites")
        chosen = select_requirements(documents, context.settings.selection)
    except UserError as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[RUN] = Run(context, documents, chosen, is_conformance=asks_for_suites(config))
