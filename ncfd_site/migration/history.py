"""The log of runs, in a table that the command makes itself, outside the revisions.

Each revision is logged in its own transaction, so that the log says just what happened. A run that is refused or only
reads writes nothing.
"""

import hashlib
import os
import socket
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version as package_version
from pathlib import Path

from ncfd_site.migration.session import Connection

_TABLE = """
    CREATE TABLE IF NOT EXISTS public.alembic_migration_log (
        log_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        run_id uuid NOT NULL,
        revision text NOT NULL,
        direction text NOT NULL,
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
    INSERT INTO public.alembic_migration_log (run_id, revision, direction, file_sha256, started_at, finished_at, actor,
                                              host, server_version, code_version, outcome, detail)
    VALUES (%(run_id)s, %(revision)s, %(direction)s, %(file_sha256)s, %(started_at)s, clock_timestamp(), session_user,
            %(host)s, current_setting('server_version'), %(code_version)s, %(outcome)s, %(detail)s)
"""


@dataclass(frozen=True)
class Entry:
    """One row of the log: what happened to a revision, when, by whom."""

    revision: str
    direction: str
    started_at: datetime
    seconds: float | None
    actor: str
    host: str
    outcome: str
    detail: str | None

    def __str__(self) -> str:
        took = "unfinished" if self.seconds is None else f"{self.seconds:.2f} s"
        line = f"{self.started_at:%Y-%m-%d %H:%M:%S} UTC  {self.direction:4}  {self.revision}  {took}  {self.outcome}"
        return f"{line}  by {self.actor} on {self.host}" + (f": {self.detail}" if self.detail else "")


def entries(connection: Connection) -> list[Entry]:
    """The log of a database, oldest first; empty where nothing was ever run."""
    if connection.execute("SELECT to_regclass('public.alembic_migration_log')").fetchone() == (None,):
        return []
    rows = connection.execute(
        "SELECT revision, direction, started_at AT TIME ZONE 'UTC',"
        " extract(epoch FROM finished_at - started_at)::float, actor, host, outcome, detail"
        " FROM public.alembic_migration_log ORDER BY log_id"
    )
    return [Entry(*row) for row in rows]


class Run:
    """One run of migration: writes a row for each revision that it applies, takes back or fails at."""

    def __init__(self) -> None:
        self.run_id = uuid.uuid4()
        self._started = datetime.now(UTC)

    def begin(self) -> None:
        """Note that the next revision begins now."""
        self._started = datetime.now(UTC)

    def record(
        self,
        connection: Connection,
        revision: str,
        direction: str,
        file: str,
        *,
        outcome: str = "done",
        detail: str = "",
    ) -> None:
        """Write the row, in the transaction that is under way."""
        connection.execute(_TABLE)
        connection.execute(
            _ROW,
            {
                "run_id": self.run_id,
                "revision": revision,
                "direction": direction,
                "file_sha256": checksum(file, direction),
                "started_at": self._started,
                "host": socket.gethostname(),
                "code_version": f"alembic {package_version('alembic')}, pid {os.getpid()}",
                "outcome": outcome,
                "detail": detail or None,
            },
        )


def checksum(revision_file: str, direction: str) -> str:
    """The SHA-256, in hex, of all that a revision runs in one direction: its file and its SQL with the includes."""
    from ncfd_site.schema import revision_sql

    content = Path(revision_file).read_text() + revision_sql.source(
        revision_file, "up" if direction == "up" else "down"
    )
    return hashlib.sha256(content.encode()).hexdigest()
