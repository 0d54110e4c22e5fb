"""Alembic's environment: one transaction per revision, under the run lock, with short lock timeouts.

`manage.py migrate_alembic` passes its connection in `config.attributes`. The command line `alembic` gets one here, with
the same lock and checks.
"""

from contextlib import suppress
from typing import Any

import psycopg
from alembic import context
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from ncfd_site.config.errors import ExitCode, UserError
from ncfd_site.postgres import connection_parameters
from ncfd_site.schema import new_revision
from ncfd_site.schema.deploy import (
    alembic_runner,
    bookkeeping,
    compare,
    diagnose,
    expected,
    obstacles,
    preservation,
    revisions,
    rewrites,
    session,
    waiting,
)
from ncfd_site.schema.deploy.alembic_runner import session_of, sqlalchemy_connection
from ncfd_site.schema.deploy.report import Progress, RevisionError, RunResult, explain_error
from ncfd_site.schema.source import Direction, Step


def run_offline() -> None:
    """Print the SQL of the revisions."""
    context.configure(
        dialect_name="postgresql",
        dialect_opts={"paramstyle": "named"},
        version_table_schema="public",
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def run_online() -> None:
    """Run the revisions on the connection of `migrate_alembic`, or on one of our own."""
    if context.config.cmd_opts and context.config.cmd_opts.cmd[0].__name__ == "revision":
        new_revision.write()
        return
    attributes = context.config.attributes
    if "connection" in attributes:
        migrate(attributes["connection"])
        return
    command = context.config.cmd_opts.cmd[0].__name__ if context.config.cmd_opts else "current"
    consents: Any = context.get_x_argument(as_dictionary=True)
    attributes["allow_destructive"] = tuple(filter(None, consents.get("allow_destructive", "").split(",")))
    attributes["log"] = bookkeeping.RunLog()
    progress = Progress(lambda line: context.config.print_stdout("%s", line), 1, RunResult(database=""))
    attributes["progress"] = progress
    try:
        revisions.require_unedited_files()
        parameters = connection_parameters()
        with session.connect(parameters) as connection:
            if command not in ("upgrade", "downgrade", "stamp"):
                with sqlalchemy_connection(connection) as wrapped:
                    migrate(wrapped)
                return
            session.require_safe_connection(connection, parameters)
            with (
                session.run_lock(connection, progress.lock_wait, progress.report_waiting),
                waiting.watch(parameters, session.read_backend_pid(connection), progress),
            ):
                # An operator uses stamp to record the version of a database in an unclear state.
                if command != "stamp":
                    with session.snapshot(connection):
                        diagnosis = diagnose.diagnose(connection)
                    diagnosis.require_safe()
                    agreed = consents.get("allow_rewrite", "").split(",")
                    obstacles.require_none(
                        connection, diagnosis.catalog, revisions.head() if command == "upgrade" else None
                    )
                    if (
                        command == "upgrade"
                        and diagnosis.revision
                        and compare.has_pending_replacement(diagnosis.revision)
                    ):
                        wanted = expected.read_catalog(compare.REPLACING_REVISION)
                        lost = preservation.find_unrestorable(connection, wanted)
                        preservation.require_consent(lost, attributes["allow_destructive"])
                    if command == "upgrade" and diagnosis.catalog is not None:
                        head = expected.read_catalog(revisions.head())
                        planned = rewrites.find_rewrites(connection, diagnosis.catalog, head)
                        rewrites.require_consent(planned, agreed, rewrites.ROW_LIMIT)
                bookkeeping.widen_version_column(connection)
                with sqlalchemy_connection(connection) as wrapped:
                    migrate(wrapped)
    except UserError as error:
        raise CommandError(str(error)) from None
    except psycopg.Error as error:
        raise CommandError(str(explain_error(error, progress))) from None


def migrate(connection: Any) -> None:
    """Run the command of Alembic on a connection without an open transaction."""
    if connection.in_transaction():
        raise RuntimeError("A transaction is open: Alembic would not commit it.")
    log: bookkeeping.RunLog = context.config.attributes["log"]
    progress: Progress = context.config.attributes["progress"]

    def record(ctx: Any, step: Any, heads: Any, run_args: Any) -> None:
        if not step.is_stamp:
            direction: Direction = "up" if step.is_upgrade else "down"
            finished = Step(step.up_revision.path, step.up_revision_id, direction)
            log.record_revision(session_of(ctx.connection), finished)
        log.start_entry()

    context.configure(
        connection=connection,
        version_table_schema="public",
        transaction_per_migration=True,
        on_version_apply=record,
    )

    def attempt() -> None:
        log.start_entry()
        context.config.attributes["outlast_autovacuum"] = progress.is_blocked_by_autovacuum
        context.run_migrations()

    try:
        alembic_runner.run_with_retries(attempt, progress)
    except RevisionError as error:
        failure = alembic_runner.explain_failure(error, progress)
        is_closed = connection.invalidated or session_of(connection).closed
        if failure.exit_code is not ExitCode.CONSENT_NEEDED and not is_closed:
            # What stopped the revision, such as an event trigger, may stop this too.
            with suppress(psycopg.Error), connection.begin():
                log.record_revision(session_of(connection), error.step, bookkeeping.Outcome.FAILED, error.message)
        raise failure from None
    except DBAPIError as error:
        # Alembic's own statements, on its version table.
        if isinstance(error.orig, psycopg.Error):
            raise explain_error(error.orig, progress) from None
        raise


if context.is_offline_mode():
    run_offline()
else:
    run_online()
