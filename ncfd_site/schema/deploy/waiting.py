"""Sessions and prepared transactions for which a run waits.

A second connection watches the run: while a statement waits, the run's own connection cannot ask for whom.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg

from ncfd_site.schema import source
from ncfd_site.schema.deploy.report import Blocker, Progress

_POLL_SECONDS = 0.2
# A shorter wait is not reported.
_REPORT_SECONDS = 3.0
_LONGEST_STATEMENT = 80

_SESSION = """
    SELECT a.pid, a.usename, coalesce(a.application_name, ''), coalesce(a.xact_start, a.query_start, a.backend_start),
           coalesce(a.state, ''), coalesce(a.query, ''), a.usesysid IS NULL
    FROM pg_stat_activity a
"""
# A prepared transaction has no session; its locks have no process.
_PREPARED = """
    SELECT DISTINCT x.gid, x.prepared FROM pg_prepared_xacts x
    JOIN pg_locks own ON own.pid IS NULL AND own.transactionid = x.transaction
    JOIN pg_locks held ON held.pid IS NULL AND held.virtualtransaction = own.virtualtransaction
    JOIN pg_locks wanted ON wanted.pid = %(pid)s AND NOT wanted.granted AND wanted.locktype = held.locktype
         AND wanted.database IS NOT DISTINCT FROM held.database AND wanted.relation IS NOT DISTINCT FROM held.relation
         AND wanted.transactionid IS NOT DISTINCT FROM held.transactionid
"""


def find_blockers(connection: psycopg.Connection[Any], pid: int) -> tuple[Blocker, ...]:
    """Return the sessions and prepared transactions for which a server process waits."""
    sessions = connection.execute(f"{_SESSION} WHERE a.pid = ANY (pg_blocking_pids(%s)) ORDER BY 1", [pid]).fetchall()
    prepared = connection.execute(_PREPARED, {"pid": pid}).fetchall()
    return (*(_describe_session(*row) for row in sessions), *(_describe_prepared_transaction(*row) for row in prepared))


def describe_session(connection: psycopg.Connection[Any], pid: int | None) -> str:
    """Return who a server process is, since when it works, and what it runs."""
    row = connection.execute(f"{_SESSION} WHERE a.pid = %s", [pid]).fetchone()
    return str(_describe_session(*row)) if row else "a process that has just finished"


@contextmanager
def watch(parameters: Mapping[str, Any], pid: int, progress: Progress) -> Iterator[None]:
    """Keep `progress.blockers` current for a server process, and report each wait of some seconds."""
    is_done = threading.Event()
    watcher = threading.Thread(target=_report_blockers, args=(parameters, pid, progress, is_done), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        is_done.set()
        watcher.join()


def _report_blockers(parameters: Mapping[str, Any], pid: int, progress: Progress, is_done: threading.Event) -> None:
    reported: set[str] = set()
    waiting_since: float | None = None
    try:
        with psycopg.connect(**{**parameters, "application_name": "migrate_alembic watcher"}, autocommit=True) as own:
            while not is_done.wait(_POLL_SECONDS):
                blockers = find_blockers(own, pid)
                if not blockers:
                    waiting_since = None
                    continue
                progress.blockers = blockers
                waiting_since = waiting_since or time.monotonic()
                new = [each for each in blockers if each.name not in reported]
                if new and time.monotonic() - waiting_since >= _REPORT_SECONDS:
                    progress.report_blockers(new)
                    reported |= {each.name for each in new}
    except psycopg.Error:
        # A server with a single free connection: the run works, without reports.
        return


def _describe_session(
    pid: int, role: str | None, program: str, since: datetime | None, state: str, query: str, is_autovacuum: bool
) -> Blocker:
    parts = ["autovacuum" if is_autovacuum else f"role {role}"]
    parts += [program] if program else []
    parts += [state] if state else []
    parts += [_format_since(since)] if since else []
    statement = source.strip_comments(query)
    if len(statement) > _LONGEST_STATEMENT:
        statement = f"{statement[:_LONGEST_STATEMENT]}…"
    text = f"process {pid} ({', '.join(parts)})" + (f": {statement}" if statement else "")
    return Blocker(str(pid), text, f"SELECT pg_terminate_backend({pid});", is_autovacuum)


def _describe_prepared_transaction(gid: str, since: datetime) -> Blocker:
    quoted = gid.replace("'", "''")
    return Blocker(
        gid,
        f"prepared transaction '{gid}' ({_format_since(since)}), which has no session",
        f"ROLLBACK PREPARED '{quoted}';",
    )


def _format_since(time: datetime) -> str:
    return f"since {time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
