"""The last words of a run on the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from headless_conformance.core.levels import Level
from headless_conformance.core.paths import command_line
from headless_conformance.core.progress import clock
from headless_conformance.core.tables import aligned
from headless_conformance.requirements.documents import Documents
from headless_conformance.results.report_file import REPORT_NAME
from headless_conformance.results.verdict import FAILING, CaseResult, Outcome, Result, Verdict

COLUMNS = (
    Outcome.PASSED,
    Outcome.FAILED,
    Outcome.ERROR,
    Outcome.KNOWN_DEVIATION,
    Outcome.NOT_SUPPORTED,
    Outcome.NOT_JUDGED,
    Outcome.SKIPPED,
)
"""Of the table, in reading order."""
_SHOWN = (*FAILING, Outcome.KNOWN_DEVIATION)
"""Outcomes whose tests are shown with their messages."""


def count_table(documents: Documents, verdicts: Sequence[Verdict], lang: str) -> list[str]:
    """Requirements by document, level and outcome; a column that is zero everywhere is left out, `passed`
    never."""
    counts = Counter(
        (documents.document_of(verdict.requirement.id).id, verdict.requirement.level, verdict.outcome)
        for verdict in verdicts
    )
    seen = {outcome for _, _, outcome in counts} | {Outcome.PASSED}
    columns = [outcome for outcome in COLUMNS if outcome in seen]
    rows: list[list[str]] = [["requirements", "", *(outcome.words for outcome in columns)]]
    about = {name for name, _, _ in counts}
    for document in documents:
        for level in Level if document.id in about else ():
            title = document.name(lang) if level is Level.MUST else ""
            rows.append([title, level, *(str(counts[document.id, level, outcome]) for outcome in columns)])
    return aligned(rows, right=range(2, 2 + len(columns)))


def not_in_full_line(verdicts: Iterable[Verdict]) -> list[str]:
    """How many requirements did not pass though some of their tests did; no line where there is none."""
    partly = [
        found for found in verdicts if found.tests_passed and found.outcome not in (Outcome.PASSED, *FAILING)
    ]
    passed, tests = sum(found.tests_passed for found in partly), sum(len(found.tests) for found in partly)
    return (
        [f"verified in part: {len(partly)} requirements, {passed} of whose {tests} tests passed"]
        if partly
        else []
    )


def failure_lines(verdicts: Sequence[Verdict], unassigned: Sequence[CaseResult], lang: str) -> list[str]:
    """What failed, then what could not be told, then known deviations, each with its tests and their
    messages' first lines. What several requirements have in common is told with the first of them."""
    causes = _shared_causes(verdicts)
    told = {verdict.requirement.id for found in causes.values() for verdict in found}
    lines: list[str] = []
    first: dict[str, str] = {}
    """By reason, the requirement with which it is told."""
    for outcome in _SHOWN:
        head = outcome.words.upper()
        for cause, found in causes.items() if outcome is Outcome.ERROR else ():
            ids = ", ".join(verdict.requirement.id for verdict in found)
            lines += [f"{head}  {cause}", f"    {len(found)} requirements: {ids}"]
        for verdict in (verdict for verdict in verdicts if verdict.outcome is outcome):
            if verdict.requirement.id in told:
                continue
            requirement = verdict.requirement
            lines.append(f"{head}  {requirement.id}  {requirement.level}  {requirement.sentence(lang)}")
            for case in (case for case in verdict.tests if case.outcome in _SHOWN):
                teller = first.setdefault(case.reason, requirement.id)
                said = case.reason if teller == requirement.id else f"as for {teller}"
                lines += [f"    {case.nodeid}", f"    {said}"]
        for case in (case for case in unassigned if case.outcome is outcome):
            lines += [f"{head}  {case.nodeid}", f"    {case.reason}"]
    return lines


def _shared_causes(verdicts: Sequence[Verdict]) -> dict[str, list[Verdict]]:
    """Reasons that are the only one for which nothing could be told of several requirements, with these."""
    reasons = {
        verdict.requirement.id: {case.reason for case in verdict.tests if case.outcome in _SHOWN}
        for verdict in verdicts
        if verdict.outcome is Outcome.ERROR
    }
    causes = dict.fromkeys(reason for found in reasons.values() for reason in found)
    return {
        cause: [verdict for verdict in verdicts if reasons.get(verdict.requirement.id) == {cause}]
        for cause in causes
        if sum(found == {cause} for found in reasons.values()) > 1
    }


def unverified_lines(verdicts: Sequence[Verdict]) -> list[str]:
    """Each reason for which a test was not supported or nothing could be judged, with its requirements."""
    reasons: dict[str, list[str]] = {}
    for verdict in verdicts:
        told = [
            case.reason
            for case in verdict.tests
            if case.outcome in (Outcome.NOT_SUPPORTED, Outcome.NOT_JUDGED)
        ]
        for reason in dict.fromkeys(told):
            reasons.setdefault(reason, []).append(verdict.requirement.id)
    return [f"{reason}: {', '.join(ids)}" for reason, ids in reasons.items()]


def should_sentence(found: Iterable[tuple[str, Level, Outcome]]) -> str:
    """Which requirements that are a SHOULD failed or could not be told, of all with their ID, level and
    outcome; empty where there is none."""
    shown = [
        f"{name} ({outcome.words})"
        for name, level, outcome in found
        if level is Level.SHOULD and outcome in FAILING
    ]
    return f"SHOULD not met, which leaves the exit status as it is: {', '.join(shown)}." if shown else ""


def next_line(verdicts: Iterable[Verdict], provider: str) -> str:
    """What to do after a run on a provider, empty where none is known."""
    outcomes = Counter(verdict.outcome for verdict in verdicts)
    show = f"`{command_line('report')}` shows what was asked and answered"
    words = ("e2e", provider and f"PROVIDER={provider}", f"RERUN=reports/{REPORT_NAME}")
    again = command_line(" ".join(filter(None, words)))
    if outcomes[Outcome.FAILED] or outcomes[Outcome.ERROR]:
        return f"next: {show}; `{again}` runs only what did not pass"
    if outcomes[Outcome.NOT_SUPPORTED] and provider == "simulated":
        return f"next: `{command_line('e2e PROVIDER=kind')}` verifies what needs real nodes; {show}"
    return f"next: {show}"


def result_line(facts: Mapping[str, str], result: Result, seconds: float) -> str:
    """The result, of what, and how long it took; `facts` by the names of the report's schema."""
    where = "no cluster was used"
    if facts:
        where = f"cluster {facts['cluster']}, Kubernetes {facts['kubernetes']}, provider {facts['provider']}"
        where += f", StatefulSet {facts['statefulset']} too" if "statefulset" in facts else ""
    return f"result {result}: {where}, {clock(seconds)}"
