"""Runs revisions with Alembic: each in its own transaction, retried while a table is locked."""

import io
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any, cast

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
from ncfd_site.schema.deploy.report import LOSS_SQLSTATE, MigrationError, Progress, RevisionError
from ncfd_site.schema.deploy.session import Connection


class WideVersionTable(PostgresqlImpl):
    """Alembic's PostgreSQL implementation with a version column wide enough for our ids.

    Defining the class registers it in place of Alembic's own.
    """

    __dialect__ = "postgresql"

    def version_table_impl(self, **options: Any) -> Table:
        """Return the version table with a wide column."""
        table = super().version_table_impl(**options)
        table.c.version_num.type = String(WIDTH)
        return table


def alembic_config() -> Config:
    """Return Alembic's configuration, without an ini file."""
    config = Config()
    config.set_main_option("script_location", str(revisions.SCHEMA_FOLDER).replace("%", "%%"))
    return config


@contextmanager
def sqlalchemy_connection(connection: Connection) -> Iterator[sqlalchemy.Connection]:
    """Yield an SQLAlchemy connection on the same session, with no open transaction; restore autocommit afterwards."""
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
    """Return the psycopg connection of an SQLAlchemy connection, in the same transaction."""
    driver: Any = wrapped.connection.driver_connection
    return cast(Connection, driver)


def run_migration(
    connection: Connection,
    target: str | None,
    progress: Progress,
    allow_destructive: Sequence[str],
    log: bookkeeping.RunLog,
) -> None:
    """Upgrade or downgrade the database to a revision; None is the empty schema. The caller holds the run lock.

    Raises `MigrationError`; the revisions before the failed one stay applied.
    """
    config = alembic_config()
    scripts = ScriptDirectory.from_config(config)
    with (
        prepare(config, scripts, connection, target, progress, allow_destructive, log),
        EnvironmentContext(config, scripts),
    ):
        scripts.run_env()


@contextmanager
def prepare(
    config: Config,
    scripts: ScriptDirectory,
    connection: Connection,
    target: str | None,
    progress: Progress,
    allow_destructive: Sequence[str],
    log: bookkeeping.RunLog,
) -> Iterator[sqlalchemy.Connection]:
    """Yield an SQLAlchemy connection; the attributes of `config` are what `env.py` needs to run to the revision."""

    def steps(current: Any, context: MigrationContext) -> Iterator[MigrationStep]:
        # Each attempt asks again: some of the steps may be done.
        for direction, revision in revisions.steps_between(current[0] if current else None, target):
            script = scripts.get_revision(revision.id)
            make = MigrationStep.upgrade_from_script if direction == "up" else MigrationStep.downgrade_from_script
            started = time.monotonic()
            progress.begin_step(revision.id, direction)
            yield make(scripts.revision_map, script)
            # Alembic asks for the next step after it has committed this one.
            progress.end_step(revision.id, direction, time.monotonic() - started)

    with sqlalchemy_connection(connection) as wrapped:
        config.attributes.update(
            connection=wrapped, steps=steps, allow_destructive=tuple(allow_destructive), log=log, progress=progress
        )
        yield wrapped


def render_script(current: str | None, target: str | None, direction: str) -> str:
    """Return the SQL from one revision to another, a transaction for each; None is the empty schema."""
    config = alembic_config()
    config.output_buffer = io.StringIO()
    run = command.upgrade if direction == "up" else command.downgrade
    # Alembic prints the direction to standard output.
    with redirect_stdout(io.StringIO()):
        run(config, f"{current or 'base'}:{target or 'base'}", sql=True)
    return config.output_buffer.getvalue()


def run_with_retries(attempt: Callable[[], None], progress: Progress) -> None:
    """Run `attempt` until no table that it needs is locked; each attempt resumes after the last finished revision."""
    # Each revision has its own time limit.
    retries: defaultdict[str, retrying.LockRetry] = defaultdict(retrying.LockRetry)
    while True:
        try:
            return attempt()
        except RevisionError as error:
            retry = retries[error.step.revision]
            if not retry.can_retry(error.sqlstate):
                raise
            pause = retry.next_pause()
            progress.report_locked_table(error.step.revision, pause)
            time.sleep(pause)


def explain_failure(error: RevisionError, progress: Progress) -> MigrationError:
    """Return the error to show for a revision that failed."""
    step = error.step
    if error.sqlstate == LOSS_SQLSTATE:
        return MigrationError(f"Refused: {error.message}. {error.hint}", ExitCode.CONSENT_NEEDED)
    name = f"The {'upgrade' if step.direction == 'up' else 'downgrade'} of revision {step.revision}"
    cause = f"  PostgreSQL: {error.message}\n"
    if error.detail:
        cause += f"  {error.detail}\n"
    if error.statement:
        cause += f"  Statement: {error.statement}\n"
    if error.online:
        index = source.find_index_name(error.statement)
        invalid = f" Index {index} is invalid; no query uses it." if index else ""
        return MigrationError(
            f"{name} stopped between its transaction and its end. The transaction is committed; the statements after it"
            f" and the version are not.{invalid}\n{cause}"
            "Correct the cause and run migrate_alembic again: it repeats the revision"
            + (" and rebuilds the index." if index else "."),
            ExitCode.PARTIAL,
        )
    if error.sqlstate == retrying.LOCK_NOT_AVAILABLE:
        return MigrationError(
            f"{name} was rolled back, because a table is locked by {progress.describe_blockers()}.\n{cause}"
            + "".join(f"To end it: {each.remedy}\n" for each in progress.blockers)
            + "Then run migrate_alembic again: it resumes at this revision.",
            ExitCode.LOCKED,
        )
    return MigrationError(
        f"{name} failed and was rolled back; the revisions before it stay applied.\n{cause}"
        "Correct the cause and run migrate_alembic again: it resumes at this revision.",
        ExitCode.FAILED,
    )
