"""Precision as lines to draw: positions for SVGs that the server writes.

Positions across are percentages of the width, so that a drawing grows with the page and its letters do not. The shape
says where an interval lies: wholly over the gate, across it, or wholly under it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from linkaudit.queries import MIN_PRECISION
from linkaudit.wilson import Interval, wilson_interval

GATE = float(MIN_PRECISION)
# Left and right of 0 and 1, so that a dot at either end is not cut.
MARGIN = 2.0
TOP = 24
ROW = 40
BOTTOM = 24
# Drawings over time: the height of 0 to 1, room for the scale on the left in percent, and how many months are named.
TALL = 160
SCALE = 8.0
NAMED = 6


@dataclass(frozen=True, slots=True)
class Line:
    """What a rate is of, and its counts; `url` leads to the rows."""

    name: str
    correct: int
    reviewed: int
    url: str = ""

    @property
    def rate(self) -> float | None:
        """Right of reviewed; None where nothing is reviewed."""
        return self.correct / self.reviewed if self.reviewed else None

    @property
    def interval(self) -> Interval | None:
        """The Wilson 95 % interval; None where nothing is reviewed."""
        return wilson_interval(self.correct, self.reviewed)

    @property
    def incorrect(self) -> int:
        """How many of the reviewed are wrong."""
        return self.reviewed - self.correct

    @property
    def shape(self) -> str:
        """over, across or under the gate: where the interval lies; "" where nothing is reviewed."""
        interval = self.interval
        if interval is None:
            return ""
        if interval.low >= GATE:
            return "over"
        return "under" if interval.high < GATE else "across"


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of a drawing: a mark at its rate with a line over its interval; no mark where nothing is reviewed."""

    line: Line
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


@dataclass(frozen=True, slots=True)
class Point:
    """One month: where it stands across, and the heights of its mark and of the ends of its interval."""

    line: Line
    x: str
    y: float
    low: float
    high: float
    # "" for a month that is not named, for want of room.
    label: str


@dataclass(frozen=True, slots=True)
class TimeChart:
    """All that the template draws: a point for each month from left to right, the gate, and an axis from 0 to 1."""

    points: list[Point]
    height: int
    axis_y: int
    gate: float
    ticks: list[tuple[float, str]]
    left: str


def precision_chart(lines: Sequence[Line]) -> PrecisionChart:
    """Lay out one bar for each line, in the order given."""
    axis_y = TOP + ROW * len(lines)
    return PrecisionChart(
        bars=[_bar(line, TOP + ROW * index) for index, line in enumerate(lines)],
        height=axis_y + BOTTOM,
        axis_y=axis_y,
        gate=_x(GATE),
        ticks=[(_x(value), f"{value:g}") for value in (0, 0.25, 0.5, 0.75, 1)],
        left=_x(0),
        right=_x(1),
    )


def time_chart(lines: Sequence[Line]) -> TimeChart:
    """Lay out one point for each line, which has something reviewed, from left to right."""
    every = -(-len(lines) // NAMED)
    step = (100 - SCALE) / max(1, len(lines))
    points = []
    for index, line in enumerate(lines):
        if line.rate is None or line.interval is None:
            continue
        label = line.name if index % every == 0 else ""
        x = f"{SCALE + step * (index + 0.5):.2f}%"
        points.append(Point(line, x, _y(line.rate), _y(line.interval.low), _y(line.interval.high), label))
    return TimeChart(
        points=points,
        height=TOP + TALL + BOTTOM,
        axis_y=TOP + TALL,
        gate=_y(GATE),
        ticks=[(_y(value), f"{value:g}") for value in (0, 0.25, 0.5, 0.75, 1)],
        left=f"{SCALE:.2f}%",
    )


def _bar(line: Line, top: int) -> Bar:
    interval = line.interval
    return Bar(
        line=line,
        text_y=top + 14,
        line_y=top + 27,
        dot=None if line.rate is None else _x(line.rate),
        low=_x(interval.low) if interval else None,
        high=_x(interval.high) if interval else None,
    )


def _x(value: float) -> str:
    return f"{MARGIN + (100 - 2 * MARGIN) * value:.2f}%"


def _y(value: float) -> float:
    return round(TOP + TALL * (1 - value), 1)
