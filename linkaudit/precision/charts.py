"""Charts of precision with intervals and the required precision."""

from collections.abc import Sequence
from dataclasses import dataclass

from linkaudit.intervals import Interval, wilson_interval
from linkaudit.sampling.interim_analysis import REQUIRED_PRECISION
from ncfd_site.core.charts.intervals import (
    Estimate,
    IntervalChart,
    IntervalColumnChart,
    IntervalItem,
    build_interval_chart,
    build_interval_column_chart,
)


@dataclass(frozen=True, slots=True)
class Line:
    """Number of correct and of reviewed links of a group."""

    name: str
    correct: int
    reviewed: int

    @property
    def rate(self) -> float | None:
        """Correct / reviewed; None if nothing is reviewed."""
        return self.correct / self.reviewed if self.reviewed else None

    @property
    def interval(self) -> Interval | None:
        """Wilson 95 % interval; None if nothing is reviewed."""
        return wilson_interval(self.correct, self.reviewed)

    @property
    def incorrect(self) -> int:
        """Number of reviewed links that are wrong."""
        return self.reviewed - self.correct


def build_precision_chart(lines: Sequence[Line]) -> IntervalChart:
    """Return a chart with a row for each line."""
    return build_interval_chart([_to_item(line) for line in lines], REQUIRED_PRECISION)


def build_month_chart(lines: Sequence[Line]) -> IntervalColumnChart:
    """Return a chart with a column for each line."""
    return build_interval_column_chart([_to_item(line) for line in lines], REQUIRED_PRECISION)


def _to_item(line: Line) -> IntervalItem:
    if line.rate is None or line.interval is None:
        return IntervalItem(line.name, "not reviewed", None)
    text = f"{line.correct:,} of {line.reviewed:,} right"
    return IntervalItem(line.name, text, Estimate(line.rate, line.interval.low, line.interval.high))
