"""Cost of storage_gc compared with a bare DELETE of the same rows and files, and its use of memory."""

import hashlib
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from bench.measure import PROJECT, Keywords, Row, manage, scratch
from bench.objects import fill_store

SMALL, LARGE = 1_000, 10_000
FULL_SMALL, FULL_LARGE = 10_000, 100_000
COMMAND = ("storage_gc", "--delete", "--retention-minutes=0", "--max-delete-percent=100", "--allow-missing-references")


@dataclass(frozen=True)
class Cost:
    """Duration of a run in seconds and its peak memory in MiB."""

    seconds: float
    memory: float


def measure(full: bool) -> Iterator[Row]:
    """Return a row for the speed and one for the memory."""
    small, large = (FULL_SMALL, FULL_LARGE) if full else (SMALL, LARGE)
    with scratch() as template, tempfile.TemporaryDirectory() as folder:
        manage(template, "migrate_alembic")
        costs: dict[int, Cost] = {}
        for size in (small, large):
            root = Path(folder) / f"{size}"
            with scratch(template["dbname"]) as keywords:
                _create_garbage(keywords, root, size)
                costs[size] = _collect_garbage(keywords, root)
                _require_empty(keywords, root)
        with scratch(template["dbname"]) as keywords:
            _create_garbage(keywords, Path(folder) / "bare", large)
            base = large / _delete_directly(keywords, Path(folder) / "bare")
    ours = large / costs[large].seconds
    yield Row(
        "storage_gc --delete",
        "bare DELETE and unlink",
        f"{large:,} objects",
        f"{ours:,.0f}/s",
        f"{base:,.0f}/s",
        ours / base,
        f"tombstones, records, durable; {small:,} at {small / costs[small].seconds:,.0f}/s",
    )
    yield Row(
        "peak memory of storage_gc --delete",
        f"with {small:,} objects",
        f"{large:,} objects",
        f"{costs[large].memory:.0f} MiB",
        f"{costs[small].memory:.0f} MiB",
        costs[large].memory / costs[small].memory,
        "bounded by a page of candidates",
    )


def _create_garbage(keywords: Keywords, root: Path, size: int) -> None:
    """Insert objects without references for a year, with their files."""
    fill_store(keywords, size, 0, age="365 days")
    for number in range(1, size + 1):
        sha256 = hashlib.sha256(str(number).encode()).hexdigest()
        file = root / sha256[:2] / sha256
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(number))
    # Vacuum of the inserted rows is not part of the run.
    os.sync()


def _collect_garbage(keywords: Keywords, root: Path) -> Cost:
    environment = {
        **os.environ,
        "DATABASE_URL": make_conninfo(**keywords),
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": "localhost",
        "CONTENT_ROOT": str(root),
    }
    with tempfile.TemporaryFile("w+") as errors:
        started = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, "manage.py", *COMMAND],
            cwd=PROJECT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        ) as run:
            # wait4 returns the resources of a finished child; `subprocess` does not.
            _, status, usage = os.wait4(run.pid, 0)
            taken = time.perf_counter() - started
            run.returncode = os.waitstatus_to_exitcode(status)
        if run.returncode:
            errors.seek(0)
            raise SystemExit(f"manage.py {' '.join(COMMAND)} failed with exit code {run.returncode}: {errors.read()}")
    return Cost(taken, usage.ru_maxrss / 1024)


def _delete_directly(keywords: Keywords, root: Path) -> float:
    with psycopg.connect(**keywords, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        started = time.perf_counter()
        connection.execute("DELETE FROM storage_objects")
        for folder in list(root.iterdir()):
            for file in list(folder.iterdir()):
                file.unlink()
            handle = os.open(folder, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)
        return time.perf_counter() - started


def _require_empty(keywords: Keywords, root: Path) -> None:
    with psycopg.connect(**keywords) as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM storage_objects), (SELECT count(*) FROM storage_tombstones)"
        ).fetchone()
    left = sum(file.is_file() for file in root.rglob("*"))
    if row != (0, 0) or left:
        raise SystemExit(f"storage_gc left rows and tombstones {row} and {left} files.")
