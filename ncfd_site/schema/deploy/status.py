"""All that a page tells of a schema: where it stands, what a run would do, what differs, and what was done."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ncfd_site.schema.deploy import changed, costs, diagnose, drift, expected, history, revisions, session
from ncfd_site.schema.deploy.diagnose import Diagnosis, State
from ncfd_site.schema.deploy.drift import Drift
from ncfd_site.schema.deploy.history import Entry, LogAction, Outcome
from ncfd_site.schema.deploy.revisions import Revision
from ncfd_site.schema.deploy.session import Connection

# Seconds for which a page waits for a table that is locked: a run that rewrites one may take minutes.
_PATIENCE = 2.0

_GLANCE = "a page does not make scratch databases; migrate_alembic --drift compares in the server's own words"


@dataclass(frozen=True)
class Step:
    """A revision of the line, whether the database has it, and how it came; `changed` where its file is another now."""

    revision: Revision
    applied: bool
    entry: Entry | None
    changed: bool


@dataclass(frozen=True)
class Status:
    """Where a database stands. `drift` is None where no revision is known, `verified` where nothing was verified.

    `runner` is the process of the server that holds the run lock: a run is under way.
    """

    database: str
    diagnosis: Diagnosis
    steps: tuple[Step, ...]
    rewrites: tuple[costs.Rewrite, ...]
    drift: Drift | None
    verified: Entry | None
    log: tuple[Entry, ...]
    runner: int | None

    @property
    def pending(self) -> list[Step]:
        """The revisions that a run would apply."""
        return [step for step in self.steps if not step.applied]

    @property
    def is_safe(self) -> bool:
        """Whether a run goes on from here by itself."""
        return self.diagnosis.state in diagnose.SAFE


def status(parameters: Mapping[str, Any]) -> Status:
    """Look at a database; writes nothing. Raises `DatabaseUnavailable`.

    `log` is newest first. The drift is that against the definitions kept with the revisions, which costs a look.
    """
    with session.connect(parameters) as connection:
        found = diagnose.diagnose(connection, _PATIENCE)
        entries = history.entries(connection)
        return Status(
            database=str(parameters.get("dbname", "")),
            diagnosis=found,
            steps=_steps(connection, found, entries),
            rewrites=_rewrites(connection, found),
            drift=_drift(found),
            verified=next((entry for entry in reversed(entries) if entry.action == LogAction.VERIFY), None),
            log=tuple(reversed(entries)),
            runner=session.runner(connection),
        )


def _steps(connection: Connection, found: Diagnosis, entries: list[Entry]) -> tuple[Step, ...]:
    order = revisions.ids()
    at = order.index(found.revision) if found.revision else -1
    last = {e.revision: e for e in entries if e.action == LogAction.UP and e.outcome == Outcome.DONE}
    edited = {each.revision for each in changed.since_they_ran(connection, found.revision)}
    return tuple(
        Step(
            revision,
            applied=place <= at,
            entry=last.get(revision.id) if place <= at else None,
            changed=revision.id in edited,
        )
        for place, revision in enumerate(revisions.revisions())
    )


def _drift(found: Diagnosis) -> Drift | None:
    if found.revision is None or found.found is None:
        return None
    return drift.compare_with(found.found, found.revision, expected.expected_catalog(found.revision), partial=_GLANCE)


def _rewrites(connection: Connection, found: Diagnosis) -> tuple[costs.Rewrite, ...]:
    if found.found is None or found.state not in (State.BEHIND, State.HAND_MADE):
        return ()
    return tuple(costs.rewrites(connection, found.found, expected.expected_catalog(revisions.head()), _PATIENCE))
