"""Precision as charts of intervals beside the gate."""

from collections.abc import Sequence
from dataclasses import dataclass

from linkaudit.queries import MIN_PRECISION
from linkaudit.wilson import Interval, wilson_interval
from ncfd_site.core.charts.intervals import (
    Estimate,
    IntervalChart,
    IntervalColumnChart,
    IntervalItem,
    build_interval_chart,
    build_interval_column_chart,
)

GATE = float(MIN_PRECISION)


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


def precision_chart(lines: Sequence[Line]) -> IntervalChart:
    """Return a chart with a row for each line."""
    return build_interval_chart([_item(line) for line in lines], GATE)


def month_chart(lines: Sequence[Line]) -> IntervalColumnChart:
    """Return a chart with a column for each line."""
    return build_interval_column_chart([_item(line) for line in lines], GATE)


def _item(line: Line) -> IntervalItem:
    if line.rate is None or line.interval is None:
        return IntervalItem(line.name, "unknown: nothing reviewed", None)
    text = f"{line.correct:,} of {line.reviewed:,} right"
    return IntervalItem(line.name, text, Estimate(line.rate, line.interval.low, line.interval.high))
