"""What Alembic needs of us: its configuration, a wide version table, and an SQLAlchemy connection to run on."""

import io
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any, Protocol, cast

import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.ddl.postgresql import PostgresqlImpl
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, MigrationStep
from alembic.script import ScriptDirectory
from sqlalchemy import String, Table
from sqlalchemy.pool import StaticPool

from ncfd_site.config.errors import ExitCode
from ncfd_site.schema import retrying, source
from ncfd_site.schema.deploy import bookkeeping, revisions
from ncfd_site.schema.deploy.bookkeeping import WIDTH
from ncfd_site.schema.deploy.report import LOSS_SQLSTATE, MigrationError, RevisionError
from ncfd_site.schema.deploy.revisions import SCHEMA_FOLDER
from ncfd_site.schema.deploy.session import Connection


class WideVersionTable(PostgresqlImpl):
    """Makes a new version table wide enough for our ids.

    Defining the class is what registers it, in place of Alembic's own for PostgreSQL.
    """

    __dialect__ = "postgresql"

    def version_table_impl(self, **options: Any) -> Table:
        table = super().version_table_impl(**options)
        table.c.version_num.type = String(WIDTH)
        return table


def alembic_config() -> Config:
    """Alembic's configuration, without an ini file."""
    options = Config()
    options.set_main_option("script_location", str(SCHEMA_FOLDER).replace("%", "%%"))
    return options


@contextmanager
def sqlalchemy_connection(connection: Connection) -> Iterator[sqlalchemy.Connection]:
    """The same session as an SQLAlchemy connection with nothing begun; afterwards it is ours again."""
    engine = sqlalchemy.create_engine("postgresql+psycopg://", creator=lambda: connection, poolclass=StaticPool)
    connection.autocommit = False
    try:
        wrapped = engine.connect()
        try:
            yield wrapped
        finally:
            if not connection.closed:
                wrapped.rollback()
                wrapped.detach()
    finally:
        if not connection.closed:
            connection.rollback()
            connection.autocommit = True


def session_of(wrapped: sqlalchemy.Connection) -> Connection:
    """The psycopg connection below an SQLAlchemy one, in the same transaction."""
    driver: Any = wrapped.connection.driver_connection
    return cast(Connection, driver)


class Watcher(Protocol):
    """Who is told what happens."""

    def waiting(self) -> None: ...
    def begin(self, revision: str, direction: str) -> None: ...
    def done(self, revision: str, direction: str, seconds: float) -> None: ...
    def locked(self, revision: str, pause: float) -> None: ...


def run_migration(
    connection: Connection,
    target: str | None,
    watcher: Watcher,
    allow_destructive: Sequence[str],
    log: bookkeeping.RunLog,
) -> None:
    """Bring the database up or down to a revision: an id, or None for the empty schema. The caller holds the run lock.

    Raises `MigrationError` with what failed, where, and what to do; the revisions before it stay applied.
    """
    config = alembic_config()
    scripts = ScriptDirectory.from_config(config)

    def steps(current: Any, context: MigrationContext) -> Iterator[MigrationStep]:
        # Asked again by each attempt, when some of the steps may be done.
        for direction, revision in revisions.steps_between(current[0] if current else None, target):
            script = scripts.get_revision(revision.id)
            make = MigrationStep.upgrade_from_script if direction == "up" else MigrationStep.downgrade_from_script
            started = time.monotonic()
            watcher.begin(revision.id, direction)
            yield make(scripts.revision_map, script)
            # Alembic asks for the next step when the transaction of this one is closed.
            watcher.done(revision.id, direction, time.monotonic() - started)

    with sqlalchemy_connection(connection) as wrapped:
        config.attributes.update(
            connection=wrapped, allow_destructive=tuple(allow_destructive), log=log, watcher=watcher
        )
        with EnvironmentContext(config, scripts, fn=steps):
            scripts.run_env()


def run_with_retries(attempt: Callable[[], None], watcher: Watcher | None) -> None:
    """Run `attempt`, and again while others lock a table that it needs; each attempt begins where the last ended."""
    # Each revision has its own patience.
    waits: defaultdict[str, retrying.LockRetry] = defaultdict(retrying.LockRetry)
    while True:
        try:
            return attempt()
        except RevisionError as failure:
            locked = waits[failure.step.revision]
            if not locked.is_worth_a_wait(failure.sqlstate):
                raise
            pause = locked.next_pause()
            if watcher:
                watcher.locked(failure.step.revision, pause)
            time.sleep(pause)


def explain_failure(failure: RevisionError) -> MigrationError:
    """What is said of a revision that failed."""
    step = failure.step
    if failure.sqlstate == LOSS_SQLSTATE:
        return MigrationError(f"Refused: {failure.message}. {failure.hint}", ExitCode.CONSENT_NEEDED)
    what = "upgrade" if step.direction == "up" else "downgrade"
    said = f"  PostgreSQL says: {failure.message}\n"
    if failure.detail:
        said += f"  {failure.detail}\n"
    if failure.statement:
        said += f"  in the statement: {failure.statement}\n"
    if failure.online:
        index = source.built_index(failure.statement)
        left = f" Index {index} is left invalid: no query uses it." if index else ""
        return MigrationError(
            f"The {what} of revision {step.revision} stopped half-way: what it does in its transaction is there, "
            f"what it does while others work is not, and its version is not written.{left}\n{said}"
            "Mend what it names and run migrate_alembic again: it does the whole revision over, and "
            + ("builds the index anew." if index else "goes on from there."),
            ExitCode.PARTIAL,
        )
    if failure.sqlstate == retrying.LOCK_NOT_AVAILABLE:
        advice = (
            "A table that it needs is locked by another session: look into pg_locks, end that session, run it again."
        )
    else:
        advice = "Mend what it names and run migrate_alembic again: it goes on from there."
    return MigrationError(
        f"The {what} of revision {step.revision} failed and was rolled back; the revisions before it stay.\n"
        f"{said}{advice}",
        ExitCode.FAILED,
    )


def render_script(current: str | None, target: str | None, direction: str) -> str:
    """The SQL from one revision to another, None being the empty schema, in a transaction for each revision."""
    config = alembic_config()
    config.output_buffer = io.StringIO()
    run = command.upgrade if direction == "up" else command.downgrade
    # Alembic names the direction on standard output as well.
    with redirect_stdout(io.StringIO()):
        run(config, f"{current or 'base'}:{target or 'base'}", sql=True)
    return config.output_buffer.getvalue()
