"""The steps of a run: each revision in a transaction of its own, tried again where a table is locked."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, MigrationStep
from alembic.script import ScriptDirectory

from ncfd_site.migration import alembic_runner, history, line
from ncfd_site.migration.failures import Exit, MigrationRefused
from ncfd_site.migration.session import Connection
from ncfd_site.schema.revision_sql import RevisionFailed

# Seconds for which a revision that meets a locked table is tried again.
PATIENCE = 120.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 3.0

_LOCK_NOT_AVAILABLE, _DEADLOCK = "55P03", "40P01"
_LOSS = "NC001"


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

    Raises `MigrationRefused` with what failed, where, and what to do; the revisions before it stay applied.
    """
    config = alembic_runner.config()
    scripts = ScriptDirectory.from_config(config)

    def steps(current: Any, context: MigrationContext) -> Iterator[MigrationStep]:
        # Asked again by each attempt, when some of the steps may be done.
        for direction, revision in line.between(current[0] if current else None, target):
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


def with_retries(attempt: Callable[[], None], watcher: Watcher | None, patience: float = PATIENCE) -> None:
    """Run `attempt`, and again while others lock a table that it needs; each attempt begins where the last ended."""
    deadline = time.monotonic() + patience
    pause = _FIRST_PAUSE
    while True:
        try:
            return attempt()
        except RevisionFailed as failure:
            if failure.sqlstate not in (_LOCK_NOT_AVAILABLE, _DEADLOCK) or time.monotonic() > deadline:
                raise
            # Jitter, so that two who wait for each other do not meet again.
            wait = pause * random.uniform(0.5, 1.5)  # noqa: S311
            if watcher:
                watcher.locked(failure.revision, wait)
            time.sleep(wait)
            pause = min(pause * 2, _LONGEST_PAUSE)


def refusal(failure: RevisionFailed) -> MigrationRefused:
    """What is said of a revision that failed."""
    if failure.sqlstate == _LOSS:
        return MigrationRefused(f"Refused: {failure.message}. {failure.hint}", Exit.CONSENT_REFUSED)
    what = "upgrade" if failure.direction == "up" else "downgrade"
    if failure.sqlstate == _LOCK_NOT_AVAILABLE:
        advice = (
            "A table that it needs is locked by another session: look into pg_locks, end that session, run it again."
        )
    else:
        advice = "Mend what it names and run migrate_alembic again: it goes on from there."
    return MigrationRefused(
        f"The {what} of revision {failure.revision} failed and was rolled back; the revisions before it stay.\n"
        f"  PostgreSQL says: {failure.message}\n  in the statement: {failure.statement}\n{advice}",
        Exit.REVISION_FAILED,
    )
