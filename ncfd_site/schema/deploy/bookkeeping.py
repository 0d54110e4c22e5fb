"""The log of runs, in a table that the command makes itself, outside the revisions.

Each revision is logged in its own transaction, so that the log says just what happened. A run that is refused or only
reads writes nothing.
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
    """What an entry of the log tells of: the column `action`."""

    UP = "up"
    DOWN = "down"
    ADOPT = "adopt"
    REPAIR = "repair"
    VERIFY = "verify"


class Outcome(StrEnum):
    """How it ended."""

    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class LogEntry:
    """One row of the log: what happened to a revision, when, by whom."""

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
        took = "unfinished" if self.seconds is None else f"{self.seconds:.2f} s"
        when = f"{self.started_at:%Y-%m-%d %H:%M:%S} UTC"
        line = f"{when}  {self.action:6}  {self.revision}  {took}  {self.outcome}"
        return f"{line}  by {self.actor} on {self.host}" + (f": {self.detail}" if self.detail else "")


def read_log(connection: Connection) -> list[LogEntry]:
    """The log of a database, oldest first, in UTC; empty where nothing was ever run."""
    if connection.execute("SELECT to_regclass('public.alembic_migration_log')").fetchone() == (None,):
        return []
    rows = connection.execute(
        "SELECT started_at, revision, action,"
        " extract(epoch FROM finished_at - started_at)::float, actor, host, outcome, detail,"
        " run_id, file_sha256 FROM public.alembic_migration_log ORDER BY log_id"
    )
    return [LogEntry(started_at.astimezone(UTC), *rest) for started_at, *rest in rows]


class RunLog:
    """One run of migration: writes a row for each thing that it does to a database."""

    def __init__(self) -> None:
        self.run_id = uuid.uuid4()
        self._started = datetime.now(UTC)

    def begin(self) -> None:
        """Note that the next thing begins now."""
        self._started = datetime.now(UTC)

    def record_revision(
        self, connection: Connection, step: Step, outcome: Outcome = Outcome.DONE, detail: str = ""
    ) -> None:
        """Write the row of a revision, in the transaction that is under way."""
        action = LogAction.UP if step.direction == "up" else LogAction.DOWN
        self.record(connection, step.revision, action, outcome, detail, source.checksum(step.file, step.direction))

    def record(
        self,
        connection: Connection,
        revision: str,
        action: LogAction,
        outcome: Outcome = Outcome.DONE,
        detail: str = "",
        file_sha256: str | None = None,
    ) -> None:
        """Write a row, in the transaction that is under way, if there is one."""
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


# Alembic's own column ends at 32 characters, and ids of ours are longer.
WIDTH = 255


# One statement, so that the table is at no moment empty: a row that is there becomes the version, the others go.
_WRITE = """
    WITH kept AS (
        SELECT coalesce(max(version_num) FILTER (WHERE version_num = %(version)s), min(version_num)) AS version_num
        FROM public.alembic_version
    ),
    gone AS (DELETE FROM public.alembic_version WHERE version_num <> (SELECT version_num FROM kept))
    UPDATE public.alembic_version SET version_num = %(version)s WHERE version_num = (SELECT version_num FROM kept)
"""
_WIDEN = f"ALTER TABLE public.alembic_version ALTER COLUMN version_num TYPE varchar({WIDTH})"
_MAKE = """
    CREATE TABLE IF NOT EXISTS public.alembic_version (
        version_num varchar({width}) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
    )
"""
_FILL = "INSERT INTO public.alembic_version SELECT %(version)s WHERE NOT EXISTS (SELECT FROM public.alembic_version)"


@dataclass(frozen=True)
class VersionTable:
    """What the version table of a database holds; `width` is None where there is no table or no limit."""

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
    """Widen a version column that is too short for our ids; tell whether there was one. Rewrites nothing.

    Done and committed before Alembic is configured: what is begun by then, Alembic would take for somebody else's
    transaction and never commit.
    """
    table = read_version_table(connection)
    if table.width is None or table.width >= WIDTH:
        return False
    connection.execute(_WIDEN)
    return True


def write_version(connection: Connection, version: str) -> None:
    """Make `version` the only row of the version table, in the transaction that is under way.

    Where there is no table, or no row in it, both come to be in that transaction.
    """
    for statement in version_statements():
        connection.execute(statement, {"version": version})


def version_statements() -> list[str]:
    """The statements of `write`, with the version as a parameter."""
    return [_MAKE.format(width=WIDTH), _WIDEN, _WRITE, _FILL]
