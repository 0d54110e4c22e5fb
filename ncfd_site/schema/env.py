"""Alembic's environment: one transaction for each revision, under the run lock, with short lock timeouts.

The command line `alembic` and `manage.py migrate_alembic` both come through here. The latter hands its connection in
`config.attributes`; the former gets one here, with the same lock, diagnosis and widening.
"""

from typing import Any

from alembic import context
from alembic.util import CommandError

from ncfd_site.config.errors import ExitCode, UserError
from ncfd_site.postgres import connection_parameters
from ncfd_site.schema.deploy import alembic_runner, bookkeeping, diagnose, expected, revisions, rewrites, session
from ncfd_site.schema.deploy.alembic_runner import session_of, sqlalchemy_connection
from ncfd_site.schema.deploy.report import RevisionError
from ncfd_site.schema.source import Direction, Step

LOCK_WAIT_SECONDS = 600.0


def offline() -> None:
    context.configure(dialect_name="postgresql", dialect_opts={"paramstyle": "named"}, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


def online() -> None:
    attributes = context.config.attributes
    if "connection" in attributes:
        migrate(attributes["connection"])
        return
    command = context.config.cmd_opts.cmd[0].__name__ if context.config.cmd_opts else "current"
    named: Any = context.get_x_argument(as_dictionary=True)
    attributes["allow_destructive"] = tuple(filter(None, named.get("allow_destructive", "").split(",")))
    attributes["log"] = bookkeeping.RunLog()
    try:
        revisions.require_unedited_files()
        parameters = connection_parameters()
        with session.connect(parameters) as connection:
            if command not in ("upgrade", "downgrade", "stamp"):
                with sqlalchemy_connection(connection) as wrapped:
                    migrate(wrapped)
                return
            session.require_safe_connection(connection, parameters)
            with session.run_lock(connection, LOCK_WAIT_SECONDS):
                # To stamp is how a person tells the version of a database whose state is not clear.
                if command != "stamp":
                    found = diagnose.diagnose(connection)
                    found.require_safe()
                    agreed = named.get("allow_rewrite", "").split(",")
                    if command == "upgrade" and found.found is not None:
                        rewritten = rewrites.find_rewrites(
                            connection, found.found, expected.read_catalog(revisions.head())
                        )
                        rewrites.require_consent(rewritten, agreed, rewrites.ROW_LIMIT)
                bookkeeping.widen_version_column(connection)
                with sqlalchemy_connection(connection) as wrapped:
                    migrate(wrapped)
    except UserError as refusal:
        raise CommandError(str(refusal)) from None


def migrate(connection: Any) -> None:
    """Run what Alembic was asked for on a connection on which nothing is begun."""
    if connection.in_transaction():
        raise RuntimeError("A transaction is open: Alembic would take it for somebody else's and never commit.")
    log: bookkeeping.RunLog = context.config.attributes["log"]
    watcher = context.config.attributes.get("watcher")

    def record(ctx: Any, step: Any, heads: Any, run_args: Any) -> None:
        if not step.is_stamp:
            direction: Direction = "up" if step.is_upgrade else "down"
            done = Step(step.up_revision.path, step.up_revision_id, direction)
            log.record_revision(session_of(ctx.connection), done)
        log.begin()

    context.configure(connection=connection, transaction_per_migration=True, on_version_apply=record)

    def attempt() -> None:
        log.begin()
        context.run_migrations()

    try:
        alembic_runner.run_with_retries(attempt, watcher)
    except RevisionError as failure:
        refusal = alembic_runner.explain_failure(failure)
        # Where the session is gone, there is nobody to write to.
        is_gone = connection.invalidated or session_of(connection).closed
        if refusal.exit_code is not ExitCode.CONSENT_NEEDED and not is_gone:
            with connection.begin():
                log.record_revision(session_of(connection), failure.step, bookkeeping.Outcome.FAILED, failure.message)
        raise refusal from None


if context.is_offline_mode():
    offline()
else:
    online()
