"""Statements during which others read and write: concurrent index builds, and validations of constraints.

They run outside a transaction and without a lock timeout. They wait for others, but nobody waits behind them, and an
index build that gives up leaves an invalid index behind.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import sql

from ncfd_site.schema import source
from ncfd_site.schema.deploy import session
from ncfd_site.schema.deploy.session import Connection

_POLL_SECONDS = 0.2


def run(connection: Connection, statement: str) -> None:
    """Run one statement on a connection on which nothing is begun. Raises `psycopg.Error`.

    What an earlier build of the same index left invalid is dropped first: `IF NOT EXISTS` would take it for done.
    """
    with _search_path(connection), session.no_lock_timeout(connection):
        index = source.built_index(statement)
        if index and is_invalid(connection, index):
            _wait_for_builder(connection, index)
            if is_invalid(connection, index):
                connection.execute(sql.SQL("DROP INDEX CONCURRENTLY public.{}").format(sql.Identifier(index)))
        connection.execute(statement)


def is_invalid(connection: Connection, index: str) -> bool:
    """Whether there is an index of that name in schema public that no query may use."""
    return connection.execute(
        "SELECT true FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relname = %s AND NOT x.indisvalid",
        [index],
    ).fetchone() == (True,)


def builder(connection: Connection, index: str) -> int | None:
    """The process that is building an index right now; None where nobody is."""
    row = connection.execute(
        "SELECT p.pid FROM pg_stat_progress_create_index p JOIN pg_class c ON c.oid = p.index_relid"
        " WHERE p.datname = current_database() AND c.relnamespace = 'public'::regnamespace AND c.relname = %s",
        [index],
    ).fetchone()
    return int(row[0]) if row else None


def _wait_for_builder(connection: Connection, index: str) -> None:
    while builder(connection, index) is not None:
        time.sleep(_POLL_SECONDS)


@contextmanager
def _search_path(connection: Connection) -> Iterator[None]:
    """Names without a schema are those of public, as in the transaction of a revision."""
    before = session.setting(connection, "search_path")
    connection.execute("SET search_path = public")
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("SELECT set_config('search_path', %s, false)", [before])
