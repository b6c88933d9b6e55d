"""Detection power: run the suite under every fault and every healthy variation, and see what fails."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Literal

from headless_conformance.core.paths import REPORTS
from headless_conformance.core.progress import Progress, clock
from headless_conformance.core.run_identity import only_run_of_clone
from headless_conformance.core.settings import Settings
from headless_conformance.faults.catalogue import (
    SCHEMA,
    find_faults,
    find_variations,
    read_control_set,
    schema,
)
from headless_conformance.faults.evaluation import Effect, ScenarioRun, requirements_without_fault
from headless_conformance.faults.model import KubectlVersion, Scenario
from headless_conformance.faults.report import (
    PAGE,
    DetectionReport,
    catalogue_page,
    print_table,
    write_detection_report,
)
from headless_conformance.faults.runner import PlannedRun, assign, run_all
from headless_conformance.faults.scope import requirements_to_verify
from headless_conformance.providers.containers import KEPT
from headless_conformance.providers.interface import RunContext
from headless_conformance.providers.registry import provider_named
from headless_conformance.providers.run_plan import preparation
from headless_conformance.requirements.documents import load_documents
from headless_conformance.toolchain.kubectl import kubectl_of

ScenarioKind = Literal["faults", "variations"]


def detect(settings: Settings, kind: ScenarioKind, names: Sequence[str] = ()) -> int:
    """Run faults or variations and write reports/KIND.yaml and KIND.html; 1 if anything is not as expected.

    The runs on kind hand one cluster on to each other; at the end it is deleted, unless it is to be kept.
    """
    scenarios: Sequence[Scenario] = find_faults(names) if kind == "faults" else find_variations(names)
    assigned = assign(scenarios, settings.provider, named=bool(names))
    documents = load_documents()
    control = read_control_set().requirements
    contexts = {
        name: RunContext(settings.with_changes(provider=name), provider_named(name), KEPT)
        for name, _ in assigned
    }
    with only_run_of_clone():
        planned = list[PlannedRun]()
        for provider, able in assigned:
            _prepare(contexts[provider], able)
            environment = contexts[provider].environment()
            for one in able:
                chosen = requirements_to_verify(one, provider, documents, control, full=settings.full)
                planned.append(PlannedRun(one, provider, environment, chosen))
            print(f"{len(able)} {kind} on {provider}, Kubernetes {settings.release.patch}", flush=True)
        # What was built does not count.
        begun = time.monotonic()
        try:
            runs = run_all(planned, REPORTS / kind, Progress(len(planned)))
        finally:
            for context in contexts.values():
                context.end_run()
    bare = requirements_without_fault(documents, find_faults()) if kind == "faults" and not names else []
    write_detection_report(REPORTS, DetectionReport(kind, documents, runs, bare, settings.release.patch))
    print_table(runs)
    print(_conclusion(runs, kind, settings.release.patch, time.monotonic() - begun))
    if bare:
        print(f"requirements without a fault: {', '.join(bare)}")
    return 1 if bare or not all(run.as_expected for run in runs) else 0


def _prepare(context: RunContext[Any], scenarios: Sequence[Scenario]) -> None:
    context.progress = preparation(context.provider, context.settings)
    context.prepare()
    for minor in sorted(
        {change.minor for scenario in scenarios for change in scenario.injected(KubectlVersion)}
    ):
        kubectl_of(context.settings.versions.row(minor), context.progress)


def _conclusion(runs: Sequence[ScenarioRun], kind: ScenarioKind, kubernetes: str, seconds: float) -> str:
    good = sum(run.as_expected for run in runs)
    detected, missed, unexpected = (
        sum(len(run.having(effect)) for run in runs)
        for effect in (Effect.DETECTED, Effect.MISSED, Effect.UNEXPECTED)
    )
    suite, audit = sum(run.suite_seconds for run in runs), sum(run.audit_seconds for run in runs)
    audits = f" The runs took {clock(suite)} for the suite and {clock(audit)} for audits." if audit else ""
    return (
        f"{good} of {len(runs)} {kind} as expected, Kubernetes {kubernetes}: "
        f"{detected} of {detected + missed} failures detected, {unexpected} unexpected, "
        f"in {clock(seconds)}; see reports/{kind}.html.{audits}"
    )


def write_pages() -> None:
    """Write docs/faults.md and faults/schema.json."""
    PAGE.write_text(catalogue_page(find_faults(), load_documents()))
    SCHEMA.write_text(schema())
