"""The waterfall and the history laid out for an SVG that the server writes.

Places across are percentages of the width, so that the drawing grows with the page and its letters do not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlencode

from ncfd_site.core.formatting import format_percent, format_signed
from signals.explanation.waterfall import Step, Waterfall
from signals.explanation.words import BAND_LINES
from signals.queries import probability

TOP, ROW = 44, 44
TEXT, BAR, BAR_HEIGHT = 16, 24, 10
MOST_TICKS = 7
# The scale goes at least so far to both sides of zero: 27 % to 73 %.
LEAST_SPAN = Decimal(1)
STEPS = tuple(Decimal(text) for text in ("0.5", "1", "2", "4", "8", "20", "100", "1000", "5000"))

HISTORY_TOP, HISTORY_HEIGHT, HISTORY_FOOT = 12, 160, 28
HISTORY_LEFT, HISTORY_RIGHT = Decimal(2), Decimal(88)


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of the scale: log-odds, the probability there, and where the words begin, end or have their middle."""

    x: str
    told: str
    probability: str
    anchor: str
    is_zero: bool


@dataclass(frozen=True, slots=True)
class Bar:
    """A step with its place; `end_x` is where it leads to, from where a thin line goes down to the next bar."""

    step: Step
    text_y: int
    bar_y: int
    x: str
    width: str
    end_x: str
    told: str
    sense: str

    @property
    def next_y(self) -> int:
        """Where the bar of the next step begins."""
        return self.bar_y + ROW


@dataclass(frozen=True, slots=True)
class Drawing:
    """All that the template draws of a waterfall."""

    bars: list[Bar]
    ticks: list[Tick]
    height: int
    bar_height: int = BAR_HEIGHT


@dataclass(frozen=True, slots=True)
class Point:
    """A run on the history: where it stands, and the way from the point before ("" for the first)."""

    run_id: str
    x: str
    y: str
    from_x: str
    from_y: str
    is_shown: bool
    told: str

    @property
    def query(self) -> str:
        """The part of the address that shows this run."""
        return urlencode({"run": self.run_id})


@dataclass(frozen=True, slots=True)
class History:
    """The probability over runs, the oldest first; `lines` are where bands begin."""

    points: list[Point]
    lines: list[tuple[str, str]]
    height: int
    foot: int
    right: str


def draw_waterfall(found: Waterfall) -> Drawing:
    """Lay out a bar for each step; its width is its change in log-odds on one scale for all."""
    least, most, step = _scale(found.steps)

    def place(amount: Decimal) -> Decimal:
        return 100 * (amount - least) / (most - least)

    bars = [_bar(one, index, place) for index, one in enumerate(found.steps)]
    return Drawing(bars, _ticks(least, most, step, place), TOP + ROW * len(bars))


def draw_history(runs: Sequence[tuple[str, Decimal, str]], shown: str) -> History:
    """Lay out a point for each run (name, probability, words), the oldest first, one step a run."""
    across = HISTORY_RIGHT - HISTORY_LEFT
    points: list[Point] = []
    for index, (run_id, p_fail, told) in enumerate(runs):
        # A single run stands in the middle.
        share = Decimal(index) / (len(runs) - 1) if len(runs) > 1 else Decimal("0.5")
        x, y = f"{HISTORY_LEFT + across * share:.2f}%", _height(p_fail)
        before = points[-1] if points else None
        points.append(
            Point(run_id, x, y, before.x if before else "", before.y if before else "", run_id == shown, told)
        )
    lines = [(_height(share), f"{share * 100:.0f} %") for share in (Decimal(0), *reversed(BAND_LINES))]
    height = HISTORY_TOP + HISTORY_HEIGHT + HISTORY_FOOT
    return History(points, lines, height, height - 6, f"{HISTORY_RIGHT + 2}%")


def _height(share: Decimal) -> str:
    return f"{HISTORY_TOP + HISTORY_HEIGHT * (1 - share):.1f}"


def _scale(steps: Sequence[Step]) -> tuple[Decimal, Decimal, Decimal]:
    """The ends of the scale and the distance of its marks; even odds and what lies around them are always on it."""
    places = [-LEAST_SPAN, LEAST_SPAN, *(one.before for one in steps), *(one.after for one in steps)]
    low, high = min(places), max(places)
    step = next((one for one in STEPS if (high - low) / one <= MOST_TICKS - 2), STEPS[-1])
    least, most = (
        (low / step).to_integral_value("ROUND_FLOOR") * step,
        (high / step).to_integral_value("ROUND_CEILING") * step,
    )
    return least, most, step


def _ticks(least: Decimal, most: Decimal, step: Decimal, place: Callable[[Decimal], Decimal]) -> list[Tick]:
    amounts = [least + step * index for index in range(int((most - least) / step) + 1)]
    return [
        Tick(
            f"{place(amount):.2f}%",
            f"{amount.normalize():+f}" if amount else "0",
            _share(amount),
            "start" if amount == least else "end" if amount == most else "middle",
            not amount,
        )
        for amount in amounts
    ]


def _share(amount: Decimal) -> str:
    share = probability(amount) * 100
    return f"{share:.0f} %" if 1 <= share <= 99 else f"{share:.1f} %"


def _bar(step: Step, index: int, place: Callable[[Decimal], Decimal]) -> Bar:
    top = TOP + ROW * index
    begin, end = sorted((place(step.before), place(step.after)))
    told = format_percent(step.probability) if step.kind in ("prior", "posterior") else format_signed(step.change)
    sense = "up" if step.after >= step.before else "down"
    return Bar(
        step, top + TEXT, top + BAR, f"{begin:.2f}%", f"{end - begin:.2f}%", f"{place(step.after):.2f}%", told, sense
    )
