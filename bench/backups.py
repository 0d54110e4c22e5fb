"""Backups of trials and content compared with pg_dump and a copy of the folder; increments and restores."""

import hashlib
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from bench.measure import Keywords, Row, manage, scratch
from bench.trials import fill
from ncfd_site.postgres.embedded import programs

# Trials, objects of 64 KiB, and new objects of the increment.
SMALL, FULL, SIZE, NEW = (5_000, 1_600), (100_000, 16_384), 1 << 16, 160


def measure(full: bool) -> Iterator[Row]:
    """Return a row for each step."""
    trials, objects = FULL if full else SMALL
    with scratch() as keywords, tempfile.TemporaryDirectory() as name:
        folder, key = Path(name), secrets.token_urlsafe(32)
        fill(keywords, trials, runs=0)
        manage(keywords, "score_trials", "--run-id", "bench")
        _add_objects(keywords, folder / "content", range(objects))
        base = _time(lambda: _copy(keywords, folder))
        places = {place: {"BACKUP_TO": str(folder / place), "CONTENT_ROOT": str(folder / "content")} for place in "ab"}
        places["b"]["BACKUP_KEY"] = key
        size = f"{trials:,} trials, {objects:,} objects"

        def row(what: str, work: Callable[[], object], note: str = "") -> Row:
            taken = _time(work)
            return Row(what, "pg_dump, cp and sync", size, f"{taken:.1f} s", f"{base:.1f} s", taken / base, note)

        yield row("first backup", lambda: manage(keywords, "backup", **places["a"]), _describe(keywords, folder))
        yield row("first backup, encrypted", lambda: manage(keywords, "backup", **places["b"]))
        yield row("backup without changes", lambda: manage(keywords, "backup", **places["a"]))
        _add_objects(keywords, folder / "content", range(objects, objects + NEW))
        yield row(f"backup with {NEW} new objects", lambda: manage(keywords, "backup", **places["a"]))
        yield row("restore drill", lambda: manage(keywords, "restore_drill", **places["a"]), "verified twice")


def _time(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _add_objects(keywords: Keywords, root: Path, numbers: range) -> None:
    with psycopg.connect(**keywords) as connection:
        for number in numbers:
            data = hashlib.sha256(str(number).encode()).digest() + os.urandom(SIZE - 32)
            sha256 = hashlib.sha256(data).hexdigest()
            path = root / sha256[:2] / sha256
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            connection.execute("SELECT increment_storage_refcount(%s, 'local', 'bench', %s)", [sha256, number])
            connection.execute(
                "UPDATE storage_objects SET storage_uri = 'local://' || sha256, size_bytes = %s WHERE sha256 = %s",
                [SIZE, sha256],
            )


def _copy(keywords: Keywords, folder: Path) -> None:
    """Do what an operator would do without consistency, increments and verification."""
    dump: list[str | Path] = [programs.find_program("pg_dump"), "-Fc", "-f", folder / "dump", make_conninfo(**keywords)]
    subprocess.run(dump, check=True)
    shutil.copytree(folder / "content", folder / "copy")
    subprocess.run(["sync", "-f", folder], check=True)


def _describe(keywords: Keywords, folder: Path) -> str:
    with psycopg.connect(**keywords) as connection:
        ((size,),) = connection.execute("SELECT pg_database_size(current_database())").fetchall()
    dump = (folder / "dump").stat().st_size
    return f"database of {size >> 20} MiB, dump of {dump >> 20} MiB"
