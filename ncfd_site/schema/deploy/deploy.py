"""A run from its beginning to its end: look, lock, look again, ask for consent, apply, mend, verify, log."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from ncfd_site.config.errors import ExitCode
from ncfd_site.schema import catalog
from ncfd_site.schema.deploy import (
    adopt,
    bookkeeping,
    compare,
    diagnose,
    expected,
    inspection,
    repair,
    revisions,
    rewrites,
    session,
    verify,
)
from ncfd_site.schema.deploy.adopt import Adoption
from ncfd_site.schema.deploy.diagnose import Diagnosis, State
from ncfd_site.schema.deploy.inspection import Steps
from ncfd_site.schema.deploy.report import MigrationError, Progress
from ncfd_site.schema.deploy.session import Connection


@dataclass(frozen=True)
class DeployOptions:
    """On what terms a run may go: what somebody agreed to by name, and how long it waits for another run.

    `models` are what Django reads at head, for the verification.
    """

    allow_destructive: Sequence[str] = ()
    allow_rewrite: Sequence[str] = ()
    row_limit: int = rewrites.ROW_LIMIT
    lock_wait: float = 600.0
    models: verify.Models = field(default_factory=dict)


def deploy(parameters: Mapping[str, Any], target: str, progress: Progress, terms: DeployOptions) -> None:
    """Bring the database to a revision and verify it; what happened is in `progress.outcome`.

    Raises `MigrationError` or `DatabaseUnavailable`. Nothing is written unless a revision is applied.
    """
    outcome = progress.outcome
    revisions.require_unedited_files()
    with session.connect(parameters) as connection:
        if not inspection.plan_steps(inspection.require_safe_state(connection, outcome), target, outcome):
            progress.say(f"Nothing to do: {outcome.database} is at {outcome.after or 'base'}.")
            return
        session.require_safe_connection(connection, parameters)
        with session.run_lock(connection, terms.lock_wait, progress.waiting) as waited:
            outcome.waited_seconds = waited
            # Whoever held the lock before may have done the work.
            found = inspection.require_safe_state(connection, outcome)
            planned = inspection.plan_steps(found, target, outcome)
            if not planned:
                progress.say(f"Nothing to do: {outcome.database} is at {outcome.after or 'base'}.")
                return
            inspection.warn_of_changed_files(connection, found.revision, progress)
            _require_consent(connection, found, planned, progress, terms)
            if bookkeeping.widen_version_column(connection):
                progress.say(f"  Widened alembic_version to {bookkeeping.WIDTH} characters")
            _go(
                connection,
                found,
                planned,
                progress,
                terms,
                bookkeeping.RunLog(),
                mending=found.state is State.OUT_OF_BAND,
            )


def adopt_schema(
    parameters: Mapping[str, Any],
    asked: str,
    target: str,
    progress: Progress,
    terms: DeployOptions,
    confirm: Callable[[], bool],
) -> None:
    """Prove where the database stands, record that, bring it in line, and go on to the target.

    `asked` is a revision or `auto`; `confirm` is asked once the evidence is told, before anything is written.
    """
    outcome = progress.outcome
    revisions.require_unedited_files()
    with session.connect(parameters) as connection:
        session.require_safe_connection(connection, parameters)
        with session.run_lock(connection, terms.lock_wait, progress.waiting) as waited:
            outcome.waited_seconds = waited
            found, adoption, planned = _prove(connection, parameters, asked, target, progress)
            was = bookkeeping.read_version_table(connection).rows
            drifted = repair.find_refcount_drift(connection)
            if not planned and not adoption.repairs and not drifted and was == (adoption.recorded,):
                progress.say(f"Nothing to do: {outcome.database} is at {adoption.recorded}, as it says.")
                return
            _require_consent(connection, found, planned, progress, terms)
            if not confirm():
                raise MigrationError("Not adopted: nothing was changed.", ExitCode.CONSENT_NEEDED)
            log = bookkeeping.RunLog()
            if was != (adoption.recorded,):
                adopt.record(connection, adoption, was, log)
                progress.say(f"  Recorded {adoption.recorded}; before: {', '.join(was) or 'none'}")
            _go(connection, found, planned, progress, terms, log, mending=True)


def plan_adoption(parameters: Mapping[str, Any], asked: str, target: str, progress: Progress) -> str:
    """The evidence, told, and the SQL of an adoption. Writes nothing."""
    revisions.require_unedited_files()
    with session.connect(parameters) as connection:
        session.require_safe_connection(connection, parameters)
        _, adoption, planned = _prove(connection, parameters, asked, target, progress)
        drifted = repair.find_refcount_drift(connection)
    script = [
        f"-- Record that the schema is at {adoption.recorded}",
        "BEGIN;",
        *(f"{statement.strip()};" for statement in bookkeeping.version_statements()),
        "COMMIT;",
    ]
    text = "\n".join(script).replace("%(version)s", f"'{adoption.recorded}'") + "\n"
    if planned:
        from ncfd_site.schema.deploy import alembic_runner

        text += "\n-- Go on from there\n" + alembic_runner.render_script(
            adoption.recorded, inspection.last_revision(planned), "up"
        )
    for each in adoption.repairs:
        text += f"\n-- {each.description}, unless a revision did it\n" + "".join(f"{s};\n" for s in each.statements)
    if drifted:
        text += f"\n-- Counts that are not the number of references: {len(drifted)}\n"
        text += "".join(
            f"UPDATE storage_objects SET refcount = {each.references} WHERE object_id = {each.object_id};"
            f" -- was {each.refcount}\n"
            for each in drifted
        )
    return text


def _prove(
    connection: Connection, parameters: Mapping[str, Any], asked: str, target: str, progress: Progress
) -> tuple[Diagnosis, Adoption, Steps]:
    outcome = progress.outcome
    found = diagnose.diagnose(connection)
    outcome.state, outcome.before = found.state, found.revision
    adoption = adopt.prove(connection, parameters, found, asked)
    outcome.adoption = adoption.as_json()
    for said in adoption.evidence():
        progress.say(said)
    definitions = found.found or catalog.read_definitions(connection)
    at = Diagnosis(found.state, adoption.recorded, found=definitions, fit=adoption.fit)
    outcome.after = adoption.recorded
    planned = inspection.plan_steps(at, target, outcome)
    if planned and planned[0][0] == "down":
        raise MigrationError(
            f"The schema is at {adoption.fit.revision}, past {target}: adopt it first, and take revisions back then.",
            ExitCode.USAGE,
        )
    return at, adoption, planned


def _require_consent(
    connection: Connection, found: Diagnosis, planned: Steps, progress: Progress, terms: DeployOptions
) -> None:
    if not planned:
        return
    costly = inspection.planned_rewrites(connection, found, planned)
    progress.outcome.rewrites = [each.as_json() for each in costly]
    rewrites.require_consent(costly, terms.allow_rewrite, terms.row_limit)
    for each in costly:
        progress.say(f"  It {each.description}")


def _go(
    connection: Connection,
    found: Diagnosis,
    planned: Steps,
    progress: Progress,
    terms: DeployOptions,
    log: bookkeeping.RunLog,
    *,
    mending: bool,
) -> None:
    """Apply the steps, mend what is still missing, and verify."""
    outcome = progress.outcome
    end = inspection.last_revision(planned) if planned else found.revision
    touched = _touched(found, end)
    before = {table: rewrites.count_rows(connection, table) for table in touched}
    if planned:
        _apply(connection, end, progress, terms, log)
    if end is None:
        return
    if mending:
        _mend(connection, end, progress, log)
    after = {table: rewrites.count_rows(connection, table) for table in touched}
    counts = {table: (before[table], after[table]) for table in touched}
    log.begin()
    result = verify.verify_database(connection, end, terms.models, counts)
    inspection.record_verification(connection, result, log)
    outcome.after = end
    inspection.report_verification(result, progress)


def _touched(found: Diagnosis, end: str | None) -> list[str]:
    """The tables that are there and that something of is made or changed on the way."""
    if found.found is None or end is None:
        return []
    wanted = expected.read_catalog(end)
    return sorted(
        {
            each.relation
            for each in compare.find_differences(found.found, wanted, exact=False)
            if each.expected is not None and found.found.get(("relation", each.relation)) == "table"
        }
    )


def _apply(
    connection: Connection, target: str | None, progress: Progress, terms: DeployOptions, log: bookkeeping.RunLog
) -> None:
    from ncfd_site.schema.deploy import alembic_runner

    outcome = progress.outcome
    try:
        alembic_runner.run_migration(connection, target, progress, terms.allow_destructive, log)
    finally:
        if not connection.closed:
            rows = bookkeeping.read_version_table(connection).rows
            outcome.after = rows[0] if rows else None
            outcome.pending = inspection.pending_revisions(outcome.after)


def _mend(connection: Connection, revision: str, progress: Progress, log: bookkeeping.RunLog) -> None:
    needed = repair.plan_repairs(catalog.read_definitions(connection), expected.read_catalog(revision), exact=False)
    for each in needed:
        log.begin()
        try:
            repair.apply_repair(connection, each)
        except psycopg.Error as error:
            raise MigrationError(
                f"{each.description}: that stopped half-way. PostgreSQL says: {str(error).strip()}\n"
                f"Mend what it names and run it again: manage.py migrate_alembic --adopt {revision}",
                ExitCode.PARTIAL,
            ) from None
        log.record(connection, revision, bookkeeping.LogAction.REPAIR, detail=each.description)
        progress.say(f"  Mended: {each.description}")
    drifted = repair.find_refcount_drift(connection)
    if not drifted:
        return
    changes = list(repair.repair_refcounts(connection, drifted, revision, log))
    shown = ", ".join(map(str, changes[:10])) + (", …" if len(changes) > 10 else "")
    progress.say(f"  Mended: {len(changes)} counts of storage_objects are the number of references again ({shown})")
