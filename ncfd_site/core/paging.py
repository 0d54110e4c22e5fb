"""One page of a list whose length nobody counts: it is read with one row more than it shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class ListPage(Generic[Row]):
    """Page `number` of a list, from 1; `size` is how many rows a full page has, `last` the last page there may be."""

    rows: Sequence[Row]
    number: int
    has_next: bool
    size: int
    last: int

    @property
    def has_previous(self) -> bool:
        """Whether a page comes before this one."""
        return self.number > 1

    @property
    def before(self) -> int:
        """The number of the page before this one, 0 on the first."""
        return self.number - 1

    @property
    def after(self) -> int:
        """The number of the page after this one."""
        return self.number + 1

    @property
    def is_last_allowed(self) -> bool:
        """Whether the list stops here although it may go on."""
        return self.number == self.last and len(self.rows) == self.size

    @property
    def first_row(self) -> int:
        """The number of the first row of the page, from 1."""
        return self.before * self.size + 1

    @property
    def last_row(self) -> int:
        """The number of the last row of the page."""
        return self.before * self.size + len(self.rows)


def page_of(found: Sequence[Row], number: int, size: int, last: int) -> ListPage[Row]:
    """The page of `found`: what a page shows and, where another one follows, one row more."""
    return ListPage(found[:size], number, len(found) > size and number < last, size, last)
