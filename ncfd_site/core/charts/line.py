"""A value from 0 to 1 over equal steps, as points with a line between them. Template `charts/line.html`."""

from collections.abc import Sequence
from dataclasses import dataclass

from ncfd_site.core.charts import Number, Scale, Tick

TOP, HEIGHT, BOTTOM = 12, 160, 28
LEFT, RIGHT = 2, 88


@dataclass(frozen=True, slots=True)
class LineItem:
    """One value with its label and text, and the address that its point leads to."""

    label: str
    value: Number
    text: str
    url: str
    is_current: bool = False


@dataclass(frozen=True, slots=True)
class LinePoint:
    """An item with its position, and that of the previous point, which is empty for the first."""

    item: LineItem
    x: str
    y: float
    previous_x: str = ""
    previous_y: float = 0


@dataclass(frozen=True, slots=True)
class LineChart:
    """Points from left to right, and horizontal grid lines."""

    points: list[LinePoint]
    grid: list[Tick]
    height: int
    label_y: int
    right: str


def build_line_chart(items: Sequence[LineItem], grid: Sequence[Number]) -> LineChart:
    """Return a chart with a point for each item; a single one is in the middle."""
    up = Scale(0, 1, TOP + HEIGHT, TOP)
    across = Scale.between(0, len(items) - 1, LEFT, RIGHT) if len(items) > 1 else Scale(-0.5, 0.5, LEFT, RIGHT)
    points: list[LinePoint] = []
    for index, item in enumerate(items):
        previous = (points[-1].x, points[-1].y) if points else ("", 0)
        points.append(LinePoint(item, across.percent(index), up.pixel(item.value), *previous))
    height = TOP + HEIGHT + BOTTOM
    lines = [Tick(up.pixel(value), f"{float(value) * 100:.0f} %") for value in grid]
    return LineChart(points, lines, height, height - 6, f"{RIGHT + 2}%")
