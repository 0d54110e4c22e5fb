"""Numbers as bars to draw: positions for an SVG that the server writes.

Positions are percentages of the width, so that the drawing grows with the page and its letters do not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

TOP = 4
ROW = 38
# Between the text of a bar and the bar itself.
TEXT, BAR = 14, 20
# Room for the words of the mark, between two bars.
GAP = 22


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart, and of the table below it: its words, its value, its value in words, where its rows are.

    `cells` are what the table has in its columns. A line that `is_open` is drawn hollow: it is not past the mark.
    """

    words: str
    value: int
    told: str
    cells: Sequence[str]
    url: str = ""
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """A line with its place on the drawing; no width where the value is zero."""

    line: Line
    text_y: int
    bar_y: int
    width: str | None


@dataclass(frozen=True, slots=True)
class BarChart:
    """All that the template draws: bars from top to bottom, and a mark between two of them where there is one."""

    name: str
    title: str
    headings: Sequence[str]
    bars: list[Bar]
    height: int
    mark_y: int | None
    mark: str


def bar_chart(
    name: str, title: str, headings: Sequence[str], lines: Sequence[Line], *, mark: str = "", before: int = 0
) -> BarChart:
    """Lay out a bar for each line, in the order given; `mark` is a line with words before the bar of that number."""
    most = max((line.value for line in lines), default=0)
    bars = []
    for index, line in enumerate(lines):
        top = TOP + ROW * index + (GAP if mark and index >= before else 0)
        width = f"{100 * line.value / most:.2f}%" if line.value else None
        bars.append(Bar(line, top + TEXT, top + BAR, width))
    height = TOP + ROW * len(lines) + (GAP if mark else 0)
    return BarChart(name, title, headings, bars, height, TOP + ROW * before + GAP - 6 if mark else None, mark)
