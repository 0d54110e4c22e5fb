"""The record of each load in `ingest_runs`: source, times, dates covered, counts."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from threading import get_ident

from ncfd_site.core import sql
from ncfd_site.core.progress import NullReporter, ProgressReporter


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


OUTCOMES = ("added", "changed", "unchanged", "rejected")


@dataclass
class LoadSummary:
    """Counts of a load; `things` are the kinds of rows in the order of the table."""

    things: list[str]
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def add(self, thing: str, **counts: int) -> None:
        """Add counts: `add("trials", added=3, unchanged=1)`."""
        for outcome, count in counts.items():
            if outcome not in OUTCOMES:
                raise ValueError(f"{outcome} is not one of {', '.join(OUTCOMES)}")
            self.counts[thing, outcome] += count

    def count(self, thing: str, outcome: str) -> int:
        """Return one count."""
        return self.counts[thing, outcome]

    def written_count(self, thing: str) -> int:
        """Return the count of added and changed rows."""
        return self.count(thing, "added") + self.count(thing, "changed")

    def table(self) -> str:
        """Return the counts as a table of plain text, followed by the notes."""
        width = max(map(len, self.things))
        rows = [f"{'':{width}}" + "".join(f"{outcome:>11}" for outcome in OUTCOMES)]
        rows += [
            f"{thing:{width}}" + "".join(f"{self.count(thing, outcome):>11,}" for outcome in OUTCOMES)
            for thing in self.things
        ]
        return "\n".join([*rows, *self.notes])


class LoadProgress:
    """Counts the bytes and records of a load and hands them to a reporter, in the thread that created it."""

    def __init__(self, paths: Sequence[Path] = (), reporter: ProgressReporter | None = None) -> None:
        self._reporter = reporter or NullReporter()
        self._records = self._bytes = 0
        self._thread = get_ident()
        self._reporter.begin("Loading", sum(path.stat().st_size for path in paths), "bytes")

    def add_bytes(self, count: int) -> None:
        """Count bytes that were read; another thread leaves the report to the next call."""
        self._bytes += count
        if get_ident() == self._thread:
            self._report("")

    def add_records(self, count: int) -> None:
        """Count records that are in the database or rejected."""
        self._records += count
        self._report(f"{self._records:,} records")

    def _report(self, note: str) -> None:
        count, self._bytes = self._bytes, 0
        self._reporter.advance(count, note=note)
