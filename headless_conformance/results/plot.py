"""A picture of what tests measured: one row per requirement and measure, one dot per sample, a tick at the
median."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from xml.sax.saxutils import escape

from headless_conformance.results.verdict import Verdict

LABEL, PLOT, FIGURES, ROW, TOP = 380, 420, 220, 26, 40
"""Pixels: widths of the three columns, height of a row, height of the axis."""
TICKS = 5


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


def seconds_svg(rows: dict[str, list[float]]) -> str:
    """The picture. `rows` must not be empty."""
    step = _step(max(max(samples) for samples in rows.values()) or 1.0)
    ticks = [step * n for n in range(TICKS + 1)]
    height = TOP + ROW * len(rows) + 10

    def x(seconds: float) -> float:
        return round(LABEL + PLOT * seconds / ticks[-1], 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LABEL + PLOT + FIGURES}" height="{height}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for tick in ticks:
        parts.append(f'<line x1="{x(tick)}" y1="{TOP - 8}" x2="{x(tick)}" y2="{height - 10}" stroke="#ddd"/>')
        parts.append(f'<text x="{x(tick)}" y="{TOP - 14}" text-anchor="middle">{tick:g} s</text>')
    for n, (label, samples) in enumerate(rows.items()):
        y = TOP + ROW * n + ROW / 2
        low, middle, high = min(samples), statistics.median(samples), max(samples)
        figures = f"n={len(samples)}, median {middle:.2f} s, max {high:.2f} s"
        parts.append(f'<text x="10" y="{y + 4}">{escape(label)}</text>')
        parts.append(f'<line x1="{x(low)}" y1="{y}" x2="{x(high)}" y2="{y}" stroke="#888"/>')
        parts += [
            f'<circle cx="{x(sample)}" cy="{y}" r="4" fill="#36c" fill-opacity="0.4"/>' for sample in samples
        ]
        parts.append(f'<path d="M{x(middle)} {y - 9}V{y + 9}" stroke="#c33" stroke-width="2"/>')
        parts.append(f'<text x="{LABEL + PLOT + 14}" y="{y + 4}">{figures}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
