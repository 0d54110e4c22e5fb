"""How trials moved between two runs, as bars to draw: those that fell to the left, those that rose to the right.

Positions across are percentages of the width, so that the drawing grows with the page and its letters do not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from signals.trials.comparing import DRAWN, Movement

MIDDLE = 50.0
# Half of the width, less the room for a number at the end of the longest bar.
LONGEST = 42.0
TOP, ROW, TEXT, BAR = 24, 44, 14, 20


@dataclass(frozen=True, slots=True)
class MovementBar:
    """One band with its place on the drawing; widths are None where there is nothing to draw."""

    movement: Movement
    text_y: int
    bar_y: int
    number_y: int
    fallen_x: str
    fallen_width: str | None
    fallen_number_x: str
    risen_width: str | None
    risen_number_x: str


@dataclass(frozen=True, slots=True)
class MovementChart:
    """All that the template draws."""

    bars: list[MovementBar]
    height: int
    total: int

    @property
    def is_cut(self) -> bool:
        """Whether the run may have more trials than are drawn."""
        return self.total >= DRAWN


def movements(found: Sequence[Movement]) -> MovementChart:
    """Lay out a row for each band, on one scale."""
    most = max((max(one.risen, one.fallen) for one in found), default=0) or 1
    bars = []
    for place, one in enumerate(found):
        top = TOP + ROW * place
        fallen, risen = LONGEST * one.fallen / most, LONGEST * one.risen / most
        bars.append(
            MovementBar(
                movement=one,
                text_y=top + TEXT,
                bar_y=top + BAR,
                number_y=top + BAR + 10,
                fallen_x=f"{MIDDLE - fallen:.2f}%",
                fallen_width=f"{fallen:.2f}%" if one.fallen else None,
                fallen_number_x=f"{MIDDLE - fallen - 1:.2f}%",
                risen_width=f"{risen:.2f}%" if one.risen else None,
                risen_number_x=f"{MIDDLE + risen + 1:.2f}%",
            )
        )
    return MovementChart(bars, TOP + ROW * len(bars), sum(one.total for one in found))
