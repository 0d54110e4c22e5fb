"""Bring records into a temporary table with COPY, to be merged into the real ones by set-based SQL."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ncfd_site.core import sql

# One number for every loader: two loads at once take turns batch by batch, so that none makes what the other makes.
_LOADERS = 7_243_951_002


@dataclass(frozen=True, slots=True)
class Stage:
    """A temporary table: its name, and its columns with their types. Names are constants of the code, never input."""

    name: str
    columns: Mapping[str, str]

    def fill(self, records: Iterable[Sequence[Any]]) -> int:
        """Make the table anew for this transaction and copy the records in; returns how many."""
        self.begin()
        return sql.copy(self.name, list(self.columns), records)

    def begin(self) -> None:
        """Make the table anew, empty; it goes when the transaction ends."""
        columns = ", ".join(f"{name} {kind}" for name, kind in self.columns.items())
        sql.execute(f"DROP TABLE IF EXISTS pg_temp.{self.name}")
        sql.execute(f"CREATE TEMPORARY TABLE {self.name} ({columns}) ON COMMIT DROP")

    def index(self, *columns: str) -> None:
        """Index single columns and let the planner know what is in them: for more than some thousand rows."""
        for column in columns:
            sql.execute(f"CREATE INDEX ON {self.name} ({column})")
        sql.execute(f"ANALYZE {self.name}")


def take_turns() -> None:
    """Wait until no other load is inside a transaction; holds until this one ends."""
    sql.execute("SELECT pg_advisory_xact_lock(%s)", [_LOADERS])


def json_text(value: Any) -> str | None:
    """The value as the text of a jsonb column; None stays NULL."""
    return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
