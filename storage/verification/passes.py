"""Passes: checks in pages, resumable after every page."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping
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

    def as_json(self) -> dict[str, Any]:
        """Return the page as stored with a part of a job."""
        # `asdict` would count the items of a Counter.
        result = {
            "findings": [finding.as_json() for finding in self.result.findings],
            "recent_count": self.result.recent_count,
            "skipped": dict(self.result.skipped),
        }
        return {"last": self.last, "steps": self.steps, "checked_count": self.checked_count, "result": result}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Page":
        """Return a stored page."""
        result = PageResult(**stored["result"])
        result.findings, result.skipped = (
            list(map(Finding.from_json, stored["result"]["findings"])),
            Counter(result.skipped),
        )
        return cls(**{**stored, "result": result})


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
    def check_page(self, after: Any, until: Any = None) -> Page | None:
        """Check the page after a position, None for the first one, up to another one; return None at the end."""

    def split(self) -> list[Any]:
        """Return the ends of pages that can be checked at the same time; none if the pass is not split."""
        return []


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

    def check_page(self, after: Any, until: Any = None) -> Page | None:
        after = self.start if after is None else after
        query = composed.SQL(
            "SELECT max({key}) AS last, count(*) AS row_count"
            " FROM (SELECT {key} FROM {table} WHERE {key} > %(after)s AND {end} ORDER BY {key} LIMIT %(size)s) AS page"
        )
        key = composed.Identifier(self.key)
        end = composed.SQL("true" if until is None else "{} <= %(until)s").format(key)
        text = query.format(key=key, table=composed.Identifier(self.table), end=end).as_string(None)
        (found,) = read_rows(text, {"after": after, "until": until, "size": PAGE}, of=_Range)
        if not found.row_count:
            return None
        return Page(found.last, found.row_count, found.row_count, self.check_range(after, found.last))

    def split(self) -> list[Any]:
        return find_page_ends(self.table, self.key, PAGE)


def find_page_ends(table: str, key: str, size: int, condition: str = "true", parameters: Parameters = ()) -> list[Any]:
    """Return the last key of each page of a table, of the rows that meet a condition."""
    query = composed.SQL(
        "SELECT max({key}) FROM (SELECT {key}, (row_number() OVER (ORDER BY {key}) - 1) / {size} AS page FROM {table}"
        " WHERE {condition}) AS numbered GROUP BY page ORDER BY 1"
    )
    names = {"key": composed.Identifier(key), "table": composed.Identifier(table), "size": composed.Literal(size)}
    text = query.format(**names, condition=composed.SQL(condition)).as_string(None)
    with transaction.atomic():
        sql.execute("SET TRANSACTION READ ONLY")
        return sql.column(text, parameters)


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
