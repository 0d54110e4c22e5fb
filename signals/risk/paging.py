"""One page of a list whose length nobody counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from signals.risk.selection import LAST_PAGE


@dataclass(frozen=True, slots=True)
class TrialPage:
    """One page of a list; whether another one follows is known without counting the table."""

    rows: Sequence[Any]
    number: int
    has_next: bool
    size: int

    @property
    def has_previous(self) -> bool:
        """Whether a page comes before this one."""
        return self.number > 1

    @property
    def before(self) -> int:
        """The number of the page before this one."""
        return self.number - 1

    @property
    def after(self) -> int:
        """The number of the page after this one."""
        return self.number + 1

    @property
    def is_last_allowed(self) -> bool:
        """Whether the list stops here although it may go on."""
        return self.number == LAST_PAGE and len(self.rows) == self.size

    @property
    def first_row(self) -> int:
        """The number of the first row of the page, from 1."""
        return (self.number - 1) * self.size + 1

    @property
    def last_row(self) -> int:
        """The number of the last row of the page."""
        return self.first_row + len(self.rows) - 1
