"""Pruning: rows past their retention are counted, archived and deleted in batches, each in its own transaction."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from django.db import transaction
from django.utils import timezone
from psycopg import sql as composed

from ncfd_site.config.errors import ExitCode, UserError
from ncfd_site.core import sql
from ncfd_site.core.progress import ProgressReporter
from ncfd_site.exports import jobs as exports
from ncfd_site.retention.policy import Part, Prunable, list_prunables, read_policy

# Rows of a transaction, and of a file of the archive.
BATCH = 10_000
# Advisory lock: two prunings would archive the same rows.
LOCK = 7_243_951_071


class PruningInProgressError(UserError):
    """Another pruning holds the lock."""

    exit_code = ExitCode.LOCKED


class ArchiveError(UserError):
    """The archive cannot be written."""

    exit_code = ExitCode.FAILED


@dataclass(frozen=True, slots=True)
class Pruned:
    """The number of rows or files past their retention, and of those deleted."""

    name: str
    title: str
    due: int
    deleted: int


def prune(reporter: ProgressReporter, *, apply: bool = False, archive: Path | None = None) -> list[Pruned]:
    """Count what is past its retention; with `apply`, delete it, after a copy as Parquet below `archive`, if given.

    Safe to stop and repeat: a batch is deleted after its file is on disk. A kill in between archives its rows again.
    Raises ConfigurationError for an invalid policy, PruningInProgressError, and ArchiveError.
    """
    policy, now = read_policy(), timezone.now()
    found = []
    for one in list_prunables():
        parts = [(part, _count_rows(one, part)) for part in one.plan(policy[one.name], now)]
        due, deleted = sum(count for _, count in parts), 0
        if apply and due:
            reporter.begin(f"Pruning {one.title}", due, "rows")
            # A run of this command writes files of its own.
            folder = archive / one.name / f"{now:%Y%m%dT%H%M%S%f}" if archive else None
            for part, count in parts:
                if count:
                    deleted += _prune_part(one, part, reporter, folder)
                    part.finish()
        found.append(Pruned(one.name, one.title, due, deleted))
    files = exports.list_expired()
    deleted = exports.delete_expired() if apply else 0
    return [*found, Pruned("exports", "export files", len(files), deleted)]


def describe(found: list[Pruned], *, apply: bool) -> str:
    """Return the counts as a sentence."""
    counts = [f"{one.deleted if apply else one.due:,} {one.title}" for one in found if one.deleted or one.due]
    return f"{'Pruned' if apply else 'To prune'}: {', '.join(counts) or 'nothing'}."


def as_json(found: list[Pruned]) -> list[dict[str, Any]]:
    """Return the counts as JSON."""
    return [asdict(one) for one in found]


def _count_rows(one: Prunable, part: Part) -> int:
    # The names and conditions are constants of the code.
    return int(sql.value(f"SELECT count(*) FROM {one.table} t WHERE {part.condition}", part.values))  # noqa: S608


def _prune_part(one: Prunable, part: Part, reporter: ProgressReporter, folder: Path | None) -> int:
    select = f"SELECT t.{one.key} FROM {one.table} t WHERE {part.condition}"  # noqa: S608 (constants of the code)
    deleted, last = 0, None
    while True:
        after = "" if last is None else f" AND t.{one.key} > %(last)s"
        values = {**part.values, "last": last, "limit": BATCH, "actor": reporter.actor}
        with transaction.atomic():
            if not sql.value("SELECT pg_try_advisory_xact_lock(%s)", [LOCK]):
                raise PruningInProgressError("Another prune is running on this database. Wait until it has finished.")
            keys = sql.column(f"{select}{after} ORDER BY t.{one.key} LIMIT %(limit)s", values)
            if not keys:
                return deleted
            if folder:
                _archive(one, keys, folder)
            count = sql.execute(one.delete.format(table=one.table, key=one.key), {**values, "keys": keys})
        deleted, last = deleted + count, keys[-1]
        reporter.advance(count)


def _archive(one: Prunable, keys: list[Any], folder: Path) -> None:
    """Write the rows as a Parquet file, durably."""
    # Arrow takes a second to import.
    from ncfd_site.exports.parquet import read_columns, write_table

    path = folder / f"{one.table}-{keys[0]}.parquet"
    unfinished = path.with_suffix(".part")

    @contextmanager
    def open_sink() -> Iterator[BinaryIO]:
        with unfinished.open("wb") as sink:
            yield sink
            sink.flush()
            os.fsync(sink.fileno())

    condition = composed.SQL("t.{} = ANY({})").format(composed.Identifier(one.key), composed.Literal(keys))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_table(one.table, read_columns(one.table), open_sink, condition=condition)
        unfinished.rename(path)
        _sync_folder(folder)
    except OSError as error:
        raise ArchiveError(f"Cannot write to {folder} ({error.strerror}). Correct the cause.") from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
