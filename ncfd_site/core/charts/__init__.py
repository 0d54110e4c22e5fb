"""Charts as SVG that the server renders: functions here compute positions, templates under `charts/` draw them.

Horizontal positions are percentages of the width, so that a chart grows with the page while its text does not. Vertical
positions are pixels.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Number = int | float | Decimal
Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps values from `low` to `high` to positions from `start` to `end`: percentages, or pixels."""

    low: float
    high: float
    start: float = 0
    end: float = 100

    @classmethod
    def between(cls, low: Number, high: Number, start: float = 0, end: float = 100) -> "Scale":
        """Return a scale between two values; an empty one counts as one unit long."""
        return cls(float(low), float(high) if high != low else float(low) + 1, start, end)

    def place(self, value: Number) -> float:
        """Return the position of a value."""
        return self.start + (self.end - self.start) * (float(value) - self.low) / (self.high - self.low)

    def percent(self, value: Number) -> str:
        """Return the position of a value as an SVG percentage."""
        return format_percentage(self.place(value))

    def pixel(self, value: Number) -> float:
        """Return the position of a value in pixels, to a tenth."""
        return round(self.place(value), 1)


@dataclass(frozen=True, slots=True)
class Tick:
    """A labeled position on an axis; `anchor` keeps the label of the first and the last inside the chart."""

    position: str | float
    label: str
    anchor: Anchor = "middle"


def format_percentage(position: float) -> str:
    """Return a position as an SVG percentage."""
    return f"{position:.2f}%"


def choose_anchor(position: float, margin: float = 5) -> Anchor:
    """Return the text anchor that keeps a label at a position, in percent, inside the chart."""
    return "start" if position < margin else "end" if position > 100 - margin else "middle"
