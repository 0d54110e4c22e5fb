"""Horizontal bars from the left edge or to both sides of the middle. Templates `charts/bars.html`, `diverging.html`."""

from collections.abc import Sequence
from dataclasses import dataclass

from ncfd_site.core.charts import Scale, format_percentage

TOP, ROW, TEXT, BAR = 4, 38, 14, 20
# Room for the text of a separator between two bars.
SEPARATOR = 22

MIDDLE = 50.0
# Half of the width, less the room for a number beside the longest bar.
MAX_HALF = 42.0
DIVERGING_TOP, DIVERGING_ROW = 24, 44


@dataclass(frozen=True, slots=True)
class BarItem:
    """One bar and one row of the table below the chart, with the text of the value and the cells of the row."""

    label: str
    value: int
    text: str
    cells: Sequence[str]
    url: str = ""
    is_hollow: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """An item with its position; no width for the value zero."""

    item: BarItem
    text_y: int
    bar_y: int
    width: str | None


@dataclass(frozen=True, slots=True)
class BarChart:
    """Bars from top to bottom. `name` is unique on a page; `separator` labels a line between two bars."""

    name: str
    title: str
    headings: Sequence[str]
    bars: list[Bar]
    height: int
    separator: str
    separator_y: int | None
    # The rows of the table, with those that have no bar.
    items: Sequence[BarItem] = ()

    @property
    def only(self) -> BarItem | None:
        """The only item with a value, which needs no bar."""
        return self.bars[0].item if len(self.bars) == 1 else None


def build_bar_chart(
    name: str,
    title: str,
    headings: Sequence[str],
    items: Sequence[BarItem],
    *,
    separator: str = "",
    separator_index: int = 0,
) -> BarChart:
    """Return a chart with a bar for each item with a value, and a separator before the item of that index."""
    all_items, separator_index = items, sum(bool(item.value) for item in items[:separator_index])
    items = [item for item in items if item.value]
    scale = Scale.between(0, max((item.value for item in items), default=0))
    bars = []
    for index, item in enumerate(items):
        top = TOP + ROW * index + (SEPARATOR if separator and index >= separator_index else 0)
        bars.append(Bar(item, top + TEXT, top + BAR, scale.percent(item.value) if item.value else None))
    height = TOP + ROW * len(items) + (SEPARATOR if separator else 0)
    separator_y = TOP + ROW * separator_index + SEPARATOR - 6 if separator else None
    return BarChart(name, title, headings, bars, height, separator, separator_y, all_items)


@dataclass(frozen=True, slots=True)
class DivergingItem:
    """Two numbers with one label: one to the left of the middle, one to the right."""

    label: str
    left: int
    right: int


@dataclass(frozen=True, slots=True)
class DivergingBar:
    """An item with its position; no width for the value zero."""

    item: DivergingItem
    text_y: int
    bar_y: int
    number_y: int
    left_x: str
    left_width: str | None
    left_number_x: str
    right_width: str | None
    right_number_x: str


@dataclass(frozen=True, slots=True)
class DivergingBarChart:
    """Rows from top to bottom, on one scale to both sides of the middle."""

    bars: list[DivergingBar]
    height: int


def build_diverging_bar_chart(items: Sequence[DivergingItem]) -> DivergingBarChart:
    """Return a chart with a row for each item."""
    scale = Scale.between(0, max((max(item.left, item.right) for item in items), default=0), end=MAX_HALF)
    bars = []
    for index, item in enumerate(items):
        top = DIVERGING_TOP + DIVERGING_ROW * index
        left, right = scale.place(item.left), scale.place(item.right)
        bars.append(
            DivergingBar(
                item=item,
                text_y=top + TEXT,
                bar_y=top + BAR,
                number_y=top + BAR + 10,
                left_x=format_percentage(MIDDLE - left),
                left_width=format_percentage(left) if item.left else None,
                left_number_x=format_percentage(MIDDLE - left - 1),
                right_width=format_percentage(right) if item.right else None,
                right_number_x=format_percentage(MIDDLE + right + 1),
            )
        )
    return DivergingBarChart(bars, DIVERGING_TOP + DIVERGING_ROW * len(bars))
