"""A connection that is fit to migrate on: direct, with short lock timeouts, and the only one that migrates."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from ncfd_site.config.errors import ExitCode
from ncfd_site.postgres import connection_errors
from ncfd_site.schema import source
from ncfd_site.schema.deploy.report import MigrationError

Connection = psycopg.Connection[Any]

# A statement that waits for a table's lock makes everybody behind it wait too: it gives up and comes back.
LOCK_TIMEOUT_MS = 500
# How long the server takes to notice that a killed runner is gone, and to free its lock.
CHECK_INTERVAL_MS = 500
POLL_SECONDS = 0.1

# Session locks are keyed by number, for each database apart.
LOCK_KEY = int.from_bytes(hashlib.sha256(b"ncfd: public.alembic_version").digest()[:8], "big", signed=True)

# Alembic keeps what it is doing in module globals, so that two threads must not migrate at once either.
_one_thread = threading.RLock()


@contextmanager
def connect(parameters: Mapping[str, Any]) -> Iterator[Connection]:
    """Open a connection on which each statement stands on its own, and close it at the end.

    `parameters` are psycopg keywords. Raises `DatabaseUnavailable` where the server cannot be reached, is too old, or
    does not let us in.
    """
    try:
        connection = psycopg.connect(**{**parameters, "application_name": "migrate_alembic"}, autocommit=True)
    except psycopg.OperationalError as error:
        raise connection_errors.explain(error, dict(parameters)) from None
    with connection:
        connection_errors.require_version(connection.info.server_version)
        connection.execute(
            f"SET lock_timeout = {LOCK_TIMEOUT_MS};"
            f" SET client_connection_check_interval = {CHECK_INTERVAL_MS};"
            " SET client_min_messages = warning"
        )
        yield connection


def select_libpq_keywords(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What of Django's connection parameters libpq knows: a connection of our own takes nothing else."""
    known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
    return {keyword: value for keyword, value in settings.items() if keyword in known}


def require_safe_connection(connection: Connection, parameters: Mapping[str, Any]) -> None:
    """Refuse a standby, where nothing can be written, and a pooler that gives each transaction another session."""
    if connection.execute("SELECT pg_is_in_recovery()").fetchone() == (True,):
        raise MigrationError(
            "This server is a standby and takes no changes; run migrate_alembic against the primary.",
            ExitCode.UNUSABLE_CONNECTION,
        )
    if _is_pooled_by_transaction(connection, parameters):
        raise MigrationError(
            "Between here and the server is a pooler that gives each transaction another session (transaction mode): "
            "the run lock would guard nothing. Let DATABASE_URL name the server itself for migrate_alembic.",
            ExitCode.UNUSABLE_CONNECTION,
        )


def _is_pooled_by_transaction(connection: Connection, parameters: Mapping[str, Any]) -> bool:
    """Whether two connections share a session of the server.

    A pooler tells its client another process id than the server's own: without one, this costs a single query. With
    one, a second connection is asked whether it gets the session that ours has just left.
    """
    if _backend(connection) == connection.info.backend_pid:
        return False
    with psycopg.connect(**parameters) as other:
        ours = _backend(connection)
        theirs = _backend(other)
        # The other one is in a transaction now and keeps its session: in session mode we still have ours.
        return theirs == ours or _backend(connection) != ours


def _backend(connection: Connection) -> int:
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    return int(row[0]) if row else 0


def find_runner(connection: Connection) -> int | None:
    """The process of the server that holds the run lock of this database; None where nobody migrates."""
    row = connection.execute(
        "SELECT l.pid FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
        " WHERE l.locktype = 'advisory' AND l.granted AND d.datname = current_database() AND l.objsubid = 1"
        " AND (l.classid::bigint << 32 | l.objid::bigint) = %s",
        [LOCK_KEY],
    ).fetchone()
    return int(row[0]) if row else None


def read_setting(connection: Connection, name: str) -> str:
    """The value of a setting of the session."""
    row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    return str(row[0]) if row else ""


@contextmanager
def no_lock_timeout(connection: Connection) -> Iterator[None]:
    """Let the statements inside wait as long as it takes."""
    connection.execute("SET lock_timeout = 0")
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")


@contextmanager
def run_lock(
    connection: Connection, wait_seconds: float, on_wait: Callable[[], None] = lambda: None
) -> Iterator[float]:
    """Hold the one lock of migration for this database, and yield the seconds waited for it.

    It is a session lock on the connection that migrates, so that it outlives every commit and dies with the runner. It
    is polled: a waiter that blocks would deadlock with a concurrent index build.
    """
    started = time.monotonic()
    told = False
    with _one_thread:
        while connection.execute("SELECT pg_try_advisory_lock(%s)", [LOCK_KEY]).fetchone() != (True,):
            if time.monotonic() - started > wait_seconds:
                raise MigrationError(
                    f"Another migration has held the lock for {wait_seconds:.0f} s; look for application_name "
                    "'migrate_alembic' in pg_stat_activity, or wait longer with --lock-wait SECONDS.",
                    ExitCode.LOCKED,
                )
            if not told:
                on_wait()
                told = True
            time.sleep(POLL_SECONDS)
        try:
            yield time.monotonic() - started
        finally:
            if not connection.closed:
                connection.execute("SELECT pg_advisory_unlock(%s)", [LOCK_KEY])


_POLL_SECONDS = 0.2


def run_online(connection: Connection, statement: str) -> None:
    """Run one statement on a connection on which nothing is begun. Raises `psycopg.Error`.

    What an earlier build of the same index left invalid is dropped first: `IF NOT EXISTS` would take it for done.
    """
    with _search_path(connection), no_lock_timeout(connection):
        index = source.built_index(statement)
        if index and is_index_invalid(connection, index):
            _wait_for_builder(connection, index)
            if is_index_invalid(connection, index):
                connection.execute(sql.SQL("DROP INDEX CONCURRENTLY public.{}").format(sql.Identifier(index)))
        connection.execute(statement)


def is_index_invalid(connection: Connection, index: str) -> bool:
    """Whether there is an index of that name in schema public that no query may use."""
    return connection.execute(
        "SELECT true FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relname = %s AND NOT x.indisvalid",
        [index],
    ).fetchone() == (True,)


def find_index_builder(connection: Connection, index: str) -> int | None:
    """The process that is building an index right now; None where nobody is."""
    row = connection.execute(
        "SELECT p.pid FROM pg_stat_progress_create_index p JOIN pg_class c ON c.oid = p.index_relid"
        " WHERE p.datname = current_database() AND c.relnamespace = 'public'::regnamespace AND c.relname = %s",
        [index],
    ).fetchone()
    return int(row[0]) if row else None


def _wait_for_builder(connection: Connection, index: str) -> None:
    while find_index_builder(connection, index) is not None:
        time.sleep(_POLL_SECONDS)


@contextmanager
def _search_path(connection: Connection) -> Iterator[None]:
    """Names without a schema are those of public, as in the transaction of a revision."""
    before = read_setting(connection, "search_path")
    connection.execute("SET search_path = public")
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("SELECT set_config('search_path', %s, false)", [before])
