"""The order of a run: look, lock, look again, widen, apply, verify. One function a verb of `migrate_alembic`.

What only looks imports neither Alembic nor SQLAlchemy: a deploy that has nothing to do costs no more than a look.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ncfd_site.migration import diagnose, history, line, session, verify, versions
from ncfd_site.migration.failures import Exit, MigrationRefused
from ncfd_site.migration.line import Revision
from ncfd_site.migration.report import Outcome, Progress
from ncfd_site.migration.session import Connection


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
        if not _steps(connection, target, outcome):
            progress.say(f"Nothing to do: {outcome.database} is at {outcome.after or 'base'}.")
            return
        session.refuse_unsafe(connection, parameters)
        with session.run_lock(connection, lock_wait, progress.waiting) as waited:
            outcome.waited_seconds = waited
            # Whoever held the lock before may have done the work.
            steps = _steps(connection, target, outcome)
            if not steps:
                progress.say(f"Nothing to do: {outcome.database} is at {outcome.after or 'base'}.")
                return
            if versions.widen(connection):
                progress.say(f"  Widened alembic_version to {versions.WIDTH} characters")
            _apply(connection, _end(steps), progress, allow_destructive)
            if outcome.after is not None:
                _verify(connection, outcome.after, progress)


def plan(parameters: Mapping[str, Any], target: str, outcome: Outcome) -> list[tuple[str, Revision]]:
    """What a run would do: direction and revision of each step. Writes nothing."""
    with session.connect(parameters) as connection:
        return _steps(connection, target, outcome)


def sql(parameters: Mapping[str, Any], target: str, outcome: Outcome) -> str:
    """The SQL that a run would execute, from where the database stands. Writes nothing."""
    steps = plan(parameters, target, outcome)
    if not steps:
        return f"-- Nothing to do: {outcome.database} is at {outcome.after or 'base'}.\n"
    from ncfd_site.migration import offline

    return offline.script(outcome.before, _end(steps), steps[-1][0])


def drift(parameters: Mapping[str, Any], progress: Progress, exclude: Sequence[str] = ()) -> None:
    """Hold the database against its revision, both ways, and say what differs. Writes nothing to it."""
    from ncfd_site.migration import drift as drifting

    outcome = progress.outcome
    with session.connect(parameters) as connection:
        revision = _look(connection, outcome)
        if revision is None:
            progress.say(f"No drift: {outcome.database} is empty.")
            return
        result = drifting.find(connection, parameters, revision, exclude)
    outcome.drift = result.as_json()
    if result.partial:
        progress.say(f"Partial: views are not compared, because no scratch database can be made: {result.partial}")
    for body in result.old_bodies:
        progress.say(f"  old body: {body} (replaced by revision {drifting.MENDS_BODIES})")
    if result:
        raise MigrationRefused(
            f"{len(result.findings)} objects differ from revision {revision}:\n"
            + "\n".join(f"  {finding.words}" for finding in result.findings),
            Exit.NOT_VERIFIED,
        )
    progress.say(f"No drift: {result.objects} objects of {outcome.database} are what {revision} makes.")


def verify_only(parameters: Mapping[str, Any], progress: Progress) -> None:
    """Verify the database against the revision that it is at, as after a run. Writes nothing."""
    outcome = progress.outcome
    with session.connect(parameters) as connection:
        revision = _look(connection, outcome)
        if revision is None:
            progress.say(f"Nothing to verify: {outcome.database} is empty.")
            return
        _verify(connection, revision, progress)


def show_history(parameters: Mapping[str, Any], progress: Progress) -> None:
    """Say what the log of runs holds. Writes nothing."""
    with session.connect(parameters) as connection:
        log = history.entries(connection)
    progress.outcome.history = [asdict(entry) for entry in log]
    for entry in log:
        progress.say(str(entry))
    if not log:
        progress.say(f"Nothing was ever run on {progress.outcome.database}.")


def _look(connection: Connection, outcome: Outcome) -> str | None:
    """The revision that the database is at, None where it is empty; what was seen goes to the outcome.

    Raises `MigrationRefused` where the state needs a person.
    """
    found = diagnose.diagnose(connection)
    outcome.state = found.state
    outcome.before = outcome.after = found.revision
    found.require_safe()
    return found.revision


def _pending(current: str | None) -> list[str]:
    return [revision.id for _, revision in line.between(current, line.head())]


def _end(steps: Sequence[tuple[str, Revision]]) -> str | None:
    """Where some steps lead: a revision, or None for the empty schema."""
    direction, last = steps[-1]
    return last.id if direction == "up" else last.down


def _steps(connection: Connection, target: str, outcome: Outcome) -> list[tuple[str, Revision]]:
    """The steps from where the database stands to the target; what was seen goes to the outcome."""
    current = _look(connection, outcome)
    outcome.pending = _pending(current)
    try:
        return line.between(current, line.resolve(target, current))
    except LookupError as error:
        raise MigrationRefused(
            f"There is no revision {target!r} to go to: {error}; known: {', '.join(line.ids())}.", Exit.USAGE
        ) from None


def _apply(connection: Connection, target: str | None, progress: Progress, allow_destructive: Sequence[str]) -> None:
    from ncfd_site.migration import run

    outcome = progress.outcome
    try:
        run.migrate(connection, target, progress, allow_destructive, history.Run())
    finally:
        if not connection.closed:
            outcome.after = _version(connection)
            outcome.pending = _pending(outcome.after)


def _version(connection: Connection) -> str | None:
    rows = versions.read(connection).rows
    return rows[0] if rows else None


def _verify(connection: Connection, revision: str, progress: Progress) -> None:
    result = verify.verify(connection, revision)
    progress.outcome.verified = result.ok
    progress.outcome.problems = list(result.problems)
    if not result.ok:
        raise MigrationRefused(str(result), Exit.NOT_VERIFIED)
    progress.say(str(result))
