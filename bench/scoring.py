"""Cost of scoring all trials compared with COPY of the same rows."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from bench.measure import Keywords, Row, manage, scratch
from bench.trials import fill

SMALL, LARGE = 5_000, 20_000
FULL_SMALL, FULL_LARGE = 25_000, 100_000
TABLES = ("scores", "gates")


def measure(full: bool) -> Iterator[Row]:
    """Return a row for each of two sizes; the second is four or five times the first, to show growth."""
    before = 0.0
    for size in (FULL_SMALL, FULL_LARGE) if full else (SMALL, LARGE):
        with scratch() as keywords, tempfile.TemporaryDirectory() as folder:
            fill(keywords, size, runs=0)
            began = time.perf_counter()
            manage(keywords, "score_trials", "--run-id", "bench")
            ours = time.perf_counter() - began
            base, rows = _copy(keywords, Path(folder))
        grown = f"; {ours / before:.1f} times the row above" if before else ""
        yield Row(
            "score_trials, first run, start included",
            "COPY of the same rows",
            f"{size:,} trials, {rows:,} rows",
            f"{ours:.2f} s",
            f"{base:.2f} s",
            base / ours,
            f"goal: at least 0.5; into tables of the same definition, indexes and foreign keys{grown}",
        )
        before = ours


def _copy(keywords: Keywords, folder: Path) -> tuple[float, int]:
    """Return the seconds of COPY of all scores and gates in one transaction, and the number of rows."""
    with psycopg.connect(**keywords) as connection:
        for table in TABLES:
            connection.execute(f"CREATE TABLE bench_{table} (LIKE {table} INCLUDING ALL)".encode())
            key = "FOREIGN KEY (trial_id) REFERENCES trials(trial_id) ON DELETE CASCADE"
            connection.execute(f"ALTER TABLE bench_{table} ADD {key}".encode())
            copied = connection.cursor().copy(f"COPY {table} TO STDOUT".encode())
            with copied as source, (folder / table).open("wb") as sink:
                for block in source:
                    sink.write(block)
        connection.commit()
        began, rows = time.perf_counter(), 0
        for table in TABLES:
            with connection.cursor() as cursor, (folder / table).open("rb") as source:
                with cursor.copy(f"COPY bench_{table} FROM STDIN".encode()) as sink:
                    while block := source.read(1 << 16):
                        sink.write(block)
                rows += cursor.rowcount
        connection.commit()
        return time.perf_counter() - began, rows
