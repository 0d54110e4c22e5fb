"""Passes: checks in pages, resumable after every page."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.db import transaction
from psycopg import sql as composed

from ncfd_site.core import sql
from ncfd_site.core.sql import Parameters, Row
from storage.verification.findings import Finding
from storage.verification.options import Check

# Rows that one statement checks.
PAGE = 10_000


@dataclass(slots=True)
class PageResult:
    """Findings of a page, number of too recent items, and number of skipped items by backend."""

    findings: list[Finding] = field(default_factory=list)
    recent_count: int = 0
    skipped: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Page:
    """A checked page: where the next one starts, units of progress, number of checked items, and the result."""

    last: Any
    steps: int
    checked_count: int
    result: PageResult


class Pass(Protocol):
    """A pass through rows or objects. `name` is unique; `step` and `unit` are for the progress reporter."""

    @property
    def check(self) -> Check:
        """The check that it belongs to."""

    @property
    def name(self) -> str:
        """The name in checkpoints."""

    @property
    def step(self) -> str:
        """The name of the step."""

    @property
    def unit(self) -> str:
        """The unit of progress."""

    def count(self) -> int | None:
        """Return the number of units, None if unknown."""

    def check_page(self, after: Any) -> Page | None:
        """Check the page after a position, None for the first one; return None at the end."""


@dataclass(frozen=True, slots=True)
class _Range:
    last: Any
    row_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TablePass:
    """A pass through a table by key; `check_range` gets the last key checked before, and the last key to check."""

    check: Check
    name: str
    step: str
    unit: str
    table: str
    key: str
    check_range: Callable[[Any, Any], PageResult]
    # Before the first key.
    start: int | str = -(2**63)

    def count(self) -> int:
        """Return the number of rows."""
        query = composed.SQL("SELECT count(*) FROM {}").format(composed.Identifier(self.table))
        return int(read_value(query.as_string(None)))

    def check_page(self, after: Any) -> Page | None:
        """Check the next rows by key."""
        after = self.start if after is None else after
        query = composed.SQL(
            "SELECT max({key}) AS last, count(*) AS row_count"
            " FROM (SELECT {key} FROM {table} WHERE {key} > %s ORDER BY {key} LIMIT %s) AS page"
        ).format(key=composed.Identifier(self.key), table=composed.Identifier(self.table))
        (found,) = read_rows(query.as_string(None), [after, PAGE], of=_Range)
        if not found.row_count:
            return None
        return Page(found.last, found.row_count, found.row_count, self.check_range(after, found.last))


def read_rows(query: str, parameters: Parameters = (), *, of: type[Row]) -> list[Row]:
    """Run a query in a read-only transaction: one statement, so one snapshot."""
    with transaction.atomic():
        sql.execute("SET TRANSACTION READ ONLY")
        return sql.rows(query, parameters, of=of)


def read_value(query: str, parameters: Parameters = ()) -> Any:
    """Run a query in a read-only transaction and return the first column of its first row."""
    with transaction.atomic():
        sql.execute("SET TRANSACTION READ ONLY")
        return sql.value(query, parameters)
