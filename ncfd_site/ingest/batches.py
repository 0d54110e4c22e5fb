"""Write records in batches, each in a transaction of its own, and find the record that spoils one."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import psycopg
from django.db import DatabaseError, transaction

from ncfd_site.ingest.progress import LoadProgress
from ncfd_site.ingest.records import Record, RejectedRecord
from ncfd_site.ingest.rejections import Rejections

SIZE = 1000
# Bytes of text; records with results can be a hundred times as long as others.
WEIGHT = 16 << 20

Value = TypeVar("Value")
Counts = Counter[tuple[str, str]]

# Classes of SQLSTATE that blame the values: data exception, constraint violation, limit exceeded (an index entry).
_BLAME_THE_VALUES = ("22", "23", "54")


def in_batches(
    items: Iterable[Record[Value]], key: Callable[[Value], Hashable], size: int, weight: int
) -> Iterator[list[Record[Value]]]:
    """Lists of records in order, none longer than `size` or, but for one record, heavier than `weight` bytes.

    No key is twice in one list, since a batch is merged as a set.
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
    refusals: Rejections,
    progress: LoadProgress,
) -> Iterator[Counts]:
    """Write every record and yield the counts of each transaction after its commit.

    A record that the database does not take is refused with the database's reason, and the rest of its batch is
    written without it.
    """
    for batch in in_batches(items, key, SIZE, WEIGHT):
        yield from _write(batch, write, refusals)
        progress.add_records(len(batch))


def _write(
    batch: Sequence[Record[Value]], write: Callable[[Sequence[Record[Value]]], Counts], refusals: Rejections
) -> Iterator[Counts]:
    try:
        with transaction.atomic():
            counts = write(batch)
    except (DatabaseError, psycopg.DatabaseError) as error:
        # COPY goes past Django's wrapper, so both families of errors occur.
        if not _sqlstate(error).startswith(_BLAME_THE_VALUES):
            raise
        if len(batch) == 1:
            refusals.refuse(RejectedRecord(batch[0].place, f"the database refuses it: {_first_line(error)}"))
            return
        middle = len(batch) // 2
        yield from _write(batch[:middle], write, refusals)
        yield from _write(batch[middle:], write, refusals)
    else:
        yield counts


def good_ones(items: Iterable[Record[Any] | RejectedRecord], refusals: Rejections) -> Iterator[Record[Any]]:
    """The records that could be read; the others are refused."""
    for item in items:
        if isinstance(item, RejectedRecord):
            refusals.refuse(item)
        else:
            yield item


def _sqlstate(error: DatabaseError | psycopg.DatabaseError) -> str:
    origin = error if isinstance(error, psycopg.Error) else error.__cause__
    return (origin.sqlstate or "") if isinstance(origin, psycopg.Error) else ""


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
