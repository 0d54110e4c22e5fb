"""The version table and the log of runs.

The command creates the log itself, outside the revisions. The entry of a revision is written in the revision's own
transaction. Refused and read-only runs write nothing.
"""

import os
import socket
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import version as package_version

from ncfd_site.schema import source
from ncfd_site.schema.deploy.session import Connection
from ncfd_site.schema.source import Step

_TABLE = """
    CREATE TABLE IF NOT EXISTS public.alembic_migration_log (
        log_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        run_id uuid NOT NULL,
        revision text NOT NULL,
        action text NOT NULL,
        file_sha256 text,
        started_at timestamptz NOT NULL,
        finished_at timestamptz,
        actor text NOT NULL,
        host text NOT NULL,
        server_version text NOT NULL,
        code_version text NOT NULL,
        outcome text NOT NULL,
        detail text
    )
"""

_ROW = """
    INSERT INTO public.alembic_migration_log (run_id, revision, action, file_sha256, started_at, finished_at, actor,
                                              host, server_version, code_version, outcome, detail)
    VALUES (%(run_id)s, %(revision)s, %(action)s, %(file_sha256)s, %(started_at)s, clock_timestamp(), session_user,
            %(host)s, current_setting('server_version'), %(code_version)s, %(outcome)s, %(detail)s)
"""


class LogAction(StrEnum):
    """The action of a log entry."""

    UP = "up"
    DOWN = "down"
    ADOPT = "adopt"
    REPAIR = "repair"
    VERIFY = "verify"


class Outcome(StrEnum):
    """The outcome of a log entry."""

    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class LogEntry:
    """An entry of the log."""

    started_at: datetime
    revision: str
    action: str
    seconds: float | None
    actor: str
    host: str
    outcome: str
    detail: str | None
    run_id: uuid.UUID
    file_sha256: str | None

    def __str__(self) -> str:
        duration = "unfinished" if self.seconds is None else f"{self.seconds:.2f} s"
        started = f"{self.started_at:%Y-%m-%d %H:%M:%S} UTC"
        line = f"{started}  {self.action:6}  {self.revision}  {duration}  {self.outcome}"
        return f"{line}  by {self.actor} on {self.host}" + (f": {self.detail}" if self.detail else "")


def read_log(connection: Connection) -> list[LogEntry]:
    """Return the entries, oldest first, with times in UTC; empty if there is no log yet."""
    # The log of a development version, before the first release, has no column action: it is not read.
    readable = connection.execute(
        "SELECT true FROM pg_attribute WHERE attrelid = to_regclass('public.alembic_migration_log')"
        " AND attname = 'action' AND NOT attisdropped"
    ).fetchone()
    if not readable:
        return []
    rows = connection.execute(
        "SELECT started_at, revision, action,"
        " extract(epoch FROM finished_at - started_at)::float, actor, host, outcome, detail,"
        " run_id, file_sha256 FROM public.alembic_migration_log ORDER BY log_id"
    )
    return [LogEntry(started_at.astimezone(UTC), *rest) for started_at, *rest in rows]


class RunLog:
    """Writer of the log for one run."""

    def __init__(self) -> None:
        self.run_id = uuid.uuid4()
        self._started = datetime.now(UTC)

    def start_entry(self) -> None:
        """Set the start time of the next entry to now."""
        self._started = datetime.now(UTC)

    def record_revision(
        self, connection: Connection, step: Step, outcome: Outcome = Outcome.DONE, detail: str = ""
    ) -> None:
        """Write the entry of a revision in the current transaction."""
        action = LogAction.UP if step.direction == "up" else LogAction.DOWN
        self.record(
            connection, step.revision, action, outcome, detail, source.compute_checksum(step.file, step.direction)
        )

    def record(
        self,
        connection: Connection,
        revision: str,
        action: LogAction,
        outcome: Outcome = Outcome.DONE,
        detail: str = "",
        file_sha256: str | None = None,
    ) -> None:
        """Write an entry, in the current transaction if there is one."""
        connection.execute(_TABLE)
        connection.execute(
            _ROW,
            {
                "run_id": self.run_id,
                "revision": revision,
                "action": action.value,
                "file_sha256": file_sha256,
                "started_at": self._started,
                "host": socket.gethostname(),
                "code_version": f"alembic {package_version('alembic')}, pid {os.getpid()}",
                "outcome": outcome.value,
                "detail": detail or None,
            },
        )


# Alembic's own column has 32 characters; our ids are longer.
WIDTH = 255


# One statement, so that the table is never empty: one row becomes the version, the others are deleted.
_WRITE = """
    WITH kept AS (
        SELECT coalesce(max(version_num) FILTER (WHERE version_num = %(version)s), min(version_num)) AS version_num
        FROM public.alembic_version
    ),
    deleted AS (DELETE FROM public.alembic_version WHERE version_num <> (SELECT version_num FROM kept))
    UPDATE public.alembic_version SET version_num = %(version)s WHERE version_num = (SELECT version_num FROM kept)
"""
_WIDEN = f"ALTER TABLE public.alembic_version ALTER COLUMN version_num TYPE varchar({WIDTH})"
_CREATE = """
    CREATE TABLE IF NOT EXISTS public.alembic_version (
        version_num varchar({width}) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
    )
"""
_INSERT = "INSERT INTO public.alembic_version SELECT %(version)s WHERE NOT EXISTS (SELECT FROM public.alembic_version)"


@dataclass(frozen=True)
class VersionTable:
    """The version table of a database; `width` is that of its column, None without a table or a limit."""

    exists: bool
    rows: tuple[str, ...]
    width: int | None


def read_version_table(connection: Connection) -> VersionTable:
    """Read the version table."""
    width = connection.execute(
        "SELECT nullif(a.atttypmod, -1) - 4 FROM pg_attribute a"
        " WHERE a.attrelid = to_regclass('public.alembic_version')"
        " AND a.attname = 'version_num' AND NOT a.attisdropped"
    ).fetchone()
    if width is None:
        return VersionTable(exists=False, rows=(), width=None)
    rows = connection.execute("SELECT version_num FROM public.alembic_version ORDER BY 1").fetchall()
    return VersionTable(exists=True, rows=tuple(str(row[0]) for row in rows), width=width[0])


def widen_version_column(connection: Connection) -> bool:
    """Widen a version column that is too short for our ids, and return whether it was. Rewrites nothing.

    Call it before Alembic is configured: Alembic does not commit a transaction that is open by then.
    """
    table = read_version_table(connection)
    if table.width is None or table.width >= WIDTH:
        return False
    connection.execute(_WIDEN)
    return True


def write_version(connection: Connection, version: str) -> None:
    """Make `version` the only row of the version table, in the current transaction; create what is missing."""
    for statement in version_statements():
        connection.execute(statement, {"version": version})


def version_statements() -> list[str]:
    """Return the statements of `write_version`, with the parameter `version`."""
    return [_CREATE.format(width=WIDTH), _WIDEN, _WRITE, _INSERT]
