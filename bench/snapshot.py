"""Cost of a snapshot as Parquet files compared with COPY of the same tables to disk."""

import json
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import sql

from bench.measure import Keywords, Row, manage, scratch
from bench.trials import fill

SMALL, LARGE = 5_000, 20_000
FULL_SMALL, FULL_LARGE = 25_000, 100_000
RUNS = 5


def measure(full: bool) -> Iterator[Row]:
    """Return a row for each of two sizes; the second is four times the first, to show growth."""
    for size in (FULL_SMALL, FULL_LARGE) if full else (SMALL, LARGE):
        with scratch() as keywords, tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            fill(keywords, size, runs=RUNS)
            began, before = time.perf_counter(), _read_child_cpu()
            manage(keywords, "export_snapshot", "--to", str(folder / "snapshots"))
            ours, cpu = time.perf_counter() - began, _read_child_cpu() - before
            (manifest,) = folder.glob("snapshots/*/manifest.json")
            tables = json.loads(manifest.read_text())["tables"]
            base, copied = _copy(keywords, folder / "copied", *(table["name"] for table in tables))
        written, rows = sum(table["bytes"] for table in tables), sum(table["rows"] for table in tables)
        yield Row(
            "export_snapshot, start included",
            "COPY of the same tables to disk",
            f"{len(tables)} tables, {rows:,} rows",
            f"{ours:.2f} s",
            f"{base:.2f} s",
            ours / base,
            f"{cpu:.1f} s of client CPU; {written / 1e6:.1f} MB, {written / copied:.2f} of the text",
        )


def _read_child_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _copy(keywords: Keywords, folder: Path, *tables: str) -> tuple[float, int]:
    """Return the seconds and bytes of COPY of tables to files."""
    folder.mkdir(exist_ok=True)
    began, size = time.perf_counter(), 0
    with psycopg.connect(**keywords) as connection:
        for table in tables:
            statement = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))
            with connection.cursor().copy(statement) as source, (folder / table).open("wb") as sink:
                for block in source:
                    size += sink.write(block)
    return time.perf_counter() - began, size
