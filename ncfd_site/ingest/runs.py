"""The record of each load in `ingest_runs`: source, times, dates covered, counts."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from ncfd_site.core import sql


@dataclass
class Run:
    """A load in progress. Its fields are written when the load ends."""

    run_id: int
    returned: int = 0
    processed: int = 0
    since: date | None = None
    until: date | None = None
    notes: str = ""

    def include_date(self, day: date | None) -> None:
        """Extend the dates that the load covers."""
        if day is not None:
            self.since = min(self.since or day, day)
            self.until = max(self.until or day, day)


@contextmanager
def record_run(source: str) -> Iterator[Run]:
    """Insert a row in `ingest_runs`, and complete it at the end; `finished_at` stays NULL when the load fails."""
    run_id = sql.value(
        "INSERT INTO ingest_runs (source, started_at, notes)"
        " VALUES (%s, clock_timestamp(), 'in progress, or interrupted') RETURNING run_id",
        [source],
    )
    run = Run(run_id)
    yield run
    sql.execute(
        "UPDATE ingest_runs SET finished_at = clock_timestamp(), total_returned = %s, total_processed = %s,"
        " since_date = %s, until_date = %s, notes = %s WHERE run_id = %s",
        [run.returned, run.processed, run.since, run.until, run.notes, run.run_id],
    )
