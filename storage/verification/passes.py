"""A check goes through what there is in passes, page by page, and can go on behind every page."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from psycopg import sql as composed

from storage.verification.findings import Check, Finding
from storage.verification.reading import read, read_value

# Rows that one statement looks at.
PAGE = 10_000


@dataclass(slots=True)
class Looked:
    """What a look at some of it found. `unchecked` are rows that could not be looked at, by the store they lie in."""

    findings: list[Finding] = field(default_factory=list)
    young: int = 0
    unchecked: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a pass: where the next one begins, how far the bar moves, how many were looked at, what was found."""

    last: Any
    steps: int
    looked_at: int
    looked: Looked


class Pass(Protocol):
    """One way through the rows or the bytes. `name` is unique; `step` and `unit` are for the bar."""

    @property
    def check(self) -> Check:
        """The check it belongs to."""

    @property
    def name(self) -> str:
        """What a checkpoint calls it."""

    @property
    def step(self) -> str:
        """What it does, in words."""

    @property
    def unit(self) -> str:
        """What the bar counts."""

    def total(self) -> int | None:
        """How many units there are."""

    def page(self, after: Any) -> Page | None:
        """Look at the next page behind that place, None for the first one; None where nothing is left."""


@dataclass(frozen=True, slots=True)
class _Range:
    last: Any
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TablePass:
    """Through a table by its key; `look` is given the first key that is not, and the last that is to be looked at."""

    check: Check
    name: str
    step: str
    unit: str
    table: str
    key: str
    look: Callable[[Any, Any], Looked]
    # What comes before every key.
    first: int | str = -(2**63)

    def total(self) -> int:
        """The rows of the table."""
        query = composed.SQL("SELECT count(*) FROM {}").format(composed.Identifier(self.table))
        return int(read_value(query.as_string(None)))

    def page(self, after: Any) -> Page | None:
        """The next rows in the order of the key."""
        after = self.first if after is None else after
        query = composed.SQL(
            "SELECT max({key}) AS last, count(*) AS number"
            " FROM (SELECT {key} FROM {table} WHERE {key} > %s ORDER BY {key} LIMIT %s) AS page"
        ).format(key=composed.Identifier(self.key), table=composed.Identifier(self.table))
        (found,) = read(query.as_string(None), [after, PAGE], of=_Range)
        if not found.number:
            return None
        return Page(found.last, found.number, found.number, self.look(after, found.last))
