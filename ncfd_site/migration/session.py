"""A connection that is fit to migrate on: direct, with short lock timeouts, and the only one that migrates."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import Connection, NullPool, create_engine, text

from ncfd_site import connection_errors
from ncfd_site.migration.failures import Exit, MigrationRefused

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
    """Open a connection with nothing begun on it, and close it at the end.

    `parameters` are psycopg keywords. Raises `DatabaseUnavailable` where the server cannot be reached, is too old, or
    does not let us in.
    """

    def open_driver_connection() -> psycopg.Connection[Any]:
        try:
            return psycopg.connect(**{**parameters, "application_name": "migrate_alembic"})
        except psycopg.OperationalError as error:
            raise connection_errors.refusal(error, dict(parameters)) from None

    engine = create_engine("postgresql+psycopg://", creator=open_driver_connection, poolclass=NullPool)
    connection = engine.connect()
    try:
        driver: Any = connection.connection.driver_connection
        connection_errors.require_version(driver.info.server_version)
        connection.execute(text(f"SET lock_timeout = {LOCK_TIMEOUT_MS}"))
        connection.execute(text(f"SET client_connection_check_interval = {CHECK_INTERVAL_MS}"))
        connection.execute(text("SET client_min_messages = warning"))
        connection.commit()
        yield connection
    finally:
        connection.close()
        engine.dispose()


def refuse_unsafe(connection: Connection) -> None:
    """Refuse a standby: nothing can be written there."""
    if connection.scalar(text("SELECT pg_is_in_recovery()")):
        raise MigrationRefused(
            "This server is a standby and takes no changes; run migrate_alembic against the primary.",
            Exit.UNSAFE_CONNECTION,
        )
    connection.commit()


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
        while not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": LOCK_KEY}):
            connection.commit()
            if time.monotonic() - started > wait_seconds:
                raise MigrationRefused(
                    f"Another migration has held the lock for {wait_seconds:.0f} s; look for application_name "
                    "'migrate_alembic' in pg_stat_activity, or wait longer with --lock-wait SECONDS.",
                    Exit.LOCKED,
                )
            if not told:
                on_wait()
                told = True
            time.sleep(POLL_SECONDS)
        connection.commit()
        try:
            yield time.monotonic() - started
        finally:
            if not connection.invalidated:
                connection.rollback()
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK_KEY})
                connection.commit()
