"""Cost of scoring all trials compared with COPY of the same rows, of a run without changes, and of verification."""

import contextlib
import resource
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
            position = _read_position(keywords)
            began = time.perf_counter()
            manage(keywords, "score_trials", "--run-id", "bench")
            ours = time.perf_counter() - began
            first = _read_position(keywords) - position
            base, rows = _copy(keywords, Path(folder))
            position = _read_position(keywords)
            manage(keywords, "score_trials", "--run-id", "next")
            again = _read_position(keywords) - position
            # Without the start of the command.
            cpu = (_measure_cpu(keywords) - _measure_cpu(keywords, "--run-id=none")) / (2 * size) * 1e6
        grown = f"; {ours / before:.1f} times the row above" if before else ""
        yield Row(
            "score_trials, first run, start included",
            "COPY of the same rows",
            f"{size:,} trials, {rows:,} rows",
            f"{ours:.2f} s",
            f"{base:.2f} s",
            base / ours,
            f"goal: at least 0.8; into tables of the same definition, indexes and foreign keys{grown}",
        )
        yield Row(
            "WAL of a run that changes no gate",
            "WAL of the first run",
            f"{size:,} trials",
            f"{again / 1e6:.0f} MB",
            f"{first / 1e6:.0f} MB",
            again / first,
        )
        scores = f"{2 * size:,} scores, {4 * size:,} gates"
        yield Row("verify_scores, client CPU a score", "goal", scores, f"{cpu:.1f} µs", "30 µs", cpu / 30)
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


def _read_position(keywords: Keywords) -> float:
    """Return the position in the WAL, in bytes."""
    with psycopg.connect(**keywords) as connection:
        row = connection.execute("SELECT (pg_current_wal_insert_lsn() - '0/0')::float8").fetchone()
    return float(row[0]) if row else 0.0


def _measure_cpu(keywords: Keywords, *run: str) -> float:
    """Return the CPU seconds of verify_scores; of a run that does not exist, those of its start."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with contextlib.suppress(SystemExit):
        manage(keywords, "verify_scores", *run)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
