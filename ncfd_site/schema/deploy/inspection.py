"""What only looks at a database. One function a verb of `migrate_alembic` that writes nothing to the schema.

Neither Alembic nor SQLAlchemy is imported here: a deploy that has nothing to do costs no more than a look.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import psycopg

from ncfd_site.config.errors import ExitCode
from ncfd_site.schema.deploy import bookkeeping, compare, diagnose, expected, revisions, rewrites, session, verify
from ncfd_site.schema.deploy.bookkeeping import LogAction
from ncfd_site.schema.deploy.diagnose import Diagnosis, State
from ncfd_site.schema.deploy.report import MigrationError, Progress, RunResult
from ncfd_site.schema.deploy.revisions import Revision
from ncfd_site.schema.deploy.session import Connection

Steps = list[tuple[str, Revision]]


def require_safe_state(connection: Connection, outcome: RunResult) -> Diagnosis:
    """The state of the database; what was seen goes to the outcome. `MigrationError` where it needs a person."""
    found = diagnose.diagnose(connection)
    outcome.state = found.state
    outcome.before = outcome.after = found.revision
    found.require_safe()
    return found


def plan_steps(found: Diagnosis, target: str, outcome: RunResult) -> Steps:
    """The steps from where the database stands to the target."""
    outcome.pending = pending_revisions(found.revision)
    try:
        return revisions.steps_between(found.revision, revisions.resolve_target(target, found.revision))
    except LookupError as error:
        raise MigrationError(
            f"There is no revision {target!r} to go to: {error}; known: {', '.join(revisions.ids())}.", ExitCode.USAGE
        ) from None


def pending_revisions(current: str | None) -> list[str]:
    """The revisions between the current one and head."""
    return [revision.id for _, revision in revisions.steps_between(current, revisions.head())]


def last_revision(planned: Steps) -> str | None:
    """Where some steps lead: a revision, or None for the empty schema."""
    direction, last = planned[-1]
    return last.id if direction == "up" else last.down_revision


def planned_rewrites(connection: Connection, found: Diagnosis, planned: Steps) -> list[rewrites.Rewrite]:
    """The tables that some steps rewrite."""
    target = last_revision(planned)
    if found.found is None or target is None or planned[-1][0] == "down":
        return []
    return rewrites.find_rewrites(connection, found.found, expected.read_catalog(target))


def warn_of_changed_files(connection: Connection, current: str | None, progress: Progress) -> None:
    """Name the files of revisions that are not what ran here."""
    progress.outcome.changed_files = [str(each) for each in revisions.find_changed_files(connection, current)]
    for each in progress.outcome.changed_files:
        progress.say(f"  Note: {each}")


def show_plan(parameters: Mapping[str, Any], target: str, progress: Progress) -> Steps:
    """What a run would do: direction and revision of each step, and what it costs. Writes nothing."""
    revisions.require_unedited_files()
    outcome = progress.outcome
    with session.connect(parameters) as connection:
        found = require_safe_state(connection, outcome)
        planned = plan_steps(found, target, outcome)
        warn_of_changed_files(connection, found.revision, progress)
        if not planned:
            progress.say(f"Nothing to do: {outcome.database} is at {outcome.after or 'base'}.")
            return planned
        report_plan(connection, found, planned, progress)
    return planned


def report_plan(connection: Connection, found: Diagnosis, planned: Steps, progress: Progress) -> None:
    """Say what some steps would do to the database, and what that costs."""
    progress.say("Planned:")
    if found.is_version_column_short:
        progress.say("  widen alembic_version, which is too short for the ids")
    for direction, revision in planned:
        progress.say(f"  {'apply' if direction == 'up' else 'take back'} {revision.id}: {revision.summary}")
    fit = found.fit
    if fit and found.state is State.OUT_OF_BAND:
        progress.say(f"  taken over, as made by hand: {', '.join(fit.out_of_band)}")
        for variant in fit.known_drift:
            progress.say(f"  brought in line: {variant.description}")
    if fit and fit.outdated and compare.REPLACING_REVISION in [revision.id for _, revision in planned]:
        progress.say(f"  {diagnose.describe_outdated(fit)}")
    costly = planned_rewrites(connection, found, planned)
    progress.outcome.rewrites = [each.as_json() for each in costly]
    for each in costly:
        progress.say(f"  {each.description}")


def render_sql(parameters: Mapping[str, Any], target: str, outcome: RunResult) -> str:
    """The SQL that a run would execute, from where the database stands. Writes nothing."""
    with session.connect(parameters) as connection:
        planned = plan_steps(require_safe_state(connection, outcome), target, outcome)
    if not planned:
        return f"-- Nothing to do: {outcome.database} is at {outcome.after or 'base'}.\n"
    from ncfd_site.schema.deploy import alembic_runner

    return alembic_runner.render_script(outcome.before, last_revision(planned), planned[-1][0])


def show_drift(parameters: Mapping[str, Any], progress: Progress, exclude: Sequence[str] = ()) -> None:
    """Hold the database against its revision, both ways, and say what differs. Writes nothing to it."""
    from ncfd_site.schema.deploy import compare as drifting

    outcome = progress.outcome
    with session.connect(parameters) as connection:
        found = diagnose.diagnose(connection)
        outcome.state = found.state
        outcome.before = outcome.after = revision = found.revision
        if found.state is State.EMPTY:
            progress.say(f"No drift: {outcome.database} is empty.")
            return
        if revision is None:
            found.require_safe()
            return
        result = drifting.find_drift(connection, parameters, revision, exclude)
    outcome.drift = result.as_json()
    if result.partial:
        progress.say(
            "Partial: compared with the definitions kept with the revisions, because no scratch database can be made: "
            f"{result.partial}"
        )
    for body in result.outdated:
        progress.say(f"  old body: {body} (replaced by revision {compare.REPLACING_REVISION})")
    if result:
        shown = compare.omit_parts(result.findings)
        raise MigrationError(
            f"{len(result.findings)} objects differ from revision {revision}:\n"
            + "\n".join(f"  {finding.description}" for finding in shown),
            ExitCode.FINDINGS,
        )
    progress.say(f"No drift: {result.objects} objects of {outcome.database} are what {revision} makes.")


def verify_only(parameters: Mapping[str, Any], progress: Progress, models: verify.Models) -> None:
    """Verify the database against the revision that it is at, as after a run. Writes nothing but a line of the log."""
    outcome = progress.outcome
    with session.connect(parameters) as connection:
        found = diagnose.diagnose(connection)
        outcome.state = found.state
        outcome.before = outcome.after = found.revision
        if found.state is State.EMPTY:
            progress.say(f"Nothing to verify: {outcome.database} is empty.")
            return
        if found.revision is None:
            found.require_safe()
            return
        log = bookkeeping.RunLog()
        result = verify.verify_database(connection, found.revision, models)
        try:
            record_verification(connection, result, log)
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction):
            progress.say("This role may not write the log: the verification is not in it.")
        report_verification(result, progress)


def record_verification(connection: Connection, result: verify.Verification, log: bookkeeping.RunLog) -> None:
    """Write how a verification ended to the log."""
    outcome = bookkeeping.Outcome.DONE if result.ok else bookkeeping.Outcome.FAILED
    log.record(connection, result.revision, LogAction.VERIFY, outcome, str(result))


def report_verification(result: verify.Verification, progress: Progress) -> None:
    """Say how a verification ended. Raises `MigrationError` where something is not as it should be."""
    outcome = progress.outcome
    outcome.verified = result.ok
    outcome.problems = list(result.problems)
    outcome.rows = {table: {"before": before, "after": after} for table, (before, after) in result.counts.items()}
    if not result.ok:
        raise MigrationError(str(result), ExitCode.FINDINGS)
    progress.say(str(result))


def show_history(parameters: Mapping[str, Any], progress: Progress) -> None:
    """Say what the log of runs holds, and which files are not what ran. Writes nothing."""
    with session.connect(parameters) as connection:
        log = bookkeeping.read_log(connection)
        found = diagnose.diagnose(connection)
        progress.outcome.state = found.state
        progress.outcome.before = progress.outcome.after = found.revision
        progress.outcome.history = [asdict(entry) for entry in log]
        for entry in log:
            progress.say(str(entry))
        if not log:
            progress.say(f"Nothing was ever run on {progress.outcome.database}.")
        warn_of_changed_files(connection, found.revision, progress)
