"""Temporary tables that records are copied into, to be merged into the real tables by set-based SQL."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ncfd_site.core import sql

# Shared by all loaders: concurrent loads alternate by batch, so that they never insert the same row.
_LOADERS = 7_243_951_002


@dataclass(frozen=True, slots=True)
class Stage:
    """A temporary table: its name and column types, which are constants of the code, never input."""

    name: str
    columns: Mapping[str, str]

    def fill(self, records: Iterable[Sequence[Any]]) -> int:
        """Create the table for this transaction and copy the records into it; return their count."""
        self.create()
        return sql.copy(self.name, list(self.columns), records)

    def create(self) -> None:
        """Create the table, empty, for this transaction; replace an earlier one."""
        columns = ", ".join(f"{name} {kind}" for name, kind in self.columns.items())
        sql.execute(f"DROP TABLE IF EXISTS pg_temp.{self.name}")
        sql.execute(f"CREATE TEMPORARY TABLE {self.name} ({columns}) ON COMMIT DROP")

    def index(self, *columns: str) -> None:
        """Index single columns and analyze the table: worth it above some thousand rows."""
        for column in columns:
            sql.execute(f"CREATE INDEX ON {self.name} ({column})")
        sql.execute(f"ANALYZE {self.name}")


def serialize_loads() -> None:
    """Wait for the transactions of other loads, and exclude them until this transaction ends."""
    sql.execute("SELECT pg_advisory_xact_lock(%s)", [_LOADERS])


def dump_json(value: Any) -> str | None:
    """Return the value as text for a jsonb column; None for None."""
    return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
