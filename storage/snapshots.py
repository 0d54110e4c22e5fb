"""Snapshots for analytics: every table as of one moment in Parquet files, with a manifest that is written last.

A destination has a folder for each moment. The moment ends with the transaction that holds it, so a stopped export
cannot continue: the next one discards its files and takes a new moment.
"""

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cache, partial
from typing import IO, Any
from urllib.parse import quote

import psycopg
from django.db import DEFAULT_DB_ALIAS, DatabaseError, OperationalError, transaction
from psycopg import sql as composed

from ncfd_site.config.errors import ConfigurationError, ExitCode, UserError
from ncfd_site.core import sql
from ncfd_site.core.formatting import format_first, format_quantity, format_size
from ncfd_site.core.progress import ProgressReporter
from ncfd_site.exports import parquet
from ncfd_site.schema.catalog import Catalog
from ncfd_site.schema.catalog_scope import BOOKKEEPING, OF_DJANGO
from ncfd_site.schema.deploy import expected, revisions
from storage.backup.destinations import INCOMING, Destination, open_destination
from storage.backup.errors import BackupStoreError
from storage.content.base import CHUNK

FORMAT = "ncfd-snapshots-1"
INDEX, MANIFEST = "snapshots.json", "manifest.json"
# Any number: the key of the advisory lock that one export at a time holds.
LOCK_KEY = 0x6E63_6664_736E_6170
LOCK_TIMEOUT = "60s"

TABLES = f"""
    SELECT c.relname AS name, c.relkind = 'f' AS is_foreign, has_table_privilege(c.oid, 'SELECT') AS is_readable
    FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'f') AND NOT c.relispartition
      AND c.relname !~ '{OF_DJANGO}'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
    ORDER BY 1
"""  # noqa: S608 (a constant)
# No policy may leave out rows, and a long export is no idle session.
BEGIN = f"""
    SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
    SET LOCAL row_security = off; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0;
    SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'; SET LOCAL application_name = 'ncfd export_snapshot'
"""
MOMENT = """
    SELECT pg_try_advisory_xact_lock(%s) AS is_alone, clock_timestamp() AS time, pg_is_in_recovery() AS is_standby,
           CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text AS lsn,
           pg_current_snapshot()::text AS snapshot, current_setting('server_version') AS server_version,
           (SELECT version_num FROM public.alembic_version) AS revision
"""


class SnapshotError(UserError):
    """A snapshot cannot be exported."""

    def __init__(self, message: str, exit_code: ExitCode = ExitCode.REFUSED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class Moment:
    """The moment of a snapshot: it has every change up to `snapshot` (as pg_current_snapshot writes it), none later.

    `lsn` is the end of the log just after that.
    """

    is_alone: bool
    time: datetime
    is_standby: bool
    lsn: str
    snapshot: str
    server_version: str
    revision: str

    @property
    def folder(self) -> str:
        """The name of the snapshot's folder."""
        return f"{self.time:%Y%m%dT%H%M%S%fZ}"


@dataclass(frozen=True, slots=True)
class WrittenTable:
    """A file. A foreign table is as of its own server's moment; `is_ours` is false for tables that others added.

    The facts of a column are those of `_Table.describe`.
    """

    name: str
    file: str
    rows: int
    bytes: int
    sha256: str
    is_ours: bool
    is_foreign: bool
    columns: list[dict[str, Any]]


@dataclass(slots=True)
class Snapshot:
    """The content of a manifest, and the incomplete folders that the export discarded."""

    moment: Moment
    tables: list[WrittenTable] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    discarded: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return the manifest."""
        moment = asdict(self.moment) | {"time": self.moment.time.isoformat()}
        del moment["is_alone"]
        return {"format": FORMAT, **moment, "tables": [asdict(table) for table in self.tables], "skipped": self.skipped}


@dataclass(frozen=True, slots=True)
class _Table:
    name: str
    is_foreign: bool
    is_readable: bool

    @property
    def is_ours(self) -> bool:
        return self.name in BOOKKEEPING or ("relation", self.name) in _read_schema()

    def describe(self, column: parquet.Column, text_column: str | None) -> dict[str, Any]:
        """Return the types of a column, and the column with the text of values that do not fit."""
        return {
            "name": column.name,
            "type": column.type,
            "stored": str(column.kind.stored),
            "is_type_known": column.kind.is_known,
            "is_ours": self.name in BOOKKEEPING or ("column", f"{self.name}.{column.name}") in _read_schema(),
            "text_column": text_column,
        }


@cache
def _read_schema() -> Catalog:
    return expected.read_catalog(revisions.ids()[-1])


def export_snapshot(to: str, reporter: ProgressReporter, *, using: str = DEFAULT_DB_ALIAS) -> Snapshot:
    """Export all tables to a folder of the destination, a folder or s3://BUCKET/PREFIX.

    Raises `SnapshotError`, `BackupStoreError` and `ConfigurationError`, and leaves no files of this snapshot then.
    """
    if not to:
        raise ConfigurationError("Name the destination of the snapshots: with an option, or in SNAPSHOT_TO.")
    destination = open_destination(to, "snapshots")
    with _hold_moment(using) as (moment, tables):
        snapshot = Snapshot(moment, discarded=_claim(destination))
        try:
            _write_tables(snapshot, tables, destination, reporter, using)
            _require_files(snapshot, destination)
            _write_json(destination, f"{moment.folder}/{MANIFEST}", snapshot.as_json())
        except BaseException:
            with suppress(BackupStoreError):
                _discard_folder(destination, moment.folder)
            raise
        _write_json(destination, INDEX, {"format": FORMAT, "latest": moment.folder})
    return snapshot


def describe_snapshot(snapshot: Snapshot, to: str) -> str:
    """Return the outcome in sentences."""
    moment, tables = snapshot.moment, snapshot.tables
    rows, size = sum(table.rows for table in tables), sum(table.bytes for table in tables)
    place = f"{to.rstrip('/')}/{moment.folder}"
    size_text = f"{format_quantity(len(tables), 'table')}, {rows:,} rows, {format_size(size)}"
    texts = [f"Snapshot of {moment.time:%Y-%m-%d %H:%M:%S} UTC in {place}: {size_text}."]
    if snapshot.discarded:
        found = format_quantity(len(snapshot.discarded), "incomplete snapshot")
        texts.append(f"Discarded {found} of stopped exports: {format_first(snapshot.discarded, 3)}.")
    texts += [f"Skipped table {name}: {reason}." for name, reason in snapshot.skipped.items()]
    return "\n".join(texts)


@contextmanager
def _hold_moment(using: str) -> Iterator[tuple[Moment, list[_Table]]]:
    """Yield the moment that the transaction of the block sees, and the tables."""
    tables = sql.rows(TABLES, of=_Table, using=using)
    if refused := [table.name for table in tables if table.is_ours and not table.is_readable]:
        raise SnapshotError(
            f"The database user must not read {format_first(refused, 5)}. GRANT SELECT on all tables of schema public."
        )
    with transaction.atomic(using=using, durable=True):
        sql.execute(BEGIN, using=using)
        # Before the moment, which the first query takes: TRUNCATE of a table would empty it in the moment, too.
        names = [composed.Identifier("public", one.name) for one in tables if one.is_readable and not one.is_foreign]
        locked = composed.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(composed.SQL(", ").join(names))
        try:
            sql.execute(locked.as_string(None), using=using)
        except OperationalError as error:
            if not isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
                raise
            raise SnapshotError(
                f"A table was locked by another session for {LOCK_TIMEOUT}. Run the command again.", ExitCode.LOCKED
            ) from error
        (moment,) = sql.rows(MOMENT, [LOCK_KEY], of=Moment, using=using)
        if not moment.is_alone:
            raise SnapshotError("Another snapshot is being exported. Wait until it is finished.", ExitCode.LOCKED)
        if sql.rows(TABLES, of=_Table, using=using) != tables:
            raise SnapshotError("The tables of the database have just changed. Run the command again.", ExitCode.LOCKED)
        yield moment, tables


def _claim(destination: Destination) -> list[str]:
    """Mark an empty destination as one of snapshots, and discard incomplete ones; return their folders."""
    names = {name for name, _ in destination.list_files("") if not name.startswith(f"{INCOMING}/")}
    if not names:
        _write_json(destination, INDEX, {"format": FORMAT, "latest": None})
    elif INDEX not in names or json.loads(b"".join(destination.read(INDEX))).get("format") != FORMAT:
        raise SnapshotError(
            "The destination is not empty and has no snapshots. Name an empty one, or one of earlier snapshots.",
            ExitCode.USAGE,
        )
    folders = {name.partition("/")[0] for name in names if "/" in name}
    incomplete = sorted(folder for folder in folders if f"{folder}/{MANIFEST}" not in names)
    for folder in incomplete:
        _discard_folder(destination, folder)
    destination.clear_unfinished()
    return incomplete


def _discard_folder(destination: Destination, folder: str) -> None:
    for name, _ in list(destination.list_files(folder)):
        destination.delete(name)
    destination.clear_unfinished()


def _write_tables(
    snapshot: Snapshot, tables: list[_Table], destination: Destination, reporter: ProgressReporter, using: str
) -> None:
    reporter.begin("Writing tables", len(tables), "tables")
    started, total = time.monotonic(), 0

    def report(name: str, count: int) -> None:
        nonlocal total
        total += count
        reporter.advance(0, note=f"{name}, {total / (time.monotonic() - started):,.0f} rows/s")

    for table in tables:
        columns = parquet.read_columns(table.name, using=using)
        if not (table.is_readable and columns):
            snapshot.skipped[table.name] = "no columns" if table.is_readable else "no permission to read it"
        else:
            try:
                written = _write_table(
                    table, columns, f"{snapshot.moment.folder}/", destination, partial(report, table.name), using
                )
                snapshot.tables.append(written)
            except (DatabaseError, psycopg.Error) as error:
                if not table.is_foreign:
                    raise
                snapshot.skipped[table.name] = f"its server fails ({str(error).splitlines()[0]})"
        reporter.advance(1)


def _write_table(
    table: _Table, columns: list[parquet.Column], folder: str, destination: Destination, report: Any, using: str
) -> WrittenTable:
    # Slashes and quotes are possible in names.
    name = f"{quote(table.name, safe=' ')}.parquet"
    with tempfile.TemporaryFile() as spool:

        @contextmanager
        def restart() -> Iterator[IO[bytes]]:
            spool.seek(0)
            spool.truncate()
            yield spool

        written = parquet.write_table(table.name, columns, restart, report, using=using)
        size, digest = spool.seek(0, os.SEEK_END), hashlib.sha256()
        spool.seek(0)
        destination.write(f"{folder}{name}", _hash_chunks(iter(lambda: spool.read(CHUNK), b""), digest))
    described = [table.describe(column, written.texts.get(column.name)) for column in columns]
    sha256 = digest.hexdigest()
    return WrittenTable(table.name, name, written.rows, size, sha256, table.is_ours, table.is_foreign, described)


def _hash_chunks(chunks: Iterable[bytes], digest: Any) -> Iterator[bytes]:
    for chunk in chunks:
        digest.update(chunk)
        yield chunk


def _require_files(snapshot: Snapshot, destination: Destination) -> None:
    """Raise `SnapshotError` if another program changed the folder meanwhile."""
    folder = snapshot.moment.folder
    written = {f"{folder}/{table.file}": table.bytes for table in snapshot.tables}
    if dict(destination.list_files(folder)) != written:
        raise SnapshotError(f"Another program changed the folder {folder} during the export. Run the command again.")


def _write_json(destination: Destination, name: str, content: Any) -> None:
    destination.write(name, [json.dumps(content, indent=2).encode()])
