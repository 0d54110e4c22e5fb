"""Passes: checks in pages, resumable after every page."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass(ABC):
    """A pass of a check through rows or objects.

    `name` is unique, for checkpoints; `step` and `unit` are for the progress reporter.
    """

    check: Check
    name: str
    step: str
    unit: str

    @abstractmethod
    def count(self) -> int | None:
        """Return the number of units, None if unknown."""

    @abstractmethod
    def check_page(self, after: Any) -> Page | None:
        """Check the page after a position, None for the first one; return None at the end."""


@dataclass(frozen=True, slots=True)
class _Range:
    last: Any
    row_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TablePass(Pass):
    """A pass through a table by key; `check_range` gets the last key checked before, and the last key to check."""

    table: str
    key: str
    check_range: Callable[[Any, Any], PageResult]
    # Before the first key.
    start: int | str = -(2**63)

    def count(self) -> int:
        query = composed.SQL("SELECT count(*) FROM {}").format(composed.Identifier(self.table))
        return int(read_value(query.as_string(None)))

    def check_page(self, after: Any) -> Page | None:
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
