"""The steps of a run: each revision in a transaction of its own, tried again where a table is locked."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, MigrationStep
from alembic.script import ScriptDirectory

from ncfd_site.config.errors import ExitCode
from ncfd_site.schema import retrying, source
from ncfd_site.schema.deploy import alembic_runner, history, losses, revisions
from ncfd_site.schema.deploy.failures import MigrationError, RevisionFailed
from ncfd_site.schema.deploy.session import Connection


class Watcher(Protocol):
    """Who is told what happens."""

    def waiting(self) -> None: ...
    def begin(self, revision: str, direction: str) -> None: ...
    def done(self, revision: str, direction: str, seconds: float) -> None: ...
    def locked(self, revision: str, pause: float) -> None: ...


def migrate(
    connection: Connection, target: str | None, watcher: Watcher, allow_destructive: Sequence[str], log: history.Run
) -> None:
    """Bring the database up or down to a revision: an id, or None for the empty schema. The caller holds the run lock.

    Raises `MigrationError` with what failed, where, and what to do; the revisions before it stay applied.
    """
    config = alembic_runner.config()
    scripts = ScriptDirectory.from_config(config)

    def steps(current: Any, context: MigrationContext) -> Iterator[MigrationStep]:
        # Asked again by each attempt, when some of the steps may be done.
        for direction, revision in revisions.between(current[0] if current else None, target):
            script = scripts.get_revision(revision.id)
            make = MigrationStep.upgrade_from_script if direction == "up" else MigrationStep.downgrade_from_script
            started = time.monotonic()
            watcher.begin(revision.id, direction)
            yield make(scripts.revision_map, script)
            # Alembic asks for the next step when the transaction of this one is closed.
            watcher.done(revision.id, direction, time.monotonic() - started)

    with alembic_runner.sqlalchemy_connection(connection) as wrapped:
        config.attributes.update(
            connection=wrapped, allow_destructive=tuple(allow_destructive), log=log, watcher=watcher
        )
        with EnvironmentContext(config, scripts, fn=steps):
            scripts.run_env()


def with_retries(attempt: Callable[[], None], watcher: Watcher | None) -> None:
    """Run `attempt`, and again while others lock a table that it needs; each attempt begins where the last ended."""
    # Each revision has its own patience.
    waits: defaultdict[str, retrying.Locked] = defaultdict(retrying.Locked)
    while True:
        try:
            return attempt()
        except RevisionFailed as failure:
            locked = waits[failure.step.revision]
            if not locked.is_worth_a_wait(failure.sqlstate):
                raise
            pause = locked.next_pause()
            if watcher:
                watcher.locked(failure.step.revision, pause)
            time.sleep(pause)


def refusal(failure: RevisionFailed) -> MigrationError:
    """What is said of a revision that failed."""
    step = failure.step
    if failure.sqlstate == losses.SQLSTATE:
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
