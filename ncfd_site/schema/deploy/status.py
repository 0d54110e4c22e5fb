"""Status of a schema for the page /schema/: revision, plan, drift, verification, log."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ncfd_site.schema import attributes
from ncfd_site.schema.deploy import bookkeeping, diagnose, drift, expected, revisions, rewrites, session
from ncfd_site.schema.deploy.bookkeeping import LogAction, LogEntry, Outcome
from ncfd_site.schema.deploy.diagnose import Diagnosis, State
from ncfd_site.schema.deploy.drift import Drift
from ncfd_site.schema.deploy.revisions import Revision
from ncfd_site.schema.deploy.session import Connection

# Seconds to wait for a locked table: a rewrite may take minutes.
_PATIENCE = 2.0

_QUICK_CHECK = "the page ignores casts and parentheses; migrate_alembic --drift does not"


@dataclass(frozen=True)
class RevisionStatus:
    """A revision, its log entry if applied, and whether its file changed since."""

    revision: Revision
    is_applied: bool
    entry: LogEntry | None
    is_changed: bool


@dataclass(frozen=True)
class Status:
    """Status of a database.

    `drift` is None without a known revision, `verified` is the entry of the last verification, `log` is newest first,
    and `runner` is the server process of a run in progress.
    """

    database: str
    diagnosis: Diagnosis
    steps: tuple[RevisionStatus, ...]
    rewrites: tuple[rewrites.Rewrite, ...]
    drift: Drift | None
    verified: LogEntry | None
    log: tuple[LogEntry, ...]
    runner: int | None

    @property
    def pending(self) -> list[RevisionStatus]:
        """The revisions to apply."""
        return [step for step in self.steps if not step.is_applied]

    @property
    def is_safe(self) -> bool:
        """True if a run needs no manual action first."""
        return self.diagnosis.state in diagnose.SAFE


def read_status(parameters: Mapping[str, Any]) -> Status:
    """Return the status of a database; the drift is from the stored definitions. Raises `DatabaseUnavailable`."""
    with session.connect(parameters) as connection:
        diagnosis = diagnose.diagnose(connection, _PATIENCE)
        entries = bookkeeping.read_log(connection)
        return Status(
            database=str(parameters.get("dbname", "")),
            diagnosis=diagnosis,
            steps=_build_steps(connection, diagnosis, entries),
            rewrites=_find_rewrites(connection, diagnosis),
            drift=_compute_drift(connection, diagnosis),
            verified=next((entry for entry in reversed(entries) if entry.action == LogAction.VERIFY), None),
            log=tuple(reversed(entries)),
            runner=session.find_runner(connection),
        )


def _build_steps(connection: Connection, diagnosis: Diagnosis, entries: list[LogEntry]) -> tuple[RevisionStatus, ...]:
    order = revisions.ids()
    current = order.index(diagnosis.revision) if diagnosis.revision else -1
    last = {e.revision: e for e in entries if e.action == LogAction.UP and e.outcome == Outcome.DONE}
    changed = {each.revision for each in revisions.find_changed_files(connection, diagnosis.revision)}
    return tuple(
        RevisionStatus(
            revision,
            is_applied=index <= current,
            entry=last.get(revision.id) if index <= current else None,
            is_changed=revision.id in changed,
        )
        for index, revision in enumerate(revisions.load_revisions())
    )


def _compute_drift(connection: Connection, diagnosis: Diagnosis) -> Drift | None:
    if diagnosis.revision is None or diagnosis.catalog is None:
        return None
    found = drift.compute_drift(
        diagnosis.catalog, diagnosis.revision, expected.read_catalog(diagnosis.revision), partial=_QUICK_CHECK
    )
    drift.add_attributes(found, attributes.read_attributes(connection, _PATIENCE))
    return found


def _find_rewrites(connection: Connection, diagnosis: Diagnosis) -> tuple[rewrites.Rewrite, ...]:
    if diagnosis.catalog is None or diagnosis.state not in (State.BEHIND, State.OUT_OF_BAND):
        return ()
    return tuple(
        rewrites.find_rewrites(connection, diagnosis.catalog, expected.read_catalog(revisions.head()), _PATIENCE)
    )
