"""A run and an adoption from start to end: diagnose, lock, get consent, apply, repair, verify, log."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from ncfd_site.config.errors import ExitCode
from ncfd_site.core.formatting import format_quantity
from ncfd_site.schema import catalog, source
from ncfd_site.schema.deploy import (
    access,
    adopt,
    bookkeeping,
    compare,
    diagnose,
    expected,
    inspection,
    losses,
    obstacles,
    preservation,
    repair,
    revisions,
    rewrites,
    session,
    spelling,
    verify,
    waiting,
)
from ncfd_site.schema.deploy.adopt import Adoption
from ncfd_site.schema.deploy.diagnose import Diagnosis, State
from ncfd_site.schema.deploy.inspection import Steps
from ncfd_site.schema.deploy.report import MigrationError, Progress
from ncfd_site.schema.deploy.session import Connection


@dataclass(frozen=True)
class DeployOptions:
    """Consent given by name, and the models to verify at head.

    `direction` is the only one allowed, None for both; `run` applies the revisions, by default as `migrate_alembic`.
    """

    allow_destructive: Sequence[str] = ()
    allow_rewrite: Sequence[str] = ()
    row_limit: int = rewrites.ROW_LIMIT
    models: verify.Models = field(default_factory=dict)
    direction: source.Direction | None = None
    run: Callable[[Connection, str | None, Progress, Sequence[str], bookkeeping.RunLog], None] | None = None


def deploy(parameters: Mapping[str, Any], target: str, progress: Progress, options: DeployOptions) -> None:
    """Migrate the database to a revision and verify it; the outcome is in `progress.result`.

    Raises `MigrationError` or `DatabaseUnavailable`. Writes nothing unless a revision is applied.
    """
    result = progress.result
    revisions.require_unedited_files()
    with session.connect(parameters) as connection:
        with session.no_run(connection, parameters, progress.lock_wait, progress.report_waiting):
            diagnosis = inspection.require_safe_state(connection, result)
        if not inspection.plan_steps(diagnosis, target, result) and not diagnosis.needs_repair:
            progress.print(inspection.nothing_to_do(result))
            return
        session.require_safe_connection(connection, parameters)
        with (
            session.run_lock(connection, progress.lock_wait, progress.report_waiting) as waited,
            waiting.watch(parameters, session.read_backend_pid(connection), progress),
        ):
            result.waited_seconds = waited
            # The previous holder of the lock may have done the work.
            diagnosis = inspection.require_safe_state(connection, result)
            steps = inspection.plan_steps(diagnosis, target, result)
            if steps and options.direction not in (None, steps[0][0]):
                raise MigrationError(
                    f"{target} is {'older' if options.direction == 'up' else 'newer'} than {diagnosis.revision}, the "
                    f"current revision. Run alembic {'downgrade' if options.direction == 'up' else 'upgrade'} {target}",
                    ExitCode.USAGE,
                )
            if not steps and not diagnosis.needs_repair:
                progress.print(inspection.nothing_to_do(result))
                return
            inspection.warn_of_changed_files(connection, diagnosis.revision, progress)
            inspection.warn_of_invalid_indexes(diagnosis, progress)
            _require_consent(connection, diagnosis, steps, progress, options)
            if bookkeeping.widen_version_column(connection):
                progress.print(f"  Widened alembic_version to {bookkeeping.WIDTH} characters")
            log = bookkeeping.RunLog()
            repairs = diagnosis.needs_repair or diagnosis.state is State.OUT_OF_BAND
            _apply_and_verify(connection, diagnosis, steps, progress, options, log, repairs=repairs)


def adopt_schema(
    parameters: Mapping[str, Any],
    revision: str,
    target: str,
    progress: Progress,
    options: DeployOptions,
    confirm: Callable[[], bool],
) -> None:
    """Prove the current revision, record it, repair the schema, and migrate to the target.

    `revision` is an id or `auto`; `confirm` is called after the evidence is printed, before anything is written.
    """
    result = progress.result
    revisions.require_unedited_files()
    with session.connect(parameters) as connection:
        session.require_safe_connection(connection, parameters)
        with (
            session.run_lock(connection, progress.lock_wait, progress.report_waiting) as waited,
            waiting.watch(parameters, session.read_backend_pid(connection), progress),
        ):
            result.waited_seconds = waited
            diagnosis, adoption, steps = _prove(connection, revision, target, progress)
            previous = bookkeeping.read_version_table(connection).rows
            is_recorded = previous == (adoption.recorded,)
            if not (steps or adoption.repairs or adoption.refcounts) and is_recorded:
                progress.print(f"Nothing to do: {result.database} is at {adoption.recorded}, as recorded.")
                return
            _require_consent(connection, diagnosis, steps, progress, options)
            if not confirm():
                raise MigrationError("Not adopted; nothing was changed.", ExitCode.CONSENT_NEEDED)
            log = bookkeeping.RunLog()
            if not is_recorded:
                adopt.record_adoption(connection, adoption, previous, log)
                progress.print(f"  Recorded {adoption.recorded}; before: {', '.join(previous) or 'none'}")
            _apply_and_verify(connection, diagnosis, steps, progress, options, log, repairs=True)


def plan_adoption(parameters: Mapping[str, Any], revision: str, target: str, progress: Progress) -> str:
    """Print the evidence and return the SQL of an adoption. Writes nothing."""
    revisions.require_unedited_files()
    with session.connect(parameters) as connection:
        session.require_safe_connection(connection, parameters)
        with session.no_run(connection, parameters, progress.lock_wait, progress.report_waiting):
            _, adoption, steps = _prove(connection, revision, target, progress)
        become_owner = session.render_set_role(connection)
    record = become_owner + "\n".join(
        [
            f"{session.LOCK_TIMEOUT_SQL};",
            f"-- Record that the schema is at {adoption.recorded}",
            "BEGIN;",
            *(f"{statement.strip()};" for statement in bookkeeping.version_statements()),
            "COMMIT;\n",
        ]
    )
    text = record.replace("%(version)s", f"'{adoption.recorded}'")
    if steps:
        from ncfd_site.schema.deploy import alembic_runner

        script = alembic_runner.render_script(adoption.recorded, inspection.last_revision(steps), "up")
        text += f"\n-- Upgrade from there\n{script}"
    for each in adoption.repairs:
        text += f"\n-- {each.description}, unless a revision did it\n" + "".join(
            map(session.render_statement, each.statements)
        )
    if adoption.refcounts:
        count = format_quantity(len(adoption.refcounts), "reference count")
        text += f"\n-- {count}, corrected to the number of references\n"
        text += "".join(
            f"UPDATE storage_objects SET refcount = {each.references} WHERE object_id = {each.object_id};"
            f" -- was {each.refcount}\n"
            for each in adoption.refcounts
        )
    return text


def _prove(connection: Connection, revision: str, target: str, progress: Progress) -> tuple[Diagnosis, Adoption, Steps]:
    """Prove the revision and print the evidence; return a diagnosis at the revision to record, and the steps."""
    result = progress.result
    with session.snapshot(connection):
        diagnosis = diagnose.diagnose(connection)
    result.state, result.before = diagnosis.state, diagnosis.revision
    adoption = adopt.prove(connection, diagnosis, revision)
    result.adoption = adoption.as_json()
    for line in adoption.evidence():
        progress.print(line)
    definitions = diagnosis.catalog or catalog.read_definitions(connection)
    recorded = Diagnosis(diagnosis.state, adoption.recorded, catalog=definitions, fit=adoption.fit)
    result.after = adoption.recorded
    steps = inspection.plan_steps(recorded, target, result)
    if inspection.is_downgrade(steps):
        raise MigrationError(
            f"The schema is at {adoption.fit.revision}, which is newer than {target}. Adopt it first, then downgrade.",
            ExitCode.USAGE,
        )
    return recorded, adoption, steps


def _require_consent(
    connection: Connection, diagnosis: Diagnosis, steps: Steps, progress: Progress, options: DeployOptions
) -> None:
    last = inspection.last_revision(steps) if steps else diagnosis.revision
    obstacles.require_none(connection, diagnosis.catalog, last if not inspection.is_downgrade(steps) else None)
    if not steps:
        return
    losses.require_consent(losses.find_losses(connection, steps), options.allow_destructive)
    unrestorable = inspection.find_unrestorable(connection, steps)
    preservation.require_consent(unrestorable, options.allow_destructive)
    for line in unrestorable:
        progress.print(f"  Not put back, by consent: {line}")
    planned = inspection.planned_rewrites(connection, diagnosis, steps)
    progress.result.rewrites = [each.as_json() for each in planned]
    rewrites.require_consent(planned, options.allow_rewrite, options.row_limit)
    for each in planned:
        progress.print(f"  The run {each.description}")


def _apply_and_verify(
    connection: Connection,
    diagnosis: Diagnosis,
    steps: Steps,
    progress: Progress,
    options: DeployOptions,
    log: bookkeeping.RunLog,
    *,
    repairs: bool,
) -> None:
    last = inspection.last_revision(steps) if steps else diagnosis.revision
    tables = _find_changed_tables(diagnosis, last)
    before = {table: rewrites.count_rows(connection, table) for table in tables}
    # A downgrade drops columns and tables that roles could write.
    is_downgrade = inspection.is_downgrade(steps)
    writes = None if is_downgrade else access.try_writes(connection)
    attached = [] if is_downgrade else preservation.read_attributes(connection)
    if steps:
        _apply_revisions(connection, last, progress, options, log)
    if last is None:
        return
    if repairs:
        _repair_schema(connection, last, progress, log)
        _repair_refcounts(connection, last, progress, log)
    counts = {table: (before[table], rewrites.count_rows(connection, table)) for table in tables}
    log.start_entry()
    lost = writes.find_losses(access.try_writes(connection)) if writes else []
    detached = preservation.find_lost(attached, preservation.read_attributes(connection)) if attached else []
    if options.allow_destructive:
        for line in detached:
            progress.print(f"  Lost, by consent: {line}")
    else:
        lost += [f"lost in the run: {line}" for line in detached]
    verification = verify.verify_database(connection, last, options.models, counts, lost)
    if writes and writes.not_tried:
        progress.print(
            f"  Writes not tried as {', '.join(writes.not_tried)}: the database user is not a member of these roles"
        )
    inspection.record_verification(connection, verification, log)
    progress.result.after = last
    inspection.report_verification(verification, progress)


def _find_changed_tables(diagnosis: Diagnosis, last: str | None) -> list[str]:
    """Return the existing tables that the revisions up to `last` change."""
    if diagnosis.catalog is None or last is None:
        return []
    differences = compare.find_differences(diagnosis.catalog, expected.read_catalog(last))
    return sorted(
        {
            each.relation
            for each in differences
            if each.expected is not None and diagnosis.catalog.get(("relation", each.relation)) == "table"
        }
    )


def _apply_revisions(
    connection: Connection, target: str | None, progress: Progress, options: DeployOptions, log: bookkeeping.RunLog
) -> None:
    from ncfd_site.schema.deploy import alembic_runner

    try:
        run = options.run or alembic_runner.run_migration
        run(connection, target, progress, options.allow_destructive, log)
    finally:
        if not connection.closed:
            rows = bookkeeping.read_version_table(connection).rows
            progress.result.after = rows[0] if rows else None
            progress.result.pending = inspection.pending_revisions(progress.result.after)


def _repair_schema(connection: Connection, revision: str, progress: Progress, log: bookkeeping.RunLog) -> None:
    wanted = expected.read_catalog(revision)
    found = spelling.respell(catalog.read_definitions(connection), [wanted])
    for each in repair.plan_repairs(found, wanted):
        log.start_entry()
        try:
            repair.apply_repair(connection, each, progress)
        except psycopg.Error as error:
            raise MigrationError(
                f"The repair stopped: {each.description}. PostgreSQL: {str(error).strip()}\n"
                f"Correct the cause, then run: manage.py migrate_alembic --adopt {revision}",
                ExitCode.PARTIAL,
            ) from None
        log.record(connection, revision, bookkeeping.LogAction.REPAIR, detail=each.description)
        progress.print(f"  Repaired: {each.description}")


def _repair_refcounts(connection: Connection, revision: str, progress: Progress, log: bookkeeping.RunLog) -> None:
    drifted = repair.find_refcount_drift(connection)
    if drifted:
        changes = list(repair.repair_refcounts(connection, drifted, revision, log))
        shown = ", ".join(map(str, changes[:10])) + (", …" if len(changes) > 10 else "")
        count = format_quantity(len(changes), "reference count")
        progress.print(f"  Repaired: {count} of storage_objects ({shown})")
