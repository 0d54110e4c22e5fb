"""Securities over time as a drawing: positions for an SVG that the server writes.

Positions across are percentages of the width, so that the drawing grows with the page and its letters do not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from securities.models import Security
from securities.queries.listings import ListingPeriod

TOP, ROW = 4, 40
# Between the upper edge of a row, its text and its bar.
TEXT, BAR, THICK = 14, 20, 10
AXIS = 24
# So many years have their number below the drawing at most, also on a phone.
MOST_TICKS = 6
SHORTEST = 365


@dataclass(frozen=True, slots=True)
class Row:
    """A security with its place: a bar from `x` on, `width` wide; `is_open` at its end where no last day is known.

    `is_filled` on the day of the mark: today it trades too, of other days the status is not known.
    """

    span: ListingPeriod
    text_y: int
    bar_y: int
    x: str
    width: str
    end: str
    is_open: bool
    is_filled: bool

    @property
    def middle_y(self) -> int:
        """The middle of the bar."""
        return self.bar_y + THICK // 2


@dataclass(frozen=True, slots=True)
class Tick:
    """The first day of a year on the axis."""

    x: str
    year: int
    anchor: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """All that the template draws; `mark` is the day that is asked about."""

    rows: list[Row]
    ticks: list[Tick]
    height: int
    axis_y: int
    label_y: int
    mark: str
    mark_anchor: str


def timeline(spans: Sequence[ListingPeriod], on: date, today: date) -> Timeline | None:
    """Lay out a row for each security that ever was, up to today at least; the mark is at `on`. None without a row."""
    drawn = [span for span in spans if not span.is_empty]
    if not drawn:
        return None
    days = [day for span in drawn for day in (span.first, span.after) if day] + [on, today]
    first, last = min(days), max(days)
    if (last - first).days < SHORTEST:
        first = max(last - timedelta(days=SHORTEST), date(1, 1, 2)) if last.year > 1 else first
    length = max((last - first).days, 1)

    def across(day: date) -> float:
        return 100 * (day - first).days / length

    rows = []
    for index, span in enumerate(drawn):
        top = TOP + ROW * index
        start, end = across(span.first or first), across(span.after or last)
        # A security of a day is seen too, and one that begins on the last day of the drawing stays inside.
        start = min(start, 99.5)
        rows.append(
            Row(
                span,
                top + TEXT,
                top + BAR,
                _percent(start),
                _percent(max(end - start, 0.5)),
                _percent(max(end, start + 0.5)),
                span.after is None,
                span.includes(on) and (on != today or span.status == Security.Status.ACTIVE),
            )
        )
    axis_y = TOP + ROW * len(drawn)
    mark = across(on)
    return Timeline(
        rows, _ticks(first, last, across), axis_y + AXIS, axis_y, axis_y + 16, _percent(mark), _anchor(mark)
    )


def _ticks(first: date, last: date, across: Callable[[date], float]) -> list[Tick]:
    years = last.year - first.year
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000) if years / step <= MOST_TICKS)
    ticks = []
    for year in range(first.year - first.year % step + step, last.year + 1, step):
        x = across(date(year, 1, 1))
        ticks.append(Tick(_percent(x), year, _anchor(x)))
    return ticks


def _anchor(x: float) -> str:
    return "start" if x < 5 else "end" if x > 95 else "middle"


def _percent(value: float) -> str:
    return f"{value:.2f}%"
