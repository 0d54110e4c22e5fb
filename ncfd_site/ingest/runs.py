"""Take down each load in `ingest_runs`: what ran, when, over which dates, how many records."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from ncfd_site.core import sql


@dataclass
class Run:
    """A load under way. What is set here is written when the load ends."""

    run_id: int
    returned: int = 0
    processed: int = 0
    since: date | None = None
    until: date | None = None
    notes: str = ""

    def saw(self, day: date | None) -> None:
        """Widen the dates that the load covers."""
        if day is not None:
            self.since = min(self.since or day, day)
            self.until = max(self.until or day, day)


@contextmanager
def recorded_run(source: str) -> Iterator[Run]:
    """A row in `ingest_runs` that begins now; `finished_at` stays NULL where the load does not come to its end."""
    run_id = sql.value(
        "INSERT INTO ingest_runs (source, started_at, notes) VALUES (%s, clock_timestamp(), 'under way, or stopped')"
        " RETURNING run_id",
        [source],
    )
    run = Run(run_id)
    yield run
    sql.execute(
        "UPDATE ingest_runs SET finished_at = clock_timestamp(), total_returned = %s, total_processed = %s,"
        " since_date = %s, until_date = %s, notes = %s WHERE run_id = %s",
        [run.returned, run.processed, run.since, run.until, run.notes, run.run_id],
    )
