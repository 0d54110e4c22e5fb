"""Databases for tests: made once by the revisions, then cloned, so that each test run and each worker has its own."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from ncfd_site.schema.deploy import history, revisions, run, session, versions
from ncfd_site.schema.deploy.report import Outcome, Progress

Keywords = Mapping[str, Any]


def execute(server: Keywords, statement: str, *names: str) -> None:
    """Run an administrative statement on the server; `{}` in it stands for the names."""
    with psycopg.connect(**{**server, "dbname": "postgres"}, autocommit=True) as admin:
        admin.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def migrate(keywords: Keywords, target: str = "head", allow_destructive: tuple[str, ...] = ()) -> None:
    """Bring a database to a revision, as a run of migrate_alembic does, without its reporting and verification."""
    quiet = Progress(lambda _: None, 0, Outcome(database="test"))
    with session.connect(keywords) as connection, session.run_lock(connection, 60):
        versions.widen(connection)
        rows = versions.read(connection).rows
        run.migrate(
            connection, revisions.resolve(target, rows[0] if rows else None), quiet, allow_destructive, history.Run()
        )


@contextmanager
def template(server: Keywords, name: str, build: Any) -> Iterator[str]:
    """A database to clone, built by `build(keywords)` by whichever worker comes first; stays for the next run."""
    with psycopg.connect(**{**server, "dbname": "postgres"}, autocommit=True) as admin:
        key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
        admin.execute("SELECT pg_advisory_lock(%s)", [key])
        found = admin.execute("SELECT datname FROM pg_database WHERE datname = %s", [name]).fetchone()
        if not found:
            half_made = f"{name}_new"
            execute(server, "DROP DATABASE IF EXISTS {} WITH (FORCE)", half_made)
            execute(server, "CREATE DATABASE {}", half_made)
            build({**server, "dbname": half_made})
            execute(server, "ALTER DATABASE {} RENAME TO {}", half_made, name)
        admin.execute("SELECT pg_advisory_unlock(%s)", [key])
    yield name


def become(keywords: Keywords, revision: str) -> None:
    """Put a database at a revision in the place of this one: a copy of one that the revisions make once."""
    name = f"ncfd_at_{revisions.ids().index(revision) + 1}_{schema_digest()}"
    with template(keywords, name, lambda made: migrate(made, revision)) as source:
        clone(keywords, source, keywords["dbname"])


def schema_digest() -> str:
    """Changes whenever what the revisions make may have changed."""
    files = sorted(path for path in revisions.SCHEMA_FOLDER.rglob("*") if path.suffix in (".py", ".sql"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]


def clone(server: Keywords, source: str, name: str) -> None:
    """Make a database as a copy of another one, in place of one of that name."""
    execute(server, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
    # FILE_COPY checkpoints and copies files; for databases as small as these the log is quicker.
    execute(server, "CREATE DATABASE {} TEMPLATE {} STRATEGY wal_log", name, source)
