"""The database connection of a run: direct, with short lock timeouts, and one run at a time."""

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
from ncfd_site.schema.deploy import waiting
from ncfd_site.schema.deploy.report import MigrationError

Connection = psycopg.Connection[Any]

# Other sessions queue behind a statement that waits for a table lock: it gives up early and is retried.
LOCK_TIMEOUT_MS = 500
LOCK_TIMEOUT_SQL = f"SET lock_timeout = '{LOCK_TIMEOUT_MS}ms'"
# The server cancels an autovacuum for the sake of a waiter only after deadlock_timeout.
OUTLAST_AUTOVACUUM = (
    "SELECT set_config('lock_timeout', (setting::integer + 500)::text, true)"
    " FROM pg_settings WHERE name = 'deadlock_timeout'"
)
# The time in which the server notices a killed client and frees its lock.
CHECK_INTERVAL_MS = 500
POLL_SECONDS = 0.1
BUILDER_POLL_SECONDS = 0.2

# The key of the advisory lock, which the server keeps for each database.
LOCK_KEY = int.from_bytes(hashlib.sha256(b"ncfd: public.alembic_version").digest()[:8], "big", signed=True)

# Alembic keeps its state in module globals, so that only one thread may migrate.
_one_thread = threading.RLock()


# The tables that every ncfd database has at least one of; the owner of the first is the owner of the schema.
_OWNER = """
    SELECT pg_get_userbyid(c.relowner), pg_has_role(session_user, c.relowner, %s)
    FROM unnest(ARRAY['trials', 'companies', 'documents', 'link_audit']) WITH ORDINALITY AS t (name, place)
    JOIN pg_class c ON c.oid = to_regclass('public.' || t.name) ORDER BY t.place LIMIT 1
"""


@contextmanager
def connect(parameters: Mapping[str, Any]) -> Iterator[Connection]:
    """Yield a connection in autocommit mode with short lock timeouts; `parameters` are psycopg keywords.

    Other timeouts and the search path of the role or database have no effect.

    Raises `DatabaseUnavailable` if the server cannot be reached, denies access or is too old.
    """
    try:
        connection = psycopg.connect(**{**parameters, "application_name": "migrate_alembic"}, autocommit=True)
    except psycopg.OperationalError as error:
        raise connection_errors.explain(error, dict(parameters)) from None
    with connection:
        connection_errors.require_version(connection.info.server_version)
        connection.execute(
            f"SET search_path = public; SET lock_timeout = {LOCK_TIMEOUT_MS};"
            f" SET client_connection_check_interval = {CHECK_INTERVAL_MS}; SET client_min_messages = warning;"
            # It costs a second for the queries of the catalog, which are wide but small.
            " SET jit = off;"
            " SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN"
            " ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')"
        )
        # The role would stay with a connection that a pooler gives to others.
        if read_backend_pid(connection) == connection.info.backend_pid:
            _act_as_owner(connection)
        yield connection


def read_owner(connection: Connection) -> tuple[str | None, bool]:
    """Return the owner of the schema's tables, None without any, and whether the database user may act as it."""
    right = "SET" if connection.info.server_version >= 160000 else "MEMBER"
    return connection.execute(_OWNER, [right]).fetchone() or (None, False)


def _act_as_owner(connection: Connection) -> None:
    """Act as the owner of the schema, if the database user may, so that new objects belong to it."""
    owner, may_act = read_owner(connection)
    if owner and may_act:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(owner)))


def render_set_role(connection: Connection) -> str:
    """Return the statement that lets a script act as this connection does; empty without another role."""
    row = connection.execute("SELECT quote_ident(session_user), quote_ident(current_user)").fetchone()
    user, role = row or ("", "")
    return f"SET ROLE {role};\n\n" if role != user else ""


def select_libpq_keywords(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the connection parameters of Django that libpq accepts."""
    known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
    return {keyword: value for keyword, value in settings.items() if keyword in known}


def require_safe_connection(connection: Connection, parameters: Mapping[str, Any]) -> None:
    """Raise `MigrationError` where a run cannot work: read-only, pooled by transaction, or without rights."""
    if connection.execute("SELECT pg_is_in_recovery()").fetchone() == (True,):
        raise MigrationError(
            "This server is a read-only standby. Run migrate_alembic against the primary.",
            ExitCode.UNUSABLE_CONNECTION,
        )
    if connection.execute("SHOW default_transaction_read_only").fetchone() == ("on",):
        raise MigrationError(
            "default_transaction_read_only is on for this role, database or server. Use a role without it.",
            ExitCode.UNUSABLE_CONNECTION,
        )
    if owner := find_owner(connection):
        raise MigrationError(
            f"The role {connection.info.user} does not own the tables and is no member of their owner {owner}. Set "
            f"DATABASE_URL to that role, or run: GRANT {owner} TO {connection.info.user};",
            ExitCode.UNUSABLE_CONNECTION,
        )
    if is_pooled_by_transaction(connection, parameters):
        raise MigrationError(
            "DATABASE_URL names a connection pooler in transaction mode, where the run lock has no effect. For "
            "migrate_alembic, set it to the server itself or to a pooler in session mode.",
            ExitCode.UNUSABLE_CONNECTION,
        )
    _act_as_owner(connection)
    row = connection.execute(
        "SELECT current_user WHERE NOT has_database_privilege(current_database(), 'TEMPORARY')"
    ).fetchone()
    if row:
        raise MigrationError(
            f"Revisions need temporary tables, which the role may not create. Run: GRANT TEMPORARY ON DATABASE "
            f"{connection.info.dbname} TO {row[0]};",
            ExitCode.UNUSABLE_CONNECTION,
        )


def find_owner(connection: Connection) -> str | None:
    """Return the owner of the tables if this role has not its rights; None if it has, or without tables."""
    row = connection.execute(
        "SELECT relowner::regrole::text FROM pg_class WHERE relname = 'trials'"
        " AND relnamespace = 'public'::regnamespace AND NOT pg_has_role(relowner, 'USAGE')"
    ).fetchone()
    return str(row[0]) if row else None


def is_pooled_by_transaction(connection: Connection, parameters: Mapping[str, Any]) -> bool:
    """Return whether each transaction of the connection may get another session of the server."""
    # A pooler reports another process id than the server. Without one, this check costs a single query.
    if read_backend_pid(connection) == connection.info.backend_pid:
        return False
    with psycopg.connect(**parameters) as other:
        ours = read_backend_pid(connection)
        theirs = read_backend_pid(other)
        # `other` is now in a transaction and keeps its session. In session mode, ours is still the same.
        return theirs == ours or read_backend_pid(connection) != ours


def read_backend_pid(connection: Connection) -> int:
    """Return the server process of a connection; `connection.info` has that of a pooler."""
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    return int(row[0]) if row else 0


def find_runner(connection: Connection) -> int | None:
    """Return the server process that holds the run lock of this database, or None."""
    row = connection.execute(
        "SELECT l.pid FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
        " WHERE l.locktype = 'advisory' AND l.granted AND d.datname = current_database() AND l.objsubid = 1"
        " AND l.mode = 'ExclusiveLock' AND (l.classid::bigint << 32 | l.objid::bigint) = %s",
        [LOCK_KEY],
    ).fetchone()
    return int(row[0]) if row else None


@contextmanager
def run_lock(
    connection: Connection, wait_seconds: float, on_wait: Callable[[str], None] = lambda _: None
) -> Iterator[float]:
    """Hold the run lock of this database and yield the seconds waited for it. Raises `MigrationError` on timeout.

    `on_wait` gets a description of the run that holds it.
    """
    with _one_thread, _hold_run_lock(connection, "", wait_seconds, on_wait) as waited:
        yield waited


@contextmanager
def no_run(
    connection: Connection, parameters: Mapping[str, Any], wait_seconds: float, on_wait: Callable[[str], None]
) -> Iterator[None]:
    """Wait for a run in progress, and let none start while the state is read. Several readers share the lock."""
    if is_pooled_by_transaction(connection, parameters):
        # A lock would stay with a session that others use.
        yield
        return
    with _hold_run_lock(connection, "_shared", wait_seconds, on_wait):
        yield


@contextmanager
def _hold_run_lock(
    connection: Connection, mode: str, wait_seconds: float, on_wait: Callable[[str], None]
) -> Iterator[float]:
    # The lock belongs to the session, so that it survives commits and ends with the process. It is polled, because a
    # blocking waiter would deadlock with a concurrent index build.
    started = time.monotonic()
    is_reported = False
    while connection.execute(f"SELECT pg_try_advisory_lock{mode}(%s)", [LOCK_KEY]).fetchone() != (True,):
        holder = find_runner(connection)
        if time.monotonic() - started > wait_seconds:
            raise MigrationError(
                f"Another migration has held the lock for {wait_seconds:.0f} s: "
                f"{waiting.describe_session(connection, holder)}. Wait longer with --lock-wait SECONDS, or end it: "
                f"SELECT pg_terminate_backend({holder});",
                ExitCode.LOCKED,
            )
        if holder and not is_reported:
            on_wait(waiting.describe_session(connection, holder))
            is_reported = True
        time.sleep(POLL_SECONDS)
    try:
        yield time.monotonic() - started
    finally:
        if not connection.closed:
            connection.execute(f"SELECT pg_advisory_unlock{mode}(%s)", [LOCK_KEY])


@contextmanager
def snapshot(connection: Connection) -> Iterator[None]:
    """Read in one snapshot; write nothing."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def run_online(connection: Connection, statement: str) -> None:
    """Run a statement that does not block others, outside a transaction. Raises `psycopg.Error`.

    It has no timeout: it waits for others, and none wait behind it. An invalid index of an earlier build is
    dropped first, because `IF NOT EXISTS` would accept it.
    """
    connection.execute("SET lock_timeout = 0")
    try:
        index = source.find_index_name(statement)
        if index and _is_index_invalid(connection, index):
            while find_index_builder(connection, index) is not None:
                time.sleep(BUILDER_POLL_SECONDS)
            if _is_index_invalid(connection, index):
                connection.execute(sql.SQL("DROP INDEX CONCURRENTLY public.{}").format(sql.Identifier(index)))
        connection.execute(statement)
    finally:
        if not connection.closed:
            connection.execute(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")


def render_statement(statement: str) -> str:
    """Return a statement for a script: with the lock timeout of `run_online`, or with helpers in a transaction."""
    if "pg_temp." in statement:
        return f"BEGIN;\n{statement};\nCOMMIT;\n"
    if source.is_online(statement):
        return f"SET lock_timeout = 0;\n{statement};\n{LOCK_TIMEOUT_SQL};\n"
    return f"{statement};\n"


def _is_index_invalid(connection: Connection, index: str) -> bool:
    return connection.execute(
        "SELECT true FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relname = %s AND NOT x.indisvalid",
        [index],
    ).fetchone() == (True,)


def find_index_builder(connection: Connection, index: str) -> int | None:
    """Return the server process that is building an index, or None."""
    row = connection.execute(
        "SELECT p.pid FROM pg_stat_progress_create_index p JOIN pg_class c ON c.oid = p.index_relid"
        " WHERE p.datname = current_database() AND c.relnamespace = 'public'::regnamespace AND c.relname = %s",
        [index],
    ).fetchone()
    return int(row[0]) if row else None
