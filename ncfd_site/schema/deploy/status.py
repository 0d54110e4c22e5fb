"""All that a page tells of a schema: where it stands, what a run would do, what differs, and what was done."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ncfd_site.schema.deploy import bookkeeping, compare, diagnose, expected, revisions, rewrites, session
from ncfd_site.schema.deploy.bookkeeping import LogAction, LogEntry, Outcome
from ncfd_site.schema.deploy.compare import Drift
from ncfd_site.schema.deploy.diagnose import Diagnosis, State
from ncfd_site.schema.deploy.revisions import Revision
from ncfd_site.schema.deploy.session import Connection

# Seconds for which a page waits for a table that is locked: a run that rewrites one may take minutes.
_PATIENCE = 2.0

_GLANCE = "a page does not make scratch databases; migrate_alembic --drift compares in the server's own words"


@dataclass(frozen=True)
class RevisionStatus:
    """A revision of the line, whether the database has it, and how it came; `changed` where its file is another now."""

    revision: Revision
    applied: bool
    entry: LogEntry | None
    changed: bool


@dataclass(frozen=True)
class Status:
    """Where a database stands. `drift` is None where no revision is known, `verified` where nothing was verified.

    `runner` is the process of the server that holds the run lock: a run is under way.
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
        """The revisions that a run would apply."""
        return [step for step in self.steps if not step.applied]

    @property
    def is_safe(self) -> bool:
        """Whether a run goes on from here by itself."""
        return self.diagnosis.state in diagnose.SAFE


def read_status(parameters: Mapping[str, Any]) -> Status:
    """Look at a database; writes nothing. Raises `DatabaseUnavailable`.

    `log` is newest first. The drift is that against the definitions kept with the revisions, which costs a look.
    """
    with session.connect(parameters) as connection:
        found = diagnose.diagnose(connection, _PATIENCE)
        entries = bookkeeping.read_log(connection)
        return Status(
            database=str(parameters.get("dbname", "")),
            diagnosis=found,
            steps=_steps(connection, found, entries),
            rewrites=_rewrites(connection, found),
            drift=_drift(found),
            verified=next((entry for entry in reversed(entries) if entry.action == LogAction.VERIFY), None),
            log=tuple(reversed(entries)),
            runner=session.find_runner(connection),
        )


def _steps(connection: Connection, found: Diagnosis, entries: list[LogEntry]) -> tuple[RevisionStatus, ...]:
    order = revisions.ids()
    at = order.index(found.revision) if found.revision else -1
    last = {e.revision: e for e in entries if e.action == LogAction.UP and e.outcome == Outcome.DONE}
    edited = {each.revision for each in revisions.find_changed_files(connection, found.revision)}
    return tuple(
        RevisionStatus(
            revision,
            applied=place <= at,
            entry=last.get(revision.id) if place <= at else None,
            changed=revision.id in edited,
        )
        for place, revision in enumerate(revisions.load_revisions())
    )


def _drift(found: Diagnosis) -> Drift | None:
    if found.revision is None or found.found is None:
        return None
    return compare.compute_drift(found.found, found.revision, expected.read_catalog(found.revision), partial=_GLANCE)


def _rewrites(connection: Connection, found: Diagnosis) -> tuple[rewrites.Rewrite, ...]:
    if found.found is None or found.state not in (State.BEHIND, State.OUT_OF_BAND):
        return ()
    return tuple(rewrites.find_rewrites(connection, found.found, expected.read_catalog(revisions.head()), _PATIENCE))
