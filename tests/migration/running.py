"""Runs of `migrate_alembic`: its functions, its command in this process, and processes."""

import os
import secrets
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connections
from django.db.utils import ConnectionHandler
from psycopg.conninfo import make_conninfo

from manage import main
from ncfd_site.config import database
from ncfd_site.schema.deploy import deploy
from ncfd_site.schema.deploy.deploy import DeployOptions
from ncfd_site.schema.deploy.report import Progress, RunResult
from tests.databases import Keywords
from tests.migration import copies
from tests.migration.test_contract import PROJECT

SECRET_KEY = secrets.token_urlsafe(50)


def run(keywords: Keywords, target: str = "head", lock_wait: float = 60, **terms: Any) -> RunResult:
    """Run `migrate_alembic` and return its result."""
    result = RunResult(database="test")
    deploy.deploy(keywords, target, Progress(lambda _: None, 0, result, lock_wait), DeployOptions(**terms))
    return result


def adopt(keywords: Keywords, asked: str = "auto", target: str = "head", **terms: Any) -> tuple[RunResult, list[str]]:
    """Run `migrate_alembic --adopt auto --noinput`; return its result and its lines."""
    result, lines = RunResult(database="test"), list[str]()
    deploy.adopt_schema(
        keywords, asked, target, Progress(lines.append, 1, result), DeployOptions(**terms), confirm=lambda: True
    )
    return result, lines


def query(keywords: Keywords, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(**keywords) as connection:
        return connection.execute(statement).fetchall()


def call(keywords: Keywords, *arguments: str, schema: Path | None = None) -> tuple[int, str, str]:
    """Run `manage.py migrate_alembic` in this process; return exit code, output and errors.

    `schema` is a copy of the folder of the revisions.
    """
    if schema:
        with copies.use(schema):
            return call(keywords, *arguments)
    out, error = StringIO(), StringIO()
    code: Any = 0
    before = connections["default"]
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(error):
        patch.setenv("DATABASE_URL", make_conninfo(**keywords))
        # No terminal: nothing is asked.
        patch.setattr(sys, "stdin", StringIO())
        connections["default"] = ConnectionHandler(database.build_django_settings())["default"]
        try:
            main(["manage.py", "migrate_alembic", *arguments])
        except SystemExit as end:
            code = end.code
        finally:
            connections["default"] = before
    return code, out.getvalue(), error.getvalue()


def environment(keywords: Keywords) -> dict[str, str]:
    """Return the environment of a process that uses a database."""
    return {
        **os.environ,
        "DATABASE_URL": make_conninfo(**keywords),
        "SECRET_KEY": SECRET_KEY,
        "ALLOWED_HOSTS": "localhost",
    }


def start(
    keywords: Keywords,
    *arguments: str,
    command: tuple[str, ...] = ("manage.py", "migrate_alembic"),
) -> subprocess.Popen[str]:
    """Start a process with a command line against a database."""
    return subprocess.Popen(
        [sys.executable, *command, *arguments],
        cwd=PROJECT,
        env=environment(keywords),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, error = process.communicate(timeout=120)
    return process.returncode, out, error
