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
class Entry:
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


def entries(connection: Connection) -> list[Entry]:
    """The log of a database, oldest first, in UTC; empty where nothing was ever run."""
    if connection.execute("SELECT to_regclass('public.alembic_migration_log')").fetchone() == (None,):
        return []
    rows = connection.execute(
        "SELECT started_at, revision, action,"
        " extract(epoch FROM finished_at - started_at)::float, actor, host, outcome, detail,"
        " run_id, file_sha256 FROM public.alembic_migration_log ORDER BY log_id"
    )
    return [Entry(started_at.astimezone(UTC), *rest) for started_at, *rest in rows]


class Run:
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
