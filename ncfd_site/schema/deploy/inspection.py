"""The read-only modes of `migrate_alembic`.

Neither Alembic nor SQLAlchemy is imported, so that a run with nothing to do is quick.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import psycopg

from ncfd_site.config.errors import ExitCode
from ncfd_site.core.formatting import format_quantity
from ncfd_site.schema.deploy import (
    bookkeeping,
    compare,
    diagnose,
    drift,
    drift_repair,
    expected,
    losses,
    obstacles,
    plan,
    preservation,
    revisions,
    rewrites,
    session,
    verify,
)
from ncfd_site.schema.deploy.bookkeeping import LogAction
from ncfd_site.schema.deploy.diagnose import Diagnosis, State
from ncfd_site.schema.deploy.report import MigrationError, Progress, RunResult
from ncfd_site.schema.deploy.revisions import Revision
from ncfd_site.schema.deploy.session import Connection

# Each step is ("up" or "down", revision).
Steps = list[tuple[str, Revision]]


def require_safe_state(connection: Connection, result: RunResult) -> Diagnosis:
    """Return the state of the database and add it to the result. Raises `MigrationError` if it needs manual action.

    The caller holds the run lock: during a run, the state is that of neither revision.
    """
    diagnosis = _record_diagnosis(connection, result)
    diagnosis.require_safe()
    return diagnosis


def _record_diagnosis(connection: Connection, result: RunResult) -> Diagnosis:
    with session.snapshot(connection):
        diagnosis = diagnose.diagnose(connection)
    result.state = diagnosis.state
    result.before = result.after = diagnosis.revision
    return diagnosis


def plan_steps(diagnosis: Diagnosis, target: str, result: RunResult) -> Steps:
    """Return the steps from the current revision to the target."""
    result.pending = pending_revisions(diagnosis.revision)
    try:
        return revisions.steps_between(diagnosis.revision, revisions.resolve_target(target, diagnosis.revision))
    except LookupError as error:
        raise MigrationError(
            f"There is no revision {target!r}: {error}. Known: {', '.join(revisions.ids())}.", ExitCode.USAGE
        ) from None


def pending_revisions(current: str | None) -> list[str]:
    """Return the ids of the revisions between the current one and head."""
    return [revision.id for _, revision in revisions.steps_between(current, revisions.head())]


def last_revision(steps: Steps) -> str | None:
    """Return the revision after the last step; None is the empty schema."""
    direction, last = steps[-1]
    return last.id if direction == "up" else last.down_revision


def is_downgrade(steps: Steps) -> bool:
    """Return whether the steps revert revisions."""
    return bool(steps) and steps[0][0] == "down"


def find_unrestorable(connection: Connection, steps: Steps) -> list[str]:
    """Return what the steps cannot put back."""
    if is_downgrade(steps) or compare.REPLACING_REVISION not in [revision.id for _, revision in steps]:
        return []
    return preservation.find_unrestorable(connection, expected.read_catalog(compare.REPLACING_REVISION))


def nothing_to_do(result: RunResult) -> str:
    """Return the line for a database at the target."""
    return f"Nothing to do: {result.database} is at {result.after or 'base'}."


def planned_rewrites(connection: Connection, diagnosis: Diagnosis, steps: Steps) -> list[rewrites.Rewrite]:
    """Return the tables that the steps rewrite."""
    if not steps:
        return []
    target = last_revision(steps)
    if diagnosis.catalog is None or target is None or is_downgrade(steps):
        return []
    return rewrites.find_rewrites(connection, diagnosis.catalog, expected.read_catalog(target))


def warn_of_invalid_indexes(diagnosis: Diagnosis, progress: Progress) -> None:
    """Print the invalid indexes of users; those of revisions are rebuilt."""
    for each in diagnosis.fit.extra if diagnosis.fit else ():
        if each.is_invalid_index:
            # REINDEX CONCURRENTLY leaves an invalid copy; the index itself is valid.
            verb = "DROP" if re.search(r"_cc(new|old)\d*$", each.name) else "REINDEX"
            progress.print(
                f"  Warning: index {each.name} is invalid, and no query uses it: {verb} INDEX CONCURRENTLY {each.name};"
            )


def warn_of_changed_files(connection: Connection, current: str | None, progress: Progress) -> None:
    """Print the applied revisions whose files changed."""
    progress.result.changed_files = [str(each) for each in revisions.find_changed_files(connection, current)]
    for each in progress.result.changed_files:
        progress.print(f"  Warning: {each}")


def show_plan(parameters: Mapping[str, Any], target: str, progress: Progress, *, check: bool = False) -> bool:
    """Print the steps of a run and their cost; return whether there is something to do. Writes nothing.

    Raises `MigrationError` for obstacles, unless `check`.
    """
    revisions.require_unedited_files()
    result = progress.result
    with (
        session.connect(parameters) as connection,
        session.no_run(connection, parameters, progress.lock_wait, progress.report_waiting),
    ):
        diagnosis = require_safe_state(connection, result)
        steps = plan_steps(diagnosis, target, result)
        warn_of_changed_files(connection, diagnosis.revision, progress)
        warn_of_invalid_indexes(diagnosis, progress)
        is_pending = bool(steps) or diagnosis.needs_repair
        if is_pending:
            if not check:
                last = last_revision(steps) if steps and not is_downgrade(steps) else None
                obstacles.require_none(connection, diagnosis.catalog, last)
            _print_plan(connection, diagnosis, steps, progress)
            _print_unrestorable(connection, steps, progress)
        else:
            progress.print(nothing_to_do(result))
    return is_pending


def _print_plan(connection: Connection, diagnosis: Diagnosis, steps: Steps, progress: Progress) -> None:
    progress.print("Plan:")
    if diagnosis.is_version_column_short:
        progress.print("  widen alembic_version, which is too short for the ids")
    for step in plan.plan_steps(connection, diagnosis, steps, _find_losses(connection, steps, progress)):
        progress.result.steps.append(step.as_json())
        verb = "apply" if step.direction == "up" else "revert"
        progress.print(f"  {verb} {step.revision.id}: {step.revision.summary}")
        for table in step.tables:
            progress.print(f"    {table}")
        if step.loss:
            progress.print(f"    destroys rows of {step.loss}; needs {step.loss.consent}")
    for finding in diagnosis.repairs:
        progress.print(f"  finish {finding.kind} {finding.name}, which a stopped run left")
    fit = diagnosis.fit
    if fit and diagnosis.state is State.OUT_OF_BAND:
        progress.print(f"  adopt out-of-band objects: {', '.join(fit.out_of_band)}")
        for known in fit.known_drift:
            progress.print(f"  repair: {known.description}")
    if fit and fit.outdated and compare.REPLACING_REVISION in [revision.id for _, revision in steps]:
        progress.print(f"  {diagnose.describe_outdated(fit)}")
    planned = planned_rewrites(connection, diagnosis, steps)
    progress.result.rewrites = [each.as_json() for each in planned]
    for each in planned:
        progress.print(f"  {each.description}")


def _find_losses(connection: Connection, steps: Steps, progress: Progress) -> list[losses.Loss]:
    try:
        return losses.find_losses(connection, steps)
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction) as error:
        progress.print(f"  rows that the downgrade destroys are not counted: {str(error).strip()}")
        return []


def _print_unrestorable(connection: Connection, steps: Steps, progress: Progress) -> None:
    if lost := find_unrestorable(connection, steps):
        progress.print(f"  cannot put back, needs --allow-destructive {compare.REPLACING_REVISION}:")
    for line in lost:
        progress.print(f"    {line}")


def render_sql(parameters: Mapping[str, Any], target: str, progress: Progress) -> str:
    """Return the SQL that a run would execute. Writes nothing."""
    result = progress.result
    with (
        session.connect(parameters) as connection,
        session.no_run(connection, parameters, progress.lock_wait, progress.report_waiting),
    ):
        steps = plan_steps(require_safe_state(connection, result), target, result)
        become_owner = session.render_set_role(connection)
    if not steps:
        return f"-- {nothing_to_do(result)}\n"
    from ncfd_site.schema.deploy import alembic_runner

    script = alembic_runner.render_script(result.before, last_revision(steps), steps[-1][0])
    return f"{become_owner}{session.LOCK_TIMEOUT_SQL};\n\n{script}"


def render_repair_sql(parameters: Mapping[str, Any], progress: Progress, exclude: Sequence[str] = ()) -> str:
    """Return the SQL that repairs the drift of the database. Writes nothing to it."""
    with session.connect(parameters) as connection:
        diagnosis = _record_diagnosis(connection, progress.result)
        if diagnosis.revision is None:
            diagnosis.require_safe()
            return ""
        revision = diagnosis.revision
        found = drift.find_drift(connection, revision, diagnosis.definitions, exclude)
        owner, _ = session.read_owner(connection)
        attributes = expected.read_attributes([revision])[revision]
        become_owner = session.render_set_role(connection)
    progress.result.drift = found.as_json()
    statements = drift_repair.render_repair_sql(
        found, expected.read_catalog(revision), attributes, owner or "", become_owner
    )
    # A routine can name one that follows it.
    settings = f"{session.LOCK_TIMEOUT_SQL};\nSET check_function_bodies = off;\nSET search_path = public;\n"
    return f"{settings}{statements}" if statements else "-- No drift.\n"


def show_drift(parameters: Mapping[str, Any], progress: Progress, exclude: Sequence[str] = ()) -> None:
    """Compare the database with its revision. Raises `MigrationError` with the differences. Writes nothing to it."""
    result = progress.result
    with (
        session.connect(parameters) as connection,
        session.no_run(connection, parameters, progress.lock_wait, progress.report_waiting),
    ):
        diagnosis = _record_diagnosis(connection, result)
        revision = diagnosis.revision
        if diagnosis.state is State.EMPTY:
            progress.print(f"No drift: {result.database} is empty.")
            return
        if revision is None:
            diagnosis.require_safe()
            return
        found = drift.find_drift(connection, revision, diagnosis.definitions, exclude)
    result.drift = found.as_json()
    if found.partial:
        progress.print(
            f"Partial: the server cannot read definitions again, so casts and parentheses are ignored: {found.partial}"
        )
    for name in found.outdated:
        progress.print(f"  outdated definition: {name} (replaced by revision {compare.REPLACING_REVISION})")
    extra = compare.omit_parts(found.extra)
    if extra or found.information:
        progress.print("Information, no drift:")
    for finding in extra:
        progress.print(f"  {finding.description} (left alone)")
    for finding in found.information:
        progress.print(f"  {finding.description}")
    if found:
        shown = compare.omit_parts(found.findings)
        raise MigrationError(
            f"{compare.count_differences(shown)} from revision {revision}:\n"
            + "\n".join(
                "\n".join([f"  {finding.description}", *(f"    {line}" for line in finding.diff)]) for finding in shown
            ),
            ExitCode.FINDINGS,
        )
    summary = f"{format_quantity(found.objects, 'object')} of {result.database} match {revision}"
    if extra:
        summary += f"; {format_quantity(len(extra), 'extra object')} left alone"
    progress.print(f"No drift: {summary}.")


def verify_only(parameters: Mapping[str, Any], progress: Progress, models: verify.Models) -> None:
    """Verify the database against its revision, as after a run. Writes a log entry only."""
    with (
        session.connect(parameters) as connection,
        session.no_run(connection, parameters, progress.lock_wait, progress.report_waiting),
    ):
        diagnosis = _record_diagnosis(connection, progress.result)
        if diagnosis.state is State.EMPTY:
            progress.print(f"Nothing to verify: {progress.result.database} is empty.")
            return
        if diagnosis.revision is None:
            diagnosis.require_safe()
            return
        log = bookkeeping.RunLog()
        verification = verify.verify_database(connection, diagnosis.revision, models)
        try:
            record_verification(connection, verification, log)
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction):
            progress.print("The database user cannot write the log; the verification is not recorded.")
        report_verification(verification, progress)


def record_verification(connection: Connection, verification: verify.Verification, log: bookkeeping.RunLog) -> None:
    """Write a verification to the log."""
    outcome = bookkeeping.Outcome.DONE if verification.ok else bookkeeping.Outcome.FAILED
    log.record(connection, verification.revision, LogAction.VERIFY, outcome, str(verification))


def report_verification(verification: verify.Verification, progress: Progress) -> None:
    """Add a verification to the result and print it. Raises `MigrationError` if it failed."""
    result = progress.result
    result.verified = verification.ok
    result.problems = list(verification.problems)
    result.not_tried = {reason: list(names) for reason, names in verification.not_tried.items()}
    result.rows = {table: {"before": before, "after": after} for table, (before, after) in verification.counts.items()}
    if not verification.ok:
        raise MigrationError(str(verification), ExitCode.FINDINGS)
    progress.print(str(verification))


def show_history(parameters: Mapping[str, Any], progress: Progress) -> None:
    """Print the log of runs and the changed files. Writes nothing."""
    with session.connect(parameters) as connection:
        log = bookkeeping.read_log(connection)
        # Not the state: it would wait for a run in progress.
        rows = bookkeeping.read_version_table(connection).rows
        revision = rows[0] if len(rows) == 1 and rows[0] in revisions.ids() else None
        progress.result.before = progress.result.after = revision
        progress.result.history = [asdict(entry) for entry in log]
        for entry in log:
            progress.print(str(entry))
        if not log:
            progress.print(f"No runs are logged in {progress.result.database}.")
        warn_of_changed_files(connection, revision, progress)
