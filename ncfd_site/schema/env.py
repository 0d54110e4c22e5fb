"""Alembic's environment: one transaction per revision, under the run lock, with short lock timeouts.

`manage.py migrate_alembic` passes its connection in `config.attributes`. The command line `alembic` gets one here, with
the same lock and checks.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import psycopg
from alembic import context
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from ncfd_site.config.errors import ExitCode, UserError
from ncfd_site.postgres import connection_parameters
from ncfd_site.schema import new_revision
from ncfd_site.schema.deploy import alembic_runner, bookkeeping, deploy, revisions, session
from ncfd_site.schema.deploy.alembic_runner import session_of, sqlalchemy_connection
from ncfd_site.schema.deploy.deploy import DeployOptions
from ncfd_site.schema.deploy.report import Progress, RevisionError, RunResult, explain_error
from ncfd_site.schema.deploy.session import Connection
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
    progress = Progress(lambda line: context.config.print_stdout("%s", line), 1, RunResult(database=""))
    attributes.update(log=bookkeeping.RunLog(), progress=progress)
    try:
        revisions.require_unedited_files()
        parameters = connection_parameters()
        if command in ("upgrade", "downgrade"):
            deploy_from_alembic(parameters, "up" if command == "upgrade" else "down", progress)
            return
        with session.connect(parameters) as connection:
            if command != "stamp":
                with sqlalchemy_connection(connection) as wrapped:
                    migrate(wrapped)
                return
            # An operator uses stamp to record the version of a database in an unclear state.
            session.require_safe_connection(connection, parameters)
            with session.run_lock(connection, progress.lock_wait, progress.report_waiting):
                bookkeeping.widen_version_column(connection)
                with sqlalchemy_connection(connection) as wrapped:
                    migrate(wrapped)
    except UserError as error:
        raise CommandError(str(error)) from None
    except psycopg.Error as error:
        raise CommandError(str(explain_error(error, progress))) from None


def deploy_from_alembic(parameters: dict[str, Any], direction: Direction, progress: Progress) -> None:
    """Do what `migrate_alembic` does, in this environment of Alembic."""

    def run(
        connection: Connection,
        target: str | None,
        progress: Progress,
        allow_destructive: Sequence[str],
        log: bookkeeping.RunLog,
    ) -> None:
        with alembic_runner.prepare(
            context.config, context.script, connection, target, progress, allow_destructive, log
        ) as wrapped:
            migrate(wrapped)

    consents: Any = context.get_x_argument(as_dictionary=True)
    names = ("allow_destructive", "allow_rewrite")
    destructive, rewritten = (list(filter(None, consents.get(name, "").split(","))) for name in names)
    options = DeployOptions(destructive, rewritten, direction=direction, run=run)
    progress.result.database = parameters.get("dbname", "")
    arguments: Any = context.config.cmd_opts
    deploy.deploy(parameters, arguments.revision, progress, options)


def migrate(connection: Any) -> None:
    """Run the command of Alembic on a connection without an open transaction."""
    if connection.in_transaction():
        raise RuntimeError("A transaction is open: Alembic would not commit it.")
    attributes = context.config.attributes
    log: bookkeeping.RunLog = attributes["log"]
    progress: Progress = attributes["progress"]

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
        **({"fn": attributes["steps"]} if "steps" in attributes else {}),
    )

    def attempt() -> None:
        log.start_entry()
        attributes["outlast_autovacuum"] = progress.is_blocked_by_autovacuum
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
