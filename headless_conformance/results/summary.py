"""The last words of a run on the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from headless_conformance.core.progress import clock
from headless_conformance.requirements.register import Level
from headless_conformance.results.verdict import FAILING, CaseResult, Outcome, Result, Verdict

REQUIREMENT_OUTCOMES = (
    Outcome.PASSED,
    Outcome.FAILED,
    Outcome.ERROR,
    Outcome.PARTLY,
    Outcome.NOT_SUPPORTED,
    Outcome.SKIPPED,
    Outcome.EXCUSED,
)
"""Columns of the table, in reading order."""


def count_table(verdicts: Sequence[Verdict]) -> list[str]:
    """Requirements by level and outcome; a column that is zero everywhere is left out, `passed` never."""
    counts = Counter((verdict.requirement.level, verdict.outcome) for verdict in verdicts)
    columns = [
        outcome for outcome in REQUIREMENT_OUTCOMES if outcome is Outcome.PASSED or any(counts[level, outcome] for level in Level)
    ]
    lines = [f"{'claims':<8}" + "".join(f"{outcome:>{len(outcome) + 3}}" for outcome in columns)]
    for level in Level:
        lines.append(f"{level:<8}" + "".join(f"{counts[level, outcome]:>{len(outcome) + 3}}" for outcome in columns))
    return lines


def failure_lines(verdicts: Sequence[Verdict], unassigned: Sequence[CaseResult], lang: str) -> list[str]:
    """What failed, then what is broken, each with its tests and the first line of their messages."""
    lines: list[str] = []
    for failure in FAILING:
        for verdict in (verdict for verdict in verdicts if verdict.outcome is failure):
            lines.append(
                f"{failure.upper()}  {verdict.requirement.id}  {verdict.requirement.level}  {verdict.requirement.sentence(lang)}"
            )
            for case in (case for case in verdict.tests if case.outcome in FAILING):
                lines += [f"    {case.nodeid}", f"    {case.reason}"]
        for case in (case for case in unassigned if case.outcome is failure):
            lines += [f"{failure.upper()}  {case.nodeid}", f"    {case.reason}"]
    return lines


def unsupported_lines(verdicts: Sequence[Verdict]) -> list[str]:
    """Each reason for which a test was not supported, with its requirements."""
    reasons: dict[str, list[str]] = {}
    for verdict in verdicts:
        for case in verdict.tests:
            if case.outcome is Outcome.NOT_SUPPORTED and verdict.requirement.id not in reasons.setdefault(case.reason, []):
                reasons[case.reason].append(verdict.requirement.id)
    return [f"{reason}: {', '.join(ids)}" for reason, ids in reasons.items()]


def result_line(facts: Mapping[str, str], result: Result, seconds: float) -> str:
    """The result, of what, and how long it took; `facts` by the names of the report's schema."""
    where = "no cluster was used"
    if facts:
        where = f"cluster {facts['cluster']}, Kubernetes {facts['kubernetes']}, provider {facts['provider']}"
    return f"result {result}: {where}, {clock(seconds)}"
