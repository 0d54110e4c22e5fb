"""A waterfall: each bar starts where the previous one ends. Template `charts/waterfall.html`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ncfd_site.core.charts import Anchor, Scale, format_percentage

TOP, ROW, TEXT, BAR = 44, 44, 16, 24
MAX_TICKS = 7
# The text of a bar that starts beyond it ends with the bar.
MIDDLE = 50
# The scale reaches at least this far to both sides of zero.
MIN_SPAN = Decimal(1)
TICK_STEPS = tuple(Decimal(text) for text in ("0.5", "1", "2", "4", "8", "20", "100", "1000", "5000"))


@dataclass(frozen=True, slots=True)
class WaterfallItem:
    """A change from `before` to `after`; `kind` is the class of its bar."""

    label: str
    before: Decimal
    after: Decimal
    text: str
    kind: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class WaterfallBar:
    """An item with its position; `end_x` is its value after the change."""

    item: WaterfallItem
    text_y: int
    bar_y: int
    x: str
    width: str
    end_x: str
    direction: str
    text_x: str
    anchor: Anchor

    @property
    def next_bar_y(self) -> int:
        """The top of the next bar."""
        return self.bar_y + ROW


@dataclass(frozen=True, slots=True)
class WaterfallTick:
    """A position on the axis, with its value and a second label."""

    x: str
    label: str
    second_label: str
    anchor: Anchor
    is_zero: bool


@dataclass(frozen=True, slots=True)
class WaterfallChart:
    """Bars from top to bottom on one scale."""

    bars: list[WaterfallBar]
    ticks: list[WaterfallTick]
    height: int


def build_waterfall(items: Sequence[WaterfallItem], second_label: Callable[[Decimal], str]) -> WaterfallChart:
    """Return a chart with a bar for each item; its width is the change."""
    low, high, step = _choose_axis(items)
    scale = Scale.between(low, high)
    bars = []
    for index, item in enumerate(items):
        top = TOP + ROW * index
        start, end = sorted((scale.place(item.before), scale.place(item.after)))
        bars.append(
            WaterfallBar(
                item=item,
                text_y=top + TEXT,
                bar_y=top + BAR,
                x=format_percentage(start),
                width=format_percentage(end - start),
                end_x=scale.percent(item.after),
                direction="up" if item.after >= item.before else "down",
                text_x=format_percentage(start if start < MIDDLE else end),
                anchor="start" if start < MIDDLE else "end",
            )
        )
    values = [low + step * index for index in range(int((high - low) / step) + 1)]
    ticks = [
        WaterfallTick(
            x=scale.percent(value),
            label=f"{value.normalize():+f}" if value else "0",
            second_label=second_label(value),
            anchor="start" if value == low else "end" if value == high else "middle",
            is_zero=not value,
        )
        for value in values
    ]
    return WaterfallChart(bars, ticks, TOP + ROW * len(bars))


def _choose_axis(items: Sequence[WaterfallItem]) -> tuple[Decimal, Decimal, Decimal]:
    """Return the ends of the axis and the distance of its ticks."""
    values = [-MIN_SPAN, MIN_SPAN, *(item.before for item in items), *(item.after for item in items)]
    low, high = min(values), max(values)
    step = next((step for step in TICK_STEPS if (high - low) / step <= MAX_TICKS - 2), TICK_STEPS[-1])
    return (
        (low / step).to_integral_value("ROUND_FLOOR") * step,
        (high / step).to_integral_value("ROUND_CEILING") * step,
        step,
    )
