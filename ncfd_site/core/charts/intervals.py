"""Rates from 0 to 1 with their intervals beside a threshold: a row for each, or a column for each month.

The shape of a mark shows where its interval lies: wholly above the threshold, across it, or wholly below it. Templates
`charts/intervals.html` and `charts/interval_columns.html`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ncfd_site.core.charts import Scale, Tick, format_percentage

TOP, ROW, BOTTOM = 24, 40, 24
# Room at both ends, so that a mark at 0 or 1 is not cut.
MARGIN = 2.0
TICKS = (0, 0.25, 0.5, 0.75, 1)
# Columns: the height of the row with the counts.
COUNT_ROW = 16
# Columns: the height of the scale, the room for its labels in percent, and the most labels below.
COLUMN_HEIGHT, COLUMN_LEFT, MAX_LABELS = 160, 8.0, 6

Shape = Literal["above", "across", "below"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A rate with the ends of its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class IntervalItem:
    """A labeled rate, None if it is unknown; `text` states what it is computed from."""

    label: str
    text: str
    estimate: Estimate | None
    count: int = 0


@dataclass(frozen=True, slots=True)
class IntervalRow:
    """An item with its position; `low`, `x` and `high` are empty if the rate is unknown."""

    item: IntervalItem
    text_y: int
    line_y: int
    shape: Shape | None = None
    low: str = ""
    x: str = ""
    high: str = ""


@dataclass(frozen=True, slots=True)
class IntervalChart:
    """Rows from top to bottom, a threshold, and an axis from 0 to 1."""

    rows: list[IntervalRow]
    height: int
    axis_y: int
    threshold_x: str
    ticks: list[Tick]
    left: str
    right: str


@dataclass(frozen=True, slots=True)
class IntervalColumn:
    """A known rate with its position; no label if the axis has no room for it."""

    x: str
    y: float
    low: float
    high: float
    shape: Shape
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class IntervalColumnChart:
    """Columns from left to right, a threshold, and an axis from 0 to 1."""

    columns: list[IntervalColumn]
    height: int
    axis_y: int
    threshold_y: float
    ticks: list[Tick]
    left: str


def build_interval_chart(items: Sequence[IntervalItem], threshold: float) -> IntervalChart:
    """Return a chart with a row for each item."""
    scale = Scale(0, 1, MARGIN, 100 - MARGIN)
    axis_y = TOP + ROW * len(items)
    rows = []
    for index, item in enumerate(items):
        top, estimate = TOP + ROW * index, item.estimate
        row = IntervalRow(item, top + 14, top + 27)
        if estimate:
            ends = (scale.percent(value) for value in (estimate.low, estimate.value, estimate.high))
            row = IntervalRow(item, top + 14, top + 27, _choose_shape(estimate, threshold), *ends)
        rows.append(row)
    ticks = [Tick(scale.percent(value), f"{value:g}") for value in TICKS]
    return IntervalChart(
        rows, axis_y + BOTTOM, axis_y, scale.percent(threshold), ticks, scale.percent(0), scale.percent(1)
    )


def build_interval_column_chart(items: Sequence[IntervalItem], threshold: float) -> IntervalColumnChart:
    """Return a chart with a column for each item whose rate is known."""
    across = Scale.between(0, len(items), COLUMN_LEFT)
    up = Scale(0, 1, TOP + COLUMN_HEIGHT, TOP)
    label_step = -(-len(items) // MAX_LABELS)
    columns = [
        IntervalColumn(
            across.percent(index + 0.5),
            up.pixel(item.estimate.value),
            up.pixel(item.estimate.low),
            up.pixel(item.estimate.high),
            _choose_shape(item.estimate, threshold),
            "" if index % label_step else item.label,
            item.count,
        )
        for index, item in enumerate(items)
        if item.estimate
    ]
    ticks = [Tick(up.pixel(value), f"{value:g}") for value in TICKS]
    axis_y = TOP + COLUMN_HEIGHT
    return IntervalColumnChart(
        columns, axis_y + BOTTOM + COUNT_ROW, axis_y, up.pixel(threshold), ticks, format_percentage(COLUMN_LEFT)
    )


def _choose_shape(estimate: Estimate, threshold: float) -> Shape:
    if estimate.low >= threshold:
        return "above"
    return "below" if estimate.high < threshold else "across"
