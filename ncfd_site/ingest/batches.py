"""Writing of records in batches, each in its own transaction, with invalid records isolated."""

import json
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg
from django.db import DatabaseError, transaction

from ncfd_site.core import sql
from ncfd_site.ingest.records import Record, RejectedRecord, Rejections
from ncfd_site.ingest.runs import LoadProgress

SIZE = 1000
# Bytes of text; records with results are up to a hundred times longer than others.
WEIGHT = 8 << 20

Value = TypeVar("Value")
Counts = Counter[tuple[str, str]]

# Classes of SQLSTATE that blame the values: data exception, constraint violation, limit exceeded (an index entry).
_BLAME_THE_VALUES = ("22", "23", "54")


def split_batches(
    items: Iterable[Record[Value]], key: Callable[[Value], Hashable], size: int, weight: int
) -> Iterator[list[Record[Value]]]:
    """Yield lists of at most `size` records and `weight` bytes, in order; a larger record is a list of its own.

    A key occurs once in a list, because a batch is merged as a set.
    """
    batch: list[Record[Value]] = []
    keys: set[Hashable] = set()
    weighed = 0
    for item in items:
        if batch and (len(batch) >= size or weighed + item.size > weight or key(item.value) in keys):
            yield batch
            batch, keys, weighed = [], set(), 0
        batch.append(item)
        keys.add(key(item.value))
        weighed += item.size
    if batch:
        yield batch


def write_batches(
    items: Iterable[Record[Value]],
    write: Callable[[Sequence[Record[Value]]], Counts],
    *,
    key: Callable[[Value], Hashable],
    rejections: Rejections,
    progress: LoadProgress,
) -> Iterator[Counts]:
    """Write every record and yield the counts of each transaction after its commit.

    A record that the database refuses is rejected with that reason; the rest of its batch is written.
    """
    batches = split_batches(items, key, SIZE, WEIGHT)
    # The next batch is read and parsed in a thread while the database and the disk work on this one.
    with ThreadPoolExecutor(1) as reader:
        ahead = reader.submit(next, batches, None)
        while (batch := ahead.result()) is not None:
            ahead = reader.submit(next, batches, None)
            yield from _write_or_reject(batch, write, rejections)
            progress.add_records(len(batch))


def _write_or_reject(
    batch: Sequence[Record[Value]], write: Callable[[Sequence[Record[Value]]], Counts], rejections: Rejections
) -> Iterator[Counts]:
    try:
        with transaction.atomic():
            counts = write(batch)
    except (DatabaseError, psycopg.DatabaseError) as error:
        # COPY bypasses Django's wrapper, so both families of errors occur.
        origin = error if isinstance(error, psycopg.Error) else error.__cause__
        if not (isinstance(origin, psycopg.Error) and (origin.sqlstate or "").startswith(_BLAME_THE_VALUES)):
            raise
        if len(batch) == 1:
            reason = str(error).partition("\n")[0] or type(error).__name__
            rejections.add(RejectedRecord(batch[0].place, f"the database refuses it: {reason}"))
            return
        middle = len(batch) // 2
        yield from _write_or_reject(batch[:middle], write, rejections)
        yield from _write_or_reject(batch[middle:], write, rejections)
    else:
        yield counts


def valid_records(items: Iterable[Record[Any] | RejectedRecord], rejections: Rejections) -> Iterator[Record[Any]]:
    """Yield the valid records; reject the others."""
    for item in items:
        if isinstance(item, RejectedRecord):
            rejections.add(item)
        else:
            yield item


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
