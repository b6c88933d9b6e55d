"""The last words of a run on the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from headless_conformance.core.progress import clock
from headless_conformance.requirements.register import Level
from headless_conformance.results.verdict import RED, Outcome, Result, Spec, Verdict

CLAIM_OUTCOMES = (
    Outcome.PASSED,
    Outcome.FAILED,
    Outcome.BROKEN,
    Outcome.PARTLY,
    Outcome.NOT_SUPPORTED,
    Outcome.SKIPPED,
    Outcome.EXCUSED,
)
"""Columns of the table, in reading order."""


def count_table(verdicts: Sequence[Verdict]) -> list[str]:
    """Claims by level and outcome; a column that is zero everywhere is left out, `passed` never."""
    counts = Counter((verdict.claim.level, verdict.outcome) for verdict in verdicts)
    columns = [
        outcome for outcome in CLAIM_OUTCOMES if outcome is Outcome.PASSED or any(counts[level, outcome] for level in Level)
    ]
    lines = [f"{'claims':<8}" + "".join(f"{outcome:>{len(outcome) + 3}}" for outcome in columns)]
    for level in Level:
        lines.append(f"{level:<8}" + "".join(f"{counts[level, outcome]:>{len(outcome) + 3}}" for outcome in columns))
    return lines


def red_lines(verdicts: Sequence[Verdict], unclaimed: Sequence[Spec], lang: str) -> list[str]:
    """What failed, then what is broken, each with its specs and the first line of their messages."""
    lines: list[str] = []
    for red in RED:
        for verdict in (verdict for verdict in verdicts if verdict.outcome is red):
            lines.append(f"{red.upper()}  {verdict.claim.id}  {verdict.claim.level}  {verdict.claim.sentence(lang)}")
            for spec in (spec for spec in verdict.specs if spec.outcome in RED):
                lines += [f"    {spec.nodeid}", f"    {spec.reason}"]
        for spec in (spec for spec in unclaimed if spec.outcome is red):
            lines += [f"{red.upper()}  {spec.nodeid}", f"    {spec.reason}"]
    return lines


def unsupported_lines(verdicts: Sequence[Verdict]) -> list[str]:
    """Each reason for which a spec was not supported, with its claims."""
    reasons: dict[str, list[str]] = {}
    for verdict in verdicts:
        for spec in verdict.specs:
            if spec.outcome is Outcome.NOT_SUPPORTED and verdict.claim.id not in reasons.setdefault(spec.reason, []):
                reasons[spec.reason].append(verdict.claim.id)
    return [f"{reason}: {', '.join(ids)}" for reason, ids in reasons.items()]


def result_line(facts: Mapping[str, str], result: Result, seconds: float) -> str:
    """The result, of what, and how long it took; `facts` by the names of the report's schema."""
    where = "no cluster was used"
    if facts:
        where = f"cluster {facts['cluster']}, Kubernetes {facts['kubernetes']}, provider {facts['provider']}"
    return f"result {result}: {where}, {clock(seconds)}"
