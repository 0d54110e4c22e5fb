"""Duration of jobs in parts with two workers compared with one."""

import hashlib
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg.conninfo import make_conninfo

from bench.measure import PROJECT, Keywords, Row, manage, scratch
from bench.objects import fill_store
from bench.trials import fill

# Trials with two runs of scores; objects, and bytes of each.
SMALL, LARGE = (20_000, 2_000, 200_000), (200_000, 8_000, 500_000)
TURNS = 3
START = "INSERT INTO site_jobs (kind, arguments, requested_by) VALUES (%s, %s, 'bench') RETURNING job_id"
DURATION = "SELECT extract(epoch FROM finished_at - started_at)::float8 FROM site_jobs WHERE job_id = %s"
CONTENT = '{"only": ["hashes"], "sample": 100}'


def measure(full: bool) -> Iterator[Row]:
    """Return a row for each job: the ratio is that of the times with one worker and with two."""
    trials, objects, size = LARGE if full else SMALL
    with scratch() as keywords, tempfile.TemporaryDirectory() as root:
        fill(keywords, trials, runs=0)
        manage(keywords, "migrate")
        for run in ("one", "two"):
            manage(keywords, "score_trials", "--run-id", run)
        fill_store(keywords, objects, 1)
        _write_objects(Path(root), keywords, objects, size)
        for kind, arguments, what in (
            ("verify_scores", "{}", f"{2 * trials:,} scores, {4 * trials:,} gates"),
            ("storage_verify", CONTENT, f"hashes of {objects:,} objects of {size:,} bytes"),
        ):
            alone, both = (_measure(keywords, root, kind, arguments, count) for count in (1, 2))
            yield Row(
                f"{kind} as a job, two workers",
                "one worker",
                what,
                f"{both:.2f} s",
                f"{alone:.2f} s",
                alone / both,
                "goal: at least 1.7; clients and server share the processors",
            )


def _write_objects(root: Path, keywords: Keywords, count: int, size: int) -> None:
    """Write objects of `size` bytes, and let the rows name them."""
    hashes = []
    for number in range(count):
        data = f"{number}".encode().ljust(size, b"x")
        digest = hashlib.sha256(data).hexdigest()
        path = root / digest[:2] / digest
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        hashes.append(digest)
    with psycopg.connect(**keywords) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "UPDATE storage_objects o SET sha256 = h.sha256, storage_uri = 'local://' || h.sha256, size_bytes = %s"
            " FROM (SELECT object_id, (%s::text[])[row_number() OVER (ORDER BY object_id)] AS sha256"
            " FROM storage_objects) h WHERE h.object_id = o.object_id",
            [size, hashes],
        )


def _measure(keywords: Keywords, root: str, kind: str, arguments: str, workers: int) -> float:
    """Return the least seconds of several jobs, run by workers that have started."""
    environment = {
        **os.environ,
        "DATABASE_URL": make_conninfo(**keywords),
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": "localhost",
        "CONTENT_ROOT": root,
    }
    with ExitStack() as stack, psycopg.connect(**keywords, autocommit=True) as connection:
        for _ in range(workers):
            process = subprocess.Popen(
                [sys.executable, "manage.py", "run_jobs"], cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL
            )
            stack.callback(process.wait)
            stack.callback(process.terminate)
        while _read(connection, "SELECT count(*) FROM procrastinate_workers") != workers:
            time.sleep(0.2)
        return min(_run_job(connection, kind, arguments) for _ in range(TURNS))


def _run_job(connection: psycopg.Connection, kind: str, arguments: str) -> float:
    """Queue a job, wait until it is done, and return its duration."""
    job = _read(connection, START, kind, arguments)
    while (state := _read(connection, "SELECT state FROM site_jobs WHERE job_id = %s", job)) in ("queued", "running"):
        time.sleep(0.2)
    if state != "done":
        raise SystemExit(_read(connection, "SELECT error FROM site_jobs WHERE job_id = %s", job))
    return float(_read(connection, DURATION, job))


def _read(connection: psycopg.Connection, query: LiteralString, *values: Any) -> Any:
    row = connection.execute(query, values).fetchone()
    return row[0] if row else None
