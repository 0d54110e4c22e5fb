"""Timing, temporary databases and the printed table."""

import os
import secrets
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from ncfd_site.postgres import connection_parameters
from ncfd_site.schema.deploy import expected

PROJECT = Path(__file__).parent.parent
Keywords = Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """One line of the table: measurement, baseline and size."""

    what: str
    baseline: str
    size: str
    measured: str
    base: str
    ratio: float
    note: str = ""


def seconds(work: Callable[[], object], *, before: Callable[[], object] = lambda: None, repeat: int = 5) -> float:
    """Return the median time of several runs of `work` in seconds; `before` runs before each and is not measured."""
    taken = []
    for _ in range(repeat):
        before()
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


@contextmanager
def scratch(template: str = "template1") -> Iterator[Keywords]:
    """Yield the keywords of a temporary database."""
    with expected.scratch_database(connection_parameters()) as keywords:
        if template != "template1":
            renew(connection_parameters(), keywords["dbname"], template)
        yield keywords


def renew(server: Keywords, name: str, template: str = "template1") -> None:
    """Replace a database with a copy of the template."""
    _execute(server, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
    _execute(server, "CREATE DATABASE {} TEMPLATE {}", name, template)


def manage(keywords: Keywords, *arguments: str, **variables: str) -> None:
    """Run a command of manage.py on a database; raise SystemExit if it fails."""
    environment = {
        **os.environ,
        "DATABASE_URL": make_conninfo(**keywords),
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": "localhost",
        **variables,
    }
    run = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if run.returncode:
        raise SystemExit(f"manage.py {' '.join(arguments)} failed with exit code {run.returncode}: {run.stderr}")


def table(rows: list[Row]) -> str:
    """Return the rows as aligned text."""
    head = ["measured", "baseline", "size", "", "baseline's", "ratio", ""]
    cells = [[r.what, r.baseline, r.size, r.measured, r.base, f"{r.ratio:.2f}", r.note] for r in rows]
    widths = [max(len(line[i]) for line in [head, *cells]) for i in range(len(head))]
    lines = ("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) for line in [head, *cells])
    return "\n".join(line.rstrip() for line in lines)


def _execute(server: Keywords, statement: str, *names: str) -> None:
    with psycopg.connect(**{**server, "dbname": "postgres"}, autocommit=True) as admin:
        admin.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
