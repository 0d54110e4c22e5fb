"""Runner of the SQL files of a revision, with a check for dropped data.

Statements that take strong locks run in the transaction of the revision. Online statements (see `source.is_online`)
run after its commit, one by one; the version is written last. A run that stops between them is repeated by the next
one, so every revision must be able to run over its own result.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from alembic import context, op
from psycopg import Error
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ncfd_site.schema import source
from ncfd_site.schema.deploy import session
from ncfd_site.schema.deploy.alembic_runner import session_of
from ncfd_site.schema.deploy.report import LOSS_SQLSTATE, RevisionError
from ncfd_site.schema.deploy.session import Connection
from ncfd_site.schema.source import Direction, Step

# The columns of nonempty tables, without generated ones. The number of a column survives a rename.
_STORED_COLUMNS = """
    SELECT c.oid::bigint, c.relname, a.attnum::integer, a.attname
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
      AND a.attgenerated = '' AND pg_relation_size(c.oid) > 0
"""

_COLUMNS = """
    SELECT a.attrelid::bigint, a.attnum::integer FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
"""


@dataclass(frozen=True)
class StoredColumn:
    """A column of a table with rows."""

    relation: str
    column: str


def read_stored_columns(connection: Connection) -> dict[tuple[int, int], StoredColumn]:
    """Return the columns that a revision must not drop, by OID of the table and number."""
    return {
        (oid, number): StoredColumn(table, name)
        for oid, table, number, name in connection.execute(_STORED_COLUMNS).fetchall()
    }


def find_dropped_objects(connection: Connection, before: dict[tuple[int, int], StoredColumn]) -> list[str]:
    """Return descriptions of the tables and columns of `before` that the current transaction dropped."""
    columns = {(oid, number) for oid, number in connection.execute(_COLUMNS).fetchall()}
    tables = {oid for oid, _ in columns}
    return sorted(
        {
            f"column {dropped.relation}.{dropped.column}" if key[0] in tables else f"table {dropped.relation}"
            for key, dropped in before.items()
            if key not in columns
        }
    )


def run(revision_file: str, revision: str, direction: Direction) -> None:
    """Run the SQL of a revision in the current migration; print it in Alembic's offline mode."""
    step = Step(revision_file, revision, direction)
    allowed = context.config.attributes.get("allow_destructive", ())
    settings = (
        f"SELECT set_config('ncfd.revision', '{revision}', true), "
        f"set_config('ncfd.allow_destructive', '{','.join(allowed)}', true), "
        # For the SQL that --sql prints; a run has this path already.
        "set_config('search_path', 'public', true)"
    )
    script = list(source.split_statements(source.read_sql(revision_file, direction)))
    transactional = [
        *source.split_statements(source.read_helpers()),
        # A replaced function loses its options and rights.
        "SELECT pg_temp.remember_functions()",
        *(each for each in script if not source.is_online(each)),
        "SELECT pg_temp.put_back()",
    ]
    _run_statement(settings, step)
    if context.config.attributes.get("outlast_autovacuum"):
        _run_statement(session.OUTLAST_AUTOVACUUM, step)
    with _data_loss_check(step, consented=revision in allowed):
        for statement in transactional:
            _run_statement(statement, step)
    online = [each for each in script if source.is_online(each)]
    if online:
        _run_online(online, step)


def _run_statement(statement: str, step: Step) -> None:
    try:
        _execute_statement(statement)
    except DBAPIError as error:
        raise RevisionError.from_error(error.orig or error, step, statement, online=False) from error


@contextmanager
def _data_loss_check(step: Step, *, consented: bool) -> Iterator[None]:
    # The SQL of a downgrade counts the rows that it destroys.
    if consented or step.direction == "down" or context.is_offline_mode():
        yield
        return
    try:
        before = read_stored_columns(session_of(op.get_bind()))
    except Error as error:
        # Reading the size of a table waits for an exclusive lock.
        raise RevisionError.from_error(error, step, "", online=False) from error
    yield
    if dropped := find_dropped_objects(session_of(op.get_bind()), before):
        raise RevisionError(
            step,
            f"the upgrade to {step.revision} would drop {', '.join(dropped)}, which may hold rows",
            sqlstate=LOSS_SQLSTATE,
            hint=f"To consent: --allow-destructive {step.revision}",
        )


def _run_online(statements: list[str], step: Step) -> None:
    migration: Any = op.get_context()
    with migration.autocommit_block():
        for statement in statements:
            if context.is_offline_mode():
                _execute_statement(session.render_statement(statement).strip().removesuffix(";"))
                continue
            try:
                session.run_online(session_of(op.get_bind()), statement)
            except Error as error:
                raise RevisionError.from_error(error, step, statement, online=True) from error


def _execute_statement(statement: str) -> None:
    # In text() of SQLAlchemy, a colon starts a parameter.
    op.execute(text(statement.replace(":", r"\:")))
