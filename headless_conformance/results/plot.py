"""A picture of what tests measured: one row per requirement and measure, one dot per sample, a tick at the
median."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from headless_conformance.core.templates import render_template
from headless_conformance.results.verdict import Verdict

LABEL, PLOT, FIGURES, ROW, TOP = 380, 420, 220, 26, 40
"""Pixels: widths of the three columns, height of a row, height of the axis."""
TICKS = 5
_TEMPLATE = Path(__file__).parent / "seconds.svg.j2"


def measured_seconds(verdicts: Sequence[Verdict]) -> dict[str, list[float]]:
    """Samples in seconds by the label of their row; a measure is taken for seconds when its name says so."""
    rows: dict[str, list[float]] = {}
    for verdict in verdicts:
        for name, value in (measure for case in verdict.tests for measure in case.measures):
            if "seconds" in name:
                rows.setdefault(f"{verdict.requirement.id}: {name}", []).append(value)
    return rows


def _step(longest: float) -> float:
    """A round distance between ticks: 1, 2 or 5 times a power of ten."""
    rough = longest / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)


def seconds_svg(rows: Mapping[str, Sequence[float]]) -> str:
    """The picture. `rows` must not be empty."""
    step = _step(max(max(samples) for samples in rows.values()) or 1.0)
    ticks = [step * n for n in range(TICKS + 1)]

    def x(seconds: float) -> float:
        return round(LABEL + PLOT * seconds / ticks[-1], 1)

    drawn = [
        {
            "label": label,
            "samples": samples,
            "low": min(samples),
            "median": statistics.median(samples),
            "high": max(samples),
        }
        for label, samples in rows.items()
    ]
    return render_template(
        _TEMPLATE,
        rows=drawn,
        ticks=ticks,
        x=x,
        width=LABEL + PLOT + FIGURES,
        height=TOP + ROW * len(rows) + 10,
        top=TOP,
        row_height=ROW,
        figures_x=LABEL + PLOT + 14,
    )
