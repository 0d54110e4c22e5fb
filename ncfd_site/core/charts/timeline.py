"""Date ranges over years, one row each, with a mark at one day. Template `charts/timeline.html`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from ncfd_site.core.charts import Scale, Tick, choose_anchor, format_percentage

TOP, ROW, TEXT, BAR, BAR_HEIGHT = 4, 40, 14, 20, 10
AXIS = 24
# Few enough for a phone.
MAX_TICKS = 6
TICK_YEARS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
MIN_DAYS = 365
# A range of one day is visible, and one that starts on the last day stays inside.
MIN_WIDTH = 0.5


@dataclass(frozen=True, slots=True)
class TimelineItem:
    """A date range; without `start` it is as long as the chart, without `end` (exclusive) it is open."""

    label: str
    text: str
    more: str
    start: date | None
    end: date | None
    is_filled: bool


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """An item with its position."""

    item: TimelineItem
    text_y: int
    bar_y: int
    x: str
    width: str
    end_x: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """Rows from top to bottom, a tick on each first of January with a label, and a mark."""

    rows: list[TimelineRow]
    ticks: list[Tick]
    height: int
    axis_y: int
    label_y: int
    mark_x: str


def build_timeline(items: Sequence[TimelineItem], mark: date, today: date) -> Timeline | None:
    """Return a timeline that includes the mark and today; None without items."""
    if not items:
        return None
    days = [day for item in items for day in (item.start, item.end) if day] + [mark, today]
    first, last = min(days), max(days)
    if (last - first).days < MIN_DAYS and last.year > 1:
        first = max(last - timedelta(days=MIN_DAYS), date(1, 1, 2))
    scale = Scale.between(first.toordinal(), last.toordinal())
    rows = []
    for index, item in enumerate(items):
        top = TOP + ROW * index
        start = min(scale.place((item.start or first).toordinal()), 100 - MIN_WIDTH)
        end = max(scale.place((item.end or last).toordinal()), start + MIN_WIDTH)
        rows.append(
            TimelineRow(
                item,
                top + TEXT,
                top + BAR,
                format_percentage(start),
                format_percentage(end - start),
                format_percentage(end),
            )
        )
    axis_y = TOP + ROW * len(items)
    return Timeline(
        rows=rows,
        ticks=_build_ticks(first, last, scale),
        height=axis_y + AXIS,
        axis_y=axis_y,
        label_y=axis_y + 16,
        mark_x=scale.percent(mark.toordinal()),
    )


def _build_ticks(first: date, last: date, scale: Scale) -> list[Tick]:
    step = next(step for step in TICK_YEARS if (last.year - first.year) / step <= MAX_TICKS)
    years = range(first.year - first.year % step + step, last.year + 1, step)
    positions = {year: scale.place(date(year, 1, 1).toordinal()) for year in years}
    return [Tick(format_percentage(x), str(year), choose_anchor(x)) for year, x in positions.items()]
