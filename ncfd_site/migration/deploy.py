"""The order of a run: look, lock, look again, widen, apply, verify. One function a verb of `migrate_alembic`."""

import io
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from typing import Any

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from ncfd_site.migration import diagnose, history, run, session, verify, versions
from ncfd_site.migration.diagnose import State
from ncfd_site.migration.failures import Exit, MigrationRefused
from ncfd_site.migration.report import Outcome, Progress


def deploy(
    parameters: Mapping[str, Any],
    target: str,
    progress: Progress,
    *,
    allow_destructive: Sequence[str] = (),
    lock_wait: float = 600.0,
) -> None:
    """Bring the database to a revision and verify it; what happened is in `progress.outcome`.

    Raises `MigrationRefused` or `DatabaseUnavailable`. Nothing is written unless a revision is applied.
    """
    outcome = progress.outcome
    with session.connect(parameters) as connection:
        if _nothing_to_do(connection, target, outcome):
            progress.say(f"Nothing to do: {outcome.database} is at {outcome.after}.")
            return
        session.refuse_unsafe(connection)
        with session.run_lock(connection, lock_wait, progress.waiting) as waited:
            outcome.waited_seconds = waited
            # Whoever held the lock before may have done the work.
            if _nothing_to_do(connection, target, outcome):
                progress.say(f"Nothing to do: {outcome.database} is at {outcome.after}.")
                return
            if versions.widen(connection):
                progress.say(f"  Widened alembic_version to {versions.WIDTH} characters")
            try:
                run.migrate(connection, target, progress, allow_destructive, history.Run())
            finally:
                if not connection.invalidated:
                    outcome.after = _version(connection)
            outcome.pending = pending(outcome.after, versions.head())
            if outcome.after is not None:
                _verify(connection, outcome.after, progress)


def plan(parameters: Mapping[str, Any], target: str, outcome: Outcome) -> list[tuple[str, str, str]]:
    """What a run would do: direction, revision and what it is about, for each step. Writes nothing."""
    with session.connect(parameters) as connection:
        found = diagnose.diagnose(connection)
        outcome.before = outcome.after = found.revision
        outcome.state = found.state
        found.require_safe()
        steps = run.plan(versions.scripts(), found.revision or (), target)
    outcome.pending = pending(found.revision, versions.head())
    return [
        ("up" if step.is_upgrade else "down", step.revision.revision, (step.revision.doc or "").splitlines()[0])
        for step in steps
    ]


def sql(parameters: Mapping[str, Any], target: str) -> str:
    """The SQL that a run would execute, from where the database stands. Writes nothing."""
    with session.connect(parameters) as connection:
        found = diagnose.diagnose(connection)
        found.require_safe()
    config = versions.config()
    config.output_buffer = io.StringIO()
    steps = run.plan(ScriptDirectory.from_config(config), found.revision or (), target)
    if not steps:
        return "-- nothing to do\n"
    upwards = steps[0].is_upgrade
    with redirect_stdout(io.StringIO()):
        if upwards:
            command.upgrade(config, f"{found.revision or 'base'}:{steps[-1].revision.revision}", sql=True)
        else:
            lowest = steps[-1].revision.down_revision or "base"
            command.downgrade(config, f"{found.revision}:{lowest}", sql=True)
    return str(config.output_buffer.getvalue())


def pending(current: str | None, target: str) -> list[str]:
    """The ids from where a database stands up to a revision, in order."""
    line = [script.revision for script in versions.revisions()]
    return line[line.index(current) + 1 if current else 0 : line.index(target) + 1]


def _nothing_to_do(connection: Connection, target: str, outcome: Outcome) -> bool:
    found = diagnose.diagnose(connection)
    outcome.state = found.state
    if outcome.before is None:
        outcome.before = found.revision
    outcome.after = found.revision
    found.require_safe()
    if found.state is State.AT_HEAD and target in ("head", "heads", found.revision):
        return True
    return not run.plan(versions.scripts(), found.revision or (), target)


def _version(connection: Connection) -> str | None:
    connection.rollback()
    rows = versions.read(connection).rows
    return rows[0] if rows else None


def _verify(connection: Connection, revision: str, progress: Progress) -> None:
    result = verify.verify(connection, revision)
    progress.outcome.verified = result.ok
    progress.outcome.problems = list(result.problems)
    if not result.ok:
        raise MigrationRefused(str(result), Exit.NOT_VERIFIED)
    progress.say(str(result))
