"""Precision of heuristics as lines to draw: positions for an SVG that the server writes.

Positions are percentages of the width, so that the drawing grows with the page and its letters do not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from linkaudit.queries import MIN_PRECISION, HeuristicStanding

# Left and right of 0 and 1, so that a dot at either end is not cut.
MARGIN = 2.0
TOP = 24
ROW = 40
BOTTOM = 24


@dataclass(frozen=True, slots=True)
class Bar:
    """One heuristic: a dot at its precision with a line over its interval; no dot where nothing is reviewed."""

    standing: HeuristicStanding
    text_y: int
    line_y: int
    dot: str | None
    low: str | None
    high: str | None


@dataclass(frozen=True, slots=True)
class PrecisionChart:
    """All that the template draws: bars from top to bottom, the gate, and an axis from 0 to 1."""

    bars: list[Bar]
    height: int
    axis_y: int
    gate: str
    ticks: list[tuple[str, str]]
    left: str
    right: str


def precision_chart(standings: Sequence[HeuristicStanding]) -> PrecisionChart:
    """Lay out one bar for each heuristic, in the order given."""
    axis_y = TOP + ROW * len(standings)
    return PrecisionChart(
        bars=[_bar(standing, TOP + ROW * index) for index, standing in enumerate(standings)],
        height=axis_y + BOTTOM,
        axis_y=axis_y,
        gate=_x(float(MIN_PRECISION)),
        ticks=[(_x(value), f"{value:g}") for value in (0, 0.25, 0.5, 0.75, 1)],
        left=_x(0),
        right=_x(1),
    )


def _bar(standing: HeuristicStanding, top: int) -> Bar:
    interval = standing.interval
    rate = standing.correct_links / standing.reviewed_links if standing.reviewed_links else None
    return Bar(
        standing=standing,
        text_y=top + 14,
        line_y=top + 27,
        dot=None if rate is None else _x(rate),
        low=_x(interval.low) if interval else None,
        high=_x(interval.high) if interval else None,
    )


def _x(value: float) -> str:
    return f"{MARGIN + (100 - 2 * MARGIN) * value:.2f}%"
