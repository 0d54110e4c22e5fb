"""Runs the SQL that lies beside a revision.

What takes strong locks runs in the transaction of the revision. What can run while others work (see
`source.is_online`) runs after it, each statement on its own: the transaction is committed by then, and the version is
written last. A run that ends in between is taken up again by the next one, which is why every revision may run over
its own result.
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

# Every table of public that occupies space, and its columns but the generated ones, by number: a new name keeps it.
_HELD = """
    SELECT c.oid::bigint, c.relname, a.attnum::integer, a.attname
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
      AND a.attgenerated = '' AND pg_relation_size(c.oid) > 0
"""

_THERE = """
    SELECT a.attrelid::bigint, a.attnum::integer FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
"""


@dataclass(frozen=True)
class StoredColumn:
    """A column of a table with rows."""

    relation: str
    column: str


def read_stored_columns(connection: Connection) -> dict[tuple[int, int], StoredColumn]:
    """What a revision must not drop."""
    return {
        (oid, number): StoredColumn(table, name) for oid, table, number, name in connection.execute(_HELD).fetchall()
    }


def find_dropped_objects(connection: Connection, before: dict[tuple[int, int], StoredColumn]) -> list[str]:
    """What of `before` is no longer there in the transaction that is under way, in words."""
    there = {(oid, number) for oid, number in connection.execute(_THERE).fetchall()}
    tables = {oid for oid, _ in there}
    return sorted(
        {
            f"column {lost.relation}.{lost.column}" if key[0] in tables else f"table {lost.relation}"
            for key, lost in before.items()
            if key not in there
        }
    )


def run(revision_file: str, revision: str, direction: Direction) -> None:
    """Run the SQL of a revision in the migration that is under way, or print it where Alembic is offline."""
    step = Step(revision_file, revision, direction)
    allowed = context.config.attributes.get("allow_destructive", ())
    settings = (
        f"SELECT set_config('ncfd.revision', '{revision}', true), "
        f"set_config('ncfd.allow_destructive', '{','.join(allowed)}', true), "
        # Names without a schema are those of public, whatever the session or the role has set.
        "set_config('search_path', 'public', true)"
    )
    script = [*source.statements(source.helpers()), *source.statements(source.text(revision_file, direction))]
    with _refusing_losses(step, consented=revision in allowed):
        for statement in (settings, *(each for each in script if not source.is_online(each))):
            try:
                _execute(statement)
            except DBAPIError as error:
                raise RevisionError.by(error.orig or error, step, statement, online=False) from error
    afterwards = [each for each in script if source.is_online(each)]
    if afterwards:
        _run_online(afterwards, step)


@contextmanager
def _refusing_losses(step: Step, *, consented: bool) -> Iterator[None]:
    # A downgrade counts what it would destroy itself.
    if consented or step.direction == "down" or context.is_offline_mode():
        yield
        return
    try:
        before = read_stored_columns(session_of(op.get_bind()))
    except Error as error:
        # To ask for a table's size waits for whoever has it to himself.
        raise RevisionError.by(error, step, "", online=False) from error
    yield
    if gone := find_dropped_objects(session_of(op.get_bind()), before):
        raise RevisionError(
            step,
            f"the upgrade to {step.revision} would drop {', '.join(gone)}, which may hold rows",
            sqlstate=LOSS_SQLSTATE,
            hint=f"To drop what it names all the same, name the revision: --allow-destructive {step.revision}",
        )


def _run_online(statements: list[str], step: Step) -> None:
    migration: Any = op.get_context()
    with migration.autocommit_block():
        for statement in statements:
            if context.is_offline_mode():
                _execute(statement)
                continue
            try:
                session.run_online(session_of(op.get_bind()), statement)
            except Error as error:
                raise RevisionError.by(error, step, statement, online=True) from error


def _execute(statement: str) -> None:
    # Alembic makes text() of what it runs, where a colon begins a parameter.
    op.execute(text(statement.replace(":", r"\:")))
