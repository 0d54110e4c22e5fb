"""The steps of a run: each revision in a transaction of its own, tried again where a table is locked."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, MigrationStep
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from ncfd_site.migration import history, versions
from ncfd_site.migration.failures import Exit, MigrationRefused
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
    connection: Connection, target: str, watcher: Watcher, allow_destructive: Sequence[str], log: history.Run
) -> None:
    """Bring the database to a revision, up or down. The caller holds the run lock and has begun nothing.

    Raises `MigrationRefused` with what failed, where, and what to do; the revisions before it stay applied.
    """
    config = versions.config()
    config.attributes.update(
        connection=connection, allow_destructive=tuple(allow_destructive), log=log, watcher=watcher
    )
    scripts = ScriptDirectory.from_config(config)

    def steps(current: str | Sequence[str], context: MigrationContext) -> Iterator[MigrationStep]:
        for step in plan(scripts, current, target):
            revision, direction = _name(step)
            started = time.monotonic()
            watcher.begin(revision, direction)
            yield step
            # Alembic asks for the next step when the transaction of this one is closed.
            watcher.done(revision, direction, time.monotonic() - started)

    with EnvironmentContext(config, scripts, fn=steps, destination_rev=target):
        scripts.run_env()


def plan(scripts: ScriptDirectory, current: str | Sequence[str], target: str) -> list[Any]:
    """The steps from one revision to another, up or down, that Alembic would take."""
    try:
        here: Any = (current,) if isinstance(current, str) else tuple(current) or None
        if target.startswith("-") or (here and _is_behind(scripts, target, here[0])):
            return list(scripts._downgrade_revs(target, here))  # noqa: SLF001 (Alembic has no public name for its plan)
        return list(scripts._upgrade_revs(target, here))  # noqa: SLF001
    except CommandError as error:
        known = ", ".join(script.revision for script in versions.revisions())
        raise MigrationRefused(
            f"There is no revision {target!r} to go to ({error}); known: {known}.", Exit.USAGE
        ) from None


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


def _name(step: Any) -> tuple[str, str]:
    return step.revision.revision, "up" if step.is_upgrade else "down"


def _is_behind(scripts: ScriptDirectory, target: str, current: str) -> bool:
    """Whether the target lies before the current revision on the line."""
    if target == "base":
        return True
    if target in ("head", "heads") or target.startswith("+"):
        return False
    wanted = scripts.get_revision(target)
    line = [script.revision for script in scripts.iterate_revisions(current, "base")]
    return wanted is not None and wanted.revision in line[1:]
