"""A number for each day, week or month: columns from zero, or rates from 0 to 1 with their intervals; sparklines.

Template `charts/series.html`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.utils.html import format_html
from django.utils.safestring import SafeString

from ncfd_site.core.charts import Anchor, Scale, choose_anchor, format_percentage
from ncfd_site.core.charts.intervals import Estimate

TOP, HEIGHT, BOTTOM = 18, 96, 22
# Share of the room of a column that the column takes.
FILL = 0.7
SPARK_WIDTH, SPARK_HEIGHT = 96, 20


@dataclass(frozen=True, slots=True)
class SeriesItem:
    """One period with its value, None if it is unknown; `text` is the value with its unit."""

    label: str
    value: float | None
    text: str
    estimate: Estimate | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """An item with its position; the last and the largest column have their value at `text_y`, else None."""

    item: SeriesItem
    left: str
    width: str
    x: str
    y: float
    height: float
    low: float
    high: float
    anchor: Anchor
    text_y: float | None


@dataclass(frozen=True, slots=True)
class SeriesChart:
    """Columns from left to right; with fewer than two values there is a `sentence` instead."""

    name: str
    title: str
    headings: tuple[str, str]
    items: Sequence[SeriesItem]
    columns: Sequence[Column]
    sentence: str

    height, axis_y, label_y = TOP + HEIGHT + BOTTOM, TOP + HEIGHT, TOP + HEIGHT + BOTTOM - 5

    @property
    def spark(self) -> SafeString:
        """The values as a line of the height of a table row."""
        return render_sparkline([item.value for item in self.items])

    @property
    def last(self) -> SeriesItem | None:
        """The latest period with a value."""
        return next((item for item in reversed(self.items) if item.value is not None), None)


def build_series_chart(name: str, title: str, headings: tuple[str, str], items: Sequence[SeriesItem]) -> SeriesChart:
    """Return a chart of periods from the oldest to the newest; `headings` are those of the period and the value."""
    known = [index for index, item in enumerate(items) if item.value is not None]
    counted = [items[index] for index in known if items[index].value or items[index].estimate]
    if len(counted) < 2:
        only = f"{counted[0].text} ({counted[0].label}); nothing else" if counted else "Nothing"
        sentence = f"{only} from {items[0].label} to {items[-1].label}." if items else "Nothing recorded yet."
        return SeriesChart(name, title, headings, items, (), sentence)
    values = [float(item.value or 0) for item in items]
    is_rate = any(item.estimate for item in items)
    up = Scale.between(0, 1 if is_rate else max(values), TOP + HEIGHT, TOP)
    across = Scale.between(0, len(items))
    largest = max(known, key=lambda index: values[index])
    columns: list[Column] = []
    for index in known:
        item, x = items[index], across.place(index + 0.5)
        low, high = (item.estimate.low, item.estimate.high) if item.estimate else (0, values[index])
        columns.append(
            Column(
                item=item,
                left=format_percentage(across.place(index + (1 - FILL) / 2)),
                width=format_percentage((across.place(1) - across.place(0)) * FILL),
                x=format_percentage(x),
                y=up.pixel(values[index]),
                height=round(up.place(0) - up.place(values[index]), 1),
                low=up.pixel(low),
                high=up.pixel(high),
                anchor=choose_anchor(x, 10),
                text_y=None,
            )
        )
    # The last value is above the columns that its text would cover.
    near = [column for index, column in zip(known, columns, strict=True) if index >= known[-1] - len(items) / 3]
    columns[-1] = replace(columns[-1], text_y=min(column.high for column in near))
    top = columns[known.index(largest)]
    if top not in near:
        columns[known.index(largest)] = replace(top, text_y=top.high)
    return SeriesChart(name, title, headings, items, columns, "")


def render_sparkline(values: Sequence[float | None]) -> SafeString:
    """Render values as a line with a dot at the last one, for a row of a table; the value itself stands beside it."""
    known = [(index, float(value)) for index, value in enumerate(values) if value is not None]
    if len({value for _, value in known}) < 2:
        return SafeString("")
    across = Scale.between(0, len(values) - 1, 3, SPARK_WIDTH - 3)
    up = Scale.between(min(0, *(value for _, value in known)), max(value for _, value in known), SPARK_HEIGHT - 3, 3)
    points = [(across.pixel(index), up.pixel(value)) for index, value in known]
    return format_html(
        '<svg class="sparkline" width="{}" height="{}" aria-hidden="true"><polyline points="{}"/>'
        '<circle cx="{}" cy="{}" r="2.5"/></svg>',
        SPARK_WIDTH,
        SPARK_HEIGHT,
        " ".join(f"{x},{y}" for x, y in points),
        *points[-1],
    )
